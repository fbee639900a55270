//! One row a level with every number of it, for spreadsheets and scripts: raw values, a point as
//! the decimal mark, empty where nothing was measured.
//!
//! The columns are the paths of `run.json` with underscores; RFC 4180 with `\n` line ends.

use results::level::{Level, Outcome};
use results::summary::Statistic;
use results::units::float;
use results::{Run, Summary};

use crate::figure::Metric;
use crate::number::raw;
use crate::overview::{LevelView, Overview};

const METRICS: [Metric; 9] = [
    Metric::Connect,
    Metric::Ttfb,
    Metric::Ttft,
    Metric::Gap,
    Metric::Total,
    Metric::Stretch,
    Metric::ChunksPerStream,
    Metric::BytesPerStream,
    Metric::CharsPerStream,
];

/// The run's levels as CSV, the names of the columns in the first line.
#[must_use]
pub fn render(run: &Run) -> String {
    let overview = Overview::of(run);
    let mut out = header();
    for view in &overview.levels {
        let mut line = vec![field(&run.id), field(&run.name)];
        line.extend(counts(view.level));
        line.extend(METRICS.into_iter().flat_map(|metric| summary(metric.of(view.level))));
        line.extend(rates(*view));
        line.push(view.level.trusted.to_string());
        line.push(field(&view.level.trust_notes.join("; ")));
        out.push_str(&line.join(","));
        out.push('\n');
    }
    out
}

fn header() -> String {
    let mut names: Vec<String> =
        ["run_id", "run_name", "users", "started", "succeeded", "complete", "correct"]
            .map(str::to_owned)
            .to_vec();
    names.extend(Outcome::ALL.map(|outcome| format!("outcomes_{}", outcome.name())));
    names.extend(
        ["interrupted", "refused", "peak_open", "stalls", "chunks", "bytes"].map(str::to_owned),
    );
    for metric in METRICS {
        names.extend(summary_names(metric.field()));
    }
    names.extend(
        [
            "duration_s",
            "chunks_per_s",
            "bytes_per_s",
            "fairness",
            "target_cpu_s",
            "target_cpu_us_per_chunk",
            "target_peak_rss_bytes",
            "tester_cpu_s",
            "tester_peak_rss_bytes",
            "machine_other_cpu_s",
            "machine_busy",
            "trusted",
            "trust_notes",
        ]
        .map(str::to_owned),
    );
    format!("{}\n", names.join(","))
}

fn counts(level: &Level) -> Vec<String> {
    let mut counts = vec![
        level.users.to_string(),
        level.started.to_string(),
        level.succeeded.to_string(),
        level.complete.to_string(),
        level.correct.map_or_else(String::new, |correct| correct.to_string()),
    ];
    counts.extend(Outcome::ALL.map(|outcome| level.outcomes.get(outcome).to_string()));
    counts.extend(
        [
            level.interrupted,
            level.refused,
            level.peak_open,
            level.stalls,
            level.chunks,
            level.bytes,
        ]
        .map(|count| count.to_string()),
    );
    counts
}

/// The names of the columns that [`summary`] fills.
pub(crate) fn summary_names(name: &str) -> Vec<String> {
    let mut names = vec![format!("{name}_count")];
    names.extend(Statistic::ALL.map(|statistic| format!("{name}_{}", statistic.name())));
    names
}

/// Count and statistics; a statistic with too few samples is empty, as it is a dash for people.
pub(crate) fn summary(summary: Option<Summary>) -> Vec<String> {
    let mut fields = vec![summary.map_or_else(String::new, |summary| summary.count.to_string())];
    fields.extend(
        Statistic::ALL.map(|statistic| number(summary.and_then(|s| s.supported(statistic)))),
    );
    fields
}

fn rates(view: LevelView<'_>) -> Vec<String> {
    let level = view.level;
    [
        Some(level.duration_s),
        Some(level.chunks_per_s),
        Some(level.bytes_per_s),
        level.fairness,
        view.target_cpu_s(),
        view.target_cpu_per_event().value,
        view.target_memory().value,
        Some(level.tester_usage.cpu_s),
        Some(float(level.tester_usage.peak_rss_bytes)),
        level.machine_other_cpu_s,
        level.machine_busy,
    ]
    .map(number)
    .to_vec()
}

pub(crate) fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, raw)
}

/// A text field. One that a spreadsheet would take for a formula gets an apostrophe before it.
pub(crate) fn field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn fields_are_quoted_where_needed_and_are_no_formulas() {
        let quoted = ["plain", "a,b", "say \"hi\"", "=1+1"].map(field);
        assert_eq!(quoted, ["plain", "\"a,b\"", "\"say \"\"hi\"\"\"", "'=1+1"]);
    }

    #[test]
    fn every_line_has_as_many_fields_as_there_are_names() {
        for (name, run) in samples::all().into_iter().filter(|(name, _)| *name != "hostile") {
            let text = render(&run);
            let names = text.lines().next().unwrap().split(',').count();
            for line in text.lines() {
                assert_eq!(line.split(',').count(), names, "{name}: {line}");
            }
        }
    }

    #[test]
    fn csv_reads_as_before() {
        insta::assert_snapshot!("quick", render(&samples::quick()));
        insta::assert_snapshot!("failures", render(&samples::failures()));
        insta::assert_snapshot!("hostile", render(&samples::hostile()));
        insta::assert_snapshot!("empty", render(&samples::empty()));
    }
}
