//! The practical examples of the original report as command lines that do the same, and measure it:
//! each is the run's own, with another load.

use crate::document::{Block, Example, Section};
use crate::sections::configuration::command_line;
use crate::text::Text;
use crate::tools::overview::Overview;

/// Options of the load that a variation replaces; each has a value.
const LOAD: [&str; 7] =
    ["--agents", "--calls", "--ladder", "--find-capacity", "--repeat", "--rate", "--sequential"];
/// Options of what is called, that a mix replaces; each has a value.
const CALL: [&str; 5] = ["--tool", "--args", "--file", "--expect-bytes", "--expect-sha256"];
/// Options with a value that say where results go: a variation has its own place.
const OUTPUT: [&str; 2] = ["--out", "--name"];

pub(super) fn section(overview: &Overview<'_>) -> Section {
    Section {
        id: "examples",
        title: "Practical examples",
        question: "How is this repeated, and varied?",
        blocks: vec![Block::Examples(examples(overview))],
    }
}

fn examples(overview: &Overview<'_>) -> Vec<Example> {
    let given = &overview.run.command_line;
    let mut examples = vec![example("This run again:", given)];
    let Some(varied) = Varied::of(given) else { return examples };
    examples.extend([
        example(
            "Several clients, each with one call at a time:",
            &varied.with(&LOAD, &["--agents", "4", "--calls", "1"]),
        ),
        example(
            "One client with many calls at once:",
            &varied.with(&LOAD, &["--agents", "1", "--calls", "10"]),
        ),
    ]);
    examples.push(several_tools(overview, &varied));
    examples.extend([
        example(
            "The most agents, with eight calls each at once, whose files are all right and who are \
             answered within two seconds:",
            &varied.with(
                &[&LOAD[..], &["--slo"]].concat(),
                &["--find-capacity", "1..64", "--slo", "ok >= 100%", "--slo", "call.p95 <= 2s"],
            ),
        ),
        example(
            "What calling at once gains, and whether the server still answers meanwhile:",
            &varied.with(
                &[&LOAD[..], &["--probe-every"]].concat(),
                &["--ladder", "1x1,4x8,4x32,16x32", "--sequential", "32", "--probe-every", "50ms"],
            ),
        ),
        Example {
            what: "Two runs side by side, the first as the base:".into(),
            command: "weir compare before/run.json after/run.json --fail-if 'call.p95 > +10%'"
                .into(),
        },
    ]);
    examples
}

/// Several operations of one client at once: with the run's own tools where it has several.
fn several_tools(overview: &Overview<'_>, varied: &Varied<'_>) -> Example {
    let load = ["--agents", "1", "--calls", "4"];
    if overview.run.workload.tools.len() > 1 {
        let what = if overview.stages().len() > 1 {
            "One client with several operations at once, in the last stage:"
        } else {
            "One client with several operations at once:"
        };
        return example(what, &varied.with(&LOAD, &load));
    }
    let replaced = [&LOAD[..], &CALL].concat();
    let added = [&load[..], &["--mix", "mix.toml"]].concat();
    example(
        "One client with several operations at once, once they are written into a mix (weir stress \
         tools --help says how):",
        &varied.with(&replaced, &added),
    )
}

/// A command line of `weir stress tools` that is varied.
struct Varied<'r> {
    /// Up to the subcommand.
    command: &'r [String],
    /// Options and target.
    rest: &'r [String],
}

impl<'r> Varied<'r> {
    /// `None` for a run that no command line made.
    fn of(given: &'r [String]) -> Option<Self> {
        let at = given.windows(2).position(|words| words == ["stress", "tools"])?;
        let (command, rest) = given.split_at(at + 2);
        Some(Self { command, rest })
    }

    /// The command line without these options, nor those of the output, and with the added words.
    fn with(&self, without: &[&str], added: &[&str]) -> Vec<String> {
        let leaves = |word: &str| without.contains(&word) || OUTPUT.contains(&word);
        let mut words = self.command.to_vec();
        words.extend(added.iter().map(|&word| word.to_owned()));
        let mut rest = self.rest.iter();
        while let Some(word) = rest.next() {
            if word == "--" {
                // What follows is somebody else's command.
                words.push(word.clone());
                break;
            }
            match word.split_once('=') {
                _ if word == "--full" => {}
                _ if leaves(word) => {
                    rest.next();
                }
                Some((option, _)) if leaves(option) => {}
                _ => words.push(word.clone()),
            }
        }
        words.extend(rest.cloned());
        words
    }
}

fn example(what: impl Into<Text>, words: &[String]) -> Example {
    Example { what: what.into(), command: command_line(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    fn check(given: &str, expected: &str) {
        let given = words(given);
        let varied = Varied::of(&given).unwrap().with(&LOAD, &["--agents", "2"]);
        assert_eq!(varied.join(" "), expected);
    }

    #[test]
    fn a_variation_changes_the_load_and_keeps_all_else() {
        check(
            "weir -q stress tools --ladder 16x32 --out x --full --verify-dir m --file {name} \
             --sequential=9 --header k:v http://h/mcp --timeout 5s",
            "weir -q stress tools --agents 2 --verify-dir m --file {name} --header k:v \
             http://h/mcp --timeout 5s",
        );
    }

    #[test]
    fn the_command_of_a_server_is_left_alone() {
        check(
            "weir stress tools --tool t --calls 3 -- server --calls 3 --full",
            "weir stress tools --agents 2 --tool t -- server --calls 3 --full",
        );
    }

    #[test]
    fn what_no_command_line_made_is_not_varied() {
        assert!(Varied::of(&words("weir")).is_none());
    }
}
