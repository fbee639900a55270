//! The comparison in one line a server: its rank, and the numbers of the highest load.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::number::three_digits;

/// A column: its head, its key in `weir compare`, and what one of its unit is in the head's.
type Column = (&'static str, &'static str, f64);

/// The columns beside rank, name and load.
const COLUMNS: [Column; 8] = [
    ("whole, %", "complete", 1.0),
    ("TTFT p50, ms", "ttft_p50", 1.0),
    ("TTFT p95, ms", "ttft_p95", 1.0),
    ("gap p99, ms", "gap_p99", 1.0),
    ("total p95, s", "total_p95", 1e-3),
    ("stretch p95", "stretch_p95", 1.0),
    ("CPU, µs/event", "cpu", 1.0),
    ("memory, KiB/stream", "memory", 1.0 / 1024.0),
];
/// Stands after the target's own CPU where a run has a process that answers its target.
const WITH_UPSTREAM: Column = ("with upstream, µs/event", "cpu_with_upstream", 1.0);

/// A Markdown table from the JSON of `weir compare`, the best first.
///
/// # Errors
/// When the JSON is not what `weir compare` writes.
pub(super) fn table(comparison: &Value) -> Result<String> {
    let runs = comparison["runs"].as_array().context("a comparison has runs")?;
    let loads = runs.iter().filter_map(|run| run["levels"].as_array()).flatten();
    let load = loads.filter_map(|level| level["load"].as_u64()).max().context("no level ended")?;
    let columns = columns(runs);
    let heads: Vec<&str> = columns.iter().map(|(head, _, _)| *head).collect();
    let mut table = format!(
        "| rank | server | users held | {} |\n|---:|:---|---:|{}\n",
        heads.join(" | "),
        "---:|".repeat(columns.len())
    );
    let (mut untrusted, mut unranked) = (false, false);
    for place in comparison["ranking"].as_array().context("a comparison has a ranking")? {
        let index = place["run"].as_u64().and_then(|run| usize::try_from(run).ok());
        let run = index.and_then(|run| runs.get(run)).context("the ranking is of the runs")?;
        let levels = run["levels"].as_array().context("a run has levels")?;
        let level = levels.iter().find(|level| level["load"].as_u64() == Some(load));
        let trusted = level.is_none_or(|level| level["trusted"] == true);
        let rank = place["rank"].as_u64();
        untrusted |= !trusted;
        unranked |= rank.is_none();
        let cells: Vec<String> = columns
            .iter()
            .map(|(_, key, factor)| {
                let value = level.and_then(|level| level["values"][key].as_f64());
                shown(key, value.map_or(f64::NAN, |value| value * factor))
            })
            .collect();
        table.push_str(&format!(
            "| {} | {}{} | {} | {} |\n",
            rank.map_or_else(|| "–".to_owned(), |rank| rank.to_string()),
            run["name"].as_str().unwrap_or_default(),
            if trusted { "" } else { " !" },
            held(&run["capacity"]),
            cells.join(" | ")
        ));
    }
    table.push_str(&format!("\n{}", remarks(comparison, load)));
    if untrusted {
        table.push_str(
            "`!`: at this load the tester or the machine stood in the way as well; the numbers are \
             shown, and decide nothing.\n",
        );
    }
    if unranked {
        table.push_str(
            "No rank: a level that is not trusted leaves open how many users the server carries.\n",
        );
    }
    Ok(table)
}

/// The columns that these runs fill.
fn columns(runs: &[Value]) -> Vec<Column> {
    let mut columns = COLUMNS.to_vec();
    if runs.iter().any(|run| run["upstream"].is_string()) {
        let cpu = columns.iter().position(|(_, key, _)| *key == "cpu").map_or(0, |at| at + 1);
        columns.insert(cpu, WITH_UPSTREAM);
    }
    columns
}

/// What the numbers are, and how the servers are ranked.
fn remarks(comparison: &Value, load: u64) -> String {
    let mut remarks = format!(
        "The numbers are those at {load} users. *Held*: the most users with at least 99.5 % of the \
         answers whole, and where that ended."
    );
    if let Some(common) = comparison["common_load"].as_u64() {
        remarks.push_str(&format!(
            " Servers that hold the same rank by stretch p95 and then by CPU at {common} users, the \
             most at which all could be measured."
        ));
    }
    remarks.push('\n');
    for run in comparison["runs"].as_array().into_iter().flatten() {
        if let (Some(name), Some(upstream)) = (run["name"].as_str(), run["upstream"].as_str()) {
            remarks.push_str(&format!(
                "{name} makes no answers itself: {upstream}, a second process on the same processors, \
                 does. Its CPU is counted *with upstream*, and decides there where CPU decides; \
                 memory is that of {name} alone.\n"
            ));
        }
    }
    remarks
}

/// The bracket around what a server carries.
fn held(capacity: &Value) -> String {
    let (passed, failed) = (capacity["passed"].as_u64(), capacity["failed"].as_u64());
    let passed = passed.map_or_else(|| "–".to_owned(), |users| users.to_string());
    failed.map_or(passed.clone(), |failed| format!("{passed}, not {failed}"))
}

/// A share is never rounded up to all.
fn shown(key: &str, value: f64) -> String {
    match key {
        "complete" if value < 100.0 => three_digits((value * 10.0).floor() / 10.0),
        _ => three_digits(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn comparison(trusted: bool) -> Value {
        let level = |load: u64, ttft: f64, trusted: bool| {
            json!({ "load": load, "trusted": trusted, "values": {
                "complete": 99.96, "ttft_p50": 1101.2, "ttft_p95": ttft, "gap_p99": 141.3,
                "total_p95": 6601.0, "stretch_p95": 1.006, "cpu": 21.26, "memory": 20480.0,
            }})
        };
        json!({
            "runs": [
                { "name": "slow", "capacity": { "passed": 100, "failed": 1000 },
                  "levels": [level(100, 1200.0, true), level(1000, 9400.0, trusted)] },
                { "name": "fast", "capacity": { "passed": 1000, "failed": null },
                  "levels": [level(100, 1101.0, true), level(1000, 1114.0, true)] },
            ],
            "ranking": [{ "rank": 1, "run": 1 }, { "rank": 2, "run": 0 }],
        })
    }

    #[test]
    fn each_server_has_one_line_with_the_numbers_of_the_highest_load() {
        let table = table(&comparison(true)).unwrap();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines[2],
            "| 1 | fast | 1000 | 99.9 | 1101 | 1114 | 141 | 6.60 | 1.01 | 21.3 | 20 |"
        );
        assert!(
            lines[3].starts_with("| 2 | slow | 100, not 1000 | 99.9 | 1101 | 9400 |"),
            "{table}"
        );
        assert!(!table.contains('!'));
    }

    #[test]
    fn a_load_that_is_not_trusted_is_shown_and_marked() {
        let table = table(&comparison(false)).unwrap();
        assert!(table.contains("| 2 | slow ! |") && table.contains("decide nothing"), "{table}");
    }

    #[test]
    fn what_answers_a_gateway_is_said_and_counted_in_a_column_of_its_own() {
        let mut comparison = comparison(true);
        comparison["common_load"] = json!(100);
        comparison["runs"][1]["upstream"] = json!("weir simulate");
        for run in 0..2 {
            comparison["runs"][run]["levels"][1]["values"]["cpu_with_upstream"] = json!(30.5);
        }
        let table = table(&comparison).unwrap();
        assert!(table.contains("| CPU, µs/event | with upstream, µs/event | memory"), "{table}");
        assert!(table.contains("| 21.3 | 30.5 | 20 |"), "{table}");
        assert!(table.contains("fast makes no answers itself: weir simulate, a second"), "{table}");
        assert!(table.contains("by CPU at 100 users"), "{table}");
    }

    #[test]
    fn a_server_that_could_not_be_ranked_has_a_dash_and_its_reason() {
        let mut comparison = comparison(false);
        comparison["ranking"][1]["rank"] = Value::Null;
        let table = table(&comparison).unwrap();
        assert!(table.contains("| – | slow ! |") && table.contains("No rank: a level"), "{table}");
    }

    #[test]
    fn something_else_than_a_comparison_is_refused() {
        assert!(super::table(&json!({})).is_err());
        assert!(super::table(&json!({ "runs": [], "ranking": [] })).is_err());
    }
}
