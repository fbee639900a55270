//! What a run of tool calls will do, checked, with every default filled in.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use results::Slo;
use results::tools::Shape;

use super::event::ToolsPlan;
use super::mix::{Mix, Share};
use super::session::Protocol;
use super::stdio::Command;
use super::verify::Source;
use crate::capacity::Bounds;
use crate::config::Header;
use crate::error::Error;
use crate::notation::NotationError;
use crate::target_url::TargetUrl;

/// Agents and calls of each when nobody says: those of the report that Weir replaces.
pub const DEFAULT_SHAPE: Shape = Shape { agents: 4, calls_per_agent: 8 };

/// Deadline of one call when nobody says: a large download on a slow line.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// How often the trivial call is made when nobody says.
pub const DEFAULT_PROBE_EVERY: Duration = Duration::from_millis(50);

/// Shortest period of the trivial call: beyond it the probe is load of its own.
pub const MIN_PROBE_EVERY: Duration = Duration::from_millis(5);

/// Most levels of a ladder.
pub const MAX_LEVELS: usize = 100;

/// Most calls that a level may have open at once, and most sequential calls.
pub const MAX_OPEN_CALLS: u64 = 20_000;

/// Most calls that a level makes: each is kept until its file has been checked.
pub const MAX_CALLS: u64 = 1_000_000;

/// Most calls a second that can be asked for: one thread can start them in time.
pub const MAX_RATE: f64 = 10_000.0;

/// Everything about a run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The run's name.
    pub name: String,
    /// What the load is called: `download`, `mix`, a mix file's name.
    pub scenario: String,
    /// How the server is reached.
    pub reach: Reach,
    /// The revision to speak.
    pub protocol: Protocol,
    /// The loads, each climbed by itself, in turn.
    pub stages: Vec<Stage>,
    /// Which levels are run.
    pub climb: Climb,
    /// Calls that each of an agent's places makes, one after the other.
    pub repeat: u64,
    /// Calls a second over all agents; without it all start at once.
    pub rate: Option<f64>,
    /// Deadline of one call.
    pub timeout: Duration,
    /// How often the trivial call is made; `None` for never.
    pub probe_every: Option<Duration>,
    /// Calls one after the other before the load; 0 for none.
    pub sequential: u64,
    /// Where files are read back from.
    pub source: Option<Source>,
    /// The base URL of an upstream that counts.
    pub upstream: Option<TargetUrl>,
    /// Where the bytes of a bare transfer are written, and removed again.
    pub scratch: PathBuf,
    /// What every level must meet.
    pub slos: Vec<Slo>,
    /// Seed of the embedded simulator; what the tester does has no chance in it.
    pub seed: u64,
    /// The embedded simulator's profile.
    pub profile: Option<String>,
    /// The command line, secrets replaced.
    pub command_line: Vec<String>,
}

/// One load of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// What it is called; `None` where a run has but one.
    pub name: Option<String>,
    /// The tools.
    pub mix: Mix,
    /// Where the same bytes come from without any tool.
    pub bare: Option<TargetUrl>,
}

/// How the server is reached.
#[derive(Debug, Clone)]
pub enum Reach {
    /// Streamable HTTP.
    Http {
        /// The endpoint.
        url: TargetUrl,
        /// Headers of every request, the key among them.
        headers: Vec<Header>,
        /// Certificates to trust beside the system's.
        cacert: Option<PathBuf>,
        /// Any certificate is trusted.
        insecure: bool,
    },
    /// A command of ours.
    Stdio {
        /// The command.
        command: Command,
        /// One process for all agents, instead of one for each.
        shared: bool,
    },
}

impl Reach {
    /// The target as people read it.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Http { url, .. } => url.to_string(),
            Self::Stdio { command, .. } => {
                let words: Vec<String> =
                    std::iter::once(&command.program).chain(&command.arguments).cloned().collect();
                crate::secret::redact_command_line(&words).join(" ")
            }
        }
    }
}

/// Which levels are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Climb {
    /// These.
    Ladder(Vec<Shape>),
    /// Ever more agents, until the SLO is missed.
    Search {
        /// Agents.
        agents: Bounds,
        /// Calls of each at once.
        calls_per_agent: u64,
    },
}

impl Climb {
    /// The most calls at once of any level.
    #[must_use]
    pub fn most_open(&self) -> u64 {
        match self {
            Self::Ladder(shapes) => shapes.iter().map(|shape| shape.load()).max().unwrap_or(0),
            Self::Search { agents, calls_per_agent } => agents.max.saturating_mul(*calls_per_agent),
        }
    }
}

impl Settings {
    /// What will be done; `None` for a capacity search, whose levels depend on what it finds.
    #[must_use]
    pub fn plan(&self) -> Option<ToolsPlan> {
        let Climb::Ladder(shapes) = &self.climb else { return None };
        let stages = u64::try_from(self.stages.len()).unwrap_or(u64::MAX);
        let of_stage: u64 =
            shapes.iter().map(|shape| shape.load().saturating_mul(self.repeat)).sum();
        // Each tool of a mix is called as often as its weight says.
        let in_turn = |stage: &Stage| self.sequential.next_multiple_of(stage.mix.cycle());
        Some(ToolsPlan {
            levels: self.stages.len() * shapes.len(),
            calls: of_stage.saturating_mul(stages),
            sequential: self.stages.iter().map(in_turn).sum(),
        })
    }

    /// Checks what only all options together can show.
    ///
    /// # Errors
    /// [`Error::Conflict`] for bounds that are passed, and for places without a source.
    pub fn check(&self) -> Result<(), Error> {
        let conflict = |text: String| Err(Error::Conflict(text));
        let most = self.climb.most_open();
        if most == 0 || most > MAX_OPEN_CALLS {
            return conflict(format!("{most} calls at once are not from 1 to {MAX_OPEN_CALLS}"));
        }
        let calls = most.saturating_mul(self.repeat);
        if self.repeat == 0 || calls > MAX_CALLS {
            return conflict(format!("{calls} calls in a level are not from 1 to {MAX_CALLS}"));
        }
        if self.sequential > MAX_OPEN_CALLS {
            return conflict(format!("--sequential is at most {MAX_OPEN_CALLS}"));
        }
        if let Some(rate) = self.rate
            && !(rate > 0.0 && rate <= MAX_RATE)
        {
            return conflict(format!("--rate is above 0 and at most {MAX_RATE} calls a second"));
        }
        if self.probe_every.is_some_and(|every| every < MIN_PROBE_EVERY) {
            return conflict("--probe-every is at least 5ms".to_owned());
        }
        if self.timeout.is_zero() {
            return conflict("--timeout is longer than nothing".to_owned());
        }
        let expects = |share: &Share| !share.expected.is_empty() || share.same_as.is_some();
        if self.source.is_none()
            && let Some(share) = self.shares().find(|share| expects(share))
        {
            return conflict(format!(
                "what the file of {} must be is said, but not where it lands: give --verify-dir or \
                 --verify-url",
                share.tool
            ));
        }
        if let Some(Source::Url(template)) = &self.source {
            if !template.contains("{name}") {
                return conflict("--verify-url has {name} where the file's name goes".to_owned());
            }
            super::verify::url_of(template, "x").parse::<TargetUrl>()?;
        }
        Ok(())
    }

    /// All tools of all stages.
    pub fn shares(&self) -> impl Iterator<Item = &Share> {
        self.stages.iter().flat_map(|stage| &stage.mix.shares)
    }
}

/// A ladder of shapes, written `4x8,4x32,16x32`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeLadder(pub Vec<Shape>);

impl FromStr for ShapeLadder {
    type Err = NotationError;

    fn from_str(text: &str) -> Result<Self, NotationError> {
        let error = |reason: String| NotationError::new("ladder", text, reason);
        let shapes: Vec<Shape> = text
            .split(',')
            .map(|part| part.trim().parse().map_err(|reason| error(format!("{reason}"))))
            .collect::<Result<_, _>>()?;
        if shapes.len() > MAX_LEVELS {
            return Err(error(format!("it has more than {MAX_LEVELS} levels")));
        }
        Ok(Self(shapes))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tools::mix::Expectation;

    fn settings(climb: Climb) -> Settings {
        let mix = Mix::of("t", json!({}), None, Expectation::default()).unwrap();
        Settings {
            name: "n".to_owned(),
            scenario: "s".to_owned(),
            reach: Reach::Stdio {
                command: Command { program: "p".to_owned(), arguments: Vec::new() },
                shared: false,
            },
            protocol: Protocol::Auto,
            stages: vec![Stage { name: None, mix, bare: None }],
            climb,
            repeat: 1,
            rate: None,
            timeout: DEFAULT_TIMEOUT,
            probe_every: None,
            sequential: 0,
            source: None,
            upstream: None,
            scratch: PathBuf::new(),
            slos: Vec::new(),
            seed: 1,
            profile: None,
            command_line: Vec::new(),
        }
    }

    fn ladder(text: &str) -> Climb {
        Climb::Ladder(text.parse::<ShapeLadder>().unwrap().0)
    }

    #[test]
    fn a_plan_counts_the_calls_of_all_levels_and_stages() {
        let one = settings(ladder("16x32"));
        let plan = |levels, calls, sequential| Some(ToolsPlan { levels, calls, sequential });
        assert_eq!(one.plan(), plan(1, 512, 0));
        let stages = [one.stages.clone(), one.stages.clone()].concat();
        let two = Settings { stages, repeat: 3, sequential: 32, ..settings(ladder("4x8,16x32")) };
        assert_eq!(two.plan(), plan(4, (32 + 512) * 3 * 2, 64));
        let bounds = Bounds { min: 1, max: 9 };
        let search = settings(Climb::Search { agents: bounds, calls_per_agent: 2 });
        assert_eq!(search.plan(), None);
    }

    fn check_refused(settings: &Settings, part: &str) {
        let message = settings.check().unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }

    #[test]
    fn a_ladder_is_shapes_with_commas_between() {
        assert_eq!(ladder("4x8, 16x32").most_open(), 512);
        for wrong in ["", "4", "4x", "x8", "0x1", "4x8,", "4x8;1x1"] {
            assert!(wrong.parse::<ShapeLadder>().is_err(), "{wrong}");
        }
        assert!(vec!["1x1"; MAX_LEVELS].join(",").parse::<ShapeLadder>().is_ok());
        assert!(vec!["1x1"; MAX_LEVELS + 1].join(",").parse::<ShapeLadder>().is_err());
    }

    #[test]
    fn bounds_are_checked_at_their_edges() {
        assert!(settings(ladder("200x100")).check().is_ok());
        check_refused(&settings(ladder("200x101")), "not from 1 to 20000");
        let repeat = |repeat| Settings { repeat, ..settings(ladder("100x100")) };
        assert!(repeat(100).check().is_ok());
        check_refused(&repeat(101), "calls in a level");
        check_refused(&repeat(0), "calls in a level");
        let probe = |millis| Settings {
            probe_every: Some(Duration::from_millis(millis)),
            ..settings(ladder("1x1"))
        };
        assert!(probe(5).check().is_ok());
        check_refused(&probe(4), "at least 5ms");
        let rate = |rate| Settings { rate: Some(rate), ..settings(ladder("1x1")) };
        assert!(rate(MAX_RATE).check().is_ok());
        check_refused(&rate(0.0), "--rate");
        check_refused(&rate(f64::NAN), "--rate");
    }

    #[test]
    fn files_are_read_back_from_somewhere() {
        let url = |template: &str| Settings {
            source: Some(Source::Url(template.to_owned())),
            ..settings(ladder("1x1"))
        };
        assert!(url("http://h/{name}").check().is_ok());
        check_refused(&url("http://h/"), "{name}");
        check_refused(&url("{name}"), "write http://");
        let expected = Expectation { bytes: Some(1), sha256: None };
        let mix = Mix::of("t", json!({}), None, expected).unwrap();
        let stages = vec![Stage { name: None, mix, bare: None }];
        let blind = Settings { stages, ..settings(ladder("1x1")) };
        check_refused(&blind, "--verify-dir");
    }
}
