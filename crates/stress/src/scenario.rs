//! Scenarios: ready-made configurations, built in or from a TOML file.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::error::Error;

/// A named configuration.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name: the built-in's, or the file's without its ending.
    pub name: String,
    /// What it says.
    pub config: Config,
}

/// The scenario of a run without a target and without a scenario of its own.
pub const DEFAULT_SCENARIO: &str = "quick";

/// The built-in scenarios: name and text. They are the files of `examples/scenarios`.
pub const BUILT_IN: [(&str, &str); 4] = [
    ("quick", include_str!("../../../examples/scenarios/quick.toml")),
    ("ladder", include_str!("../../../examples/scenarios/ladder.toml")),
    ("spike", include_str!("../../../examples/scenarios/spike.toml")),
    ("soak", include_str!("../../../examples/scenarios/soak.toml")),
];

/// Largest scenario file that is read.
const MAX_SCENARIO_BYTES: u64 = 1 << 20;

impl Scenario {
    /// The built-in scenario of this name, or the scenario in this file: anything with a `/` or
    /// the ending `.toml` is a file.
    ///
    /// # Errors
    /// When there is no such name or file, or the file is no scenario.
    pub fn load(name_or_file: &str) -> Result<Self, Error> {
        if name_or_file.contains('/') || name_or_file.ends_with(".toml") {
            return Self::read(Path::new(name_or_file));
        }
        let (name, text) = BUILT_IN
            .into_iter()
            .find(|(name, _)| *name == name_or_file)
            .ok_or_else(|| Error::UnknownScenario {
                name: name_or_file.to_owned(),
                known: BUILT_IN.map(|(name, _)| name).join(", "),
            })?;
        Self::parse(name, Path::new(name), text)
    }

    fn read(file: &Path) -> Result<Self, Error> {
        let error = |source| Error::ScenarioRead { file: file.to_owned(), source };
        if std::fs::metadata(file).map_err(error)?.len() > MAX_SCENARIO_BYTES {
            let reason = std::io::Error::other("it is larger than 1 MiB");
            return Err(error(reason));
        }
        let text = std::fs::read_to_string(file).map_err(error)?;
        let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        Self::parse(&name.unwrap_or_default(), file, &text)
    }

    fn parse(name: &str, file: &Path, text: &str) -> Result<Self, Error> {
        let config = toml::from_str(text).map_err(|reason| Error::ScenarioSyntax {
            file: PathBuf::from(file),
            reason: Box::new(reason),
        })?;
        Ok(Self { name: name.to_owned(), config })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn syntax_error(text: &str) -> String {
        Scenario::parse("mine", Path::new("mine.toml"), text).unwrap_err().to_string()
    }

    #[test]
    fn every_built_in_scenario_says_what_it_is_for() {
        for (name, _) in BUILT_IN {
            let scenario = Scenario::load(name).unwrap();
            assert_eq!(scenario.name, name);
            assert!(scenario.config.description.is_some_and(|text| text.len() > 20), "{name}");
        }
    }

    #[test]
    fn the_ladder_has_the_documents_thirteen_levels() {
        let ladder = Scenario::load("ladder").unwrap().config.ladder.unwrap();
        assert_eq!(
            ladder.levels(),
            [100, 250, 500, 750, 1000, 1250, 1500, 1750, 2000, 2250, 2500, 2750, 3000]
        );
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let message = Scenario::load("quikc").unwrap_err().to_string();
        assert!(message.contains("quick, ladder, spike, soak"), "{message}");
        assert!(matches!(Scenario::load("./no.toml"), Err(Error::ScenarioRead { .. })));
    }

    #[test]
    fn a_wrong_file_shows_line_and_caret() {
        let message = syntax_error("model = 'm'\nladder = 'abc'\n");
        assert!(message.contains("2 | ladder = 'abc'") && message.contains("^^^^^"), "{message}");
        assert!(message.contains("not a number of users"), "{message}");
        let message = syntax_error("slo = 'call.p95 <= 2s'\n");
        assert!(message.contains("a run of streams measures ttft"), "{message}");
        let message = syntax_error("laddr = '1'\n");
        assert!(message.contains("unknown field `laddr`") && message.contains('^'), "{message}");
        let message = syntax_error("ladder = \n");
        assert!(message.contains("1 | ladder ="), "{message}");
    }
}
