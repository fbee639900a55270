//! The practical examples of the original report as command lines that do the same, and measure it.

use results::tools::{ToolShare, Transport};

use crate::document::{Block, Example, Section};
use crate::sections::configuration::command_line;
use crate::text::{Text, text};
use crate::tools::overview::Overview;

pub(super) fn section(overview: &Overview<'_>) -> Section {
    Section {
        id: "examples",
        title: "Practical examples",
        question: "How is this repeated, and varied?",
        blocks: vec![Block::Examples(examples(overview))],
    }
}

fn examples(overview: &Overview<'_>) -> Vec<Example> {
    let mut examples = vec![example("This run again:", overview.run.command_line.clone())];
    let Some(first) = overview.run.workload.tools.first() else { return examples };
    let vary = |options: &[&str]| {
        let mut words: Vec<String> =
            ["weir", "stress", "tools"].into_iter().map(str::to_owned).collect();
        words.extend(options.iter().map(|&option| option.to_owned()));
        words.extend(what(first, overview.run.target.embedded));
        words.extend(target(overview));
        words
    };
    examples.push(example(
        "Several clients, each with one call at a time:",
        vary(&["--agents", "4", "--calls", "1"]),
    ));
    examples.push(example(
        "One client with many calls at once:",
        vary(&["--agents", "1", "--calls", "10"]),
    ));
    examples.push(example(
        "The highest load that keeps every file right and answers within two seconds:",
        vary(&["--find-capacity", "1..512", "--slo", "ok >= 100%", "--slo", "call.p95 <= 2s"]),
    ));
    examples.push(example(
        "What calling at once gains, and whether the server still answers meanwhile:",
        vary(&["--ladder", "1x1,4x8,4x32,16x32", "--sequential", "32", "--probe-every", "50ms"]),
    ));
    examples.push(Example {
        what: text!["Two runs side by side, the first as the base:"],
        command: "weir compare before/run.json after/run.json --fail-if 'call.p95 > +10%'".into(),
    });
    examples
}

/// Which call is made, unless the run without a target knows by itself.
fn what(share: &ToolShare, embedded: bool) -> Vec<String> {
    if embedded {
        return Vec::new();
    }
    ["--tool", &share.tool, "--args", &share.arguments].map(str::to_owned).to_vec()
}

/// The server: its URL, or the command that starts it.
fn target(overview: &Overview<'_>) -> Vec<String> {
    let target = &overview.run.target;
    if target.embedded {
        return Vec::new();
    }
    match overview.run.workload.transport {
        Transport::Http => vec![target.url.clone()],
        Transport::Stdio | Transport::StdioShared => {
            let given = &overview.run.command_line;
            let at = given.iter().position(|word| word == "--");
            at.map_or_else(Vec::new, |at| given[at..].to_vec())
        }
    }
}

fn example(what: impl Into<Text>, words: Vec<String>) -> Example {
    Example { what: what.into(), command: command_line(&words) }
}
