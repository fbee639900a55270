//! The counts and times of a level, taken from its calls.

use std::collections::{BTreeMap, BTreeSet};

use super::call::Call;
use super::level::ToolRow;
use super::outcome::{CallOutcome, CallOutcomes};
use crate::summary::Summary;

/// What the calls of a level add up to. Fields are those of [`super::ToolsLevel`].
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    /// Calls made.
    pub calls: u64,
    /// Calls answered with a success.
    pub succeeded: u64,
    /// Ended calls by outcome.
    pub outcomes: CallOutcomes,
    /// Calls that an interruption cancelled, in no outcome.
    pub cancelled: u64,
    /// Most calls open at one moment.
    pub peak_open: u64,
    /// Times of the calls that ended ok.
    pub call_ms: Option<Summary>,
    /// Bytes of the files of calls that ended ok.
    pub bytes_total: u64,
    /// Different SHA-256 digests among all files.
    pub distinct_digests: u64,
    /// The same by tool, in the order of their names.
    pub tools: Vec<ToolRow>,
}

impl Tally {
    /// Adds up all calls of a level.
    #[must_use]
    pub fn of(calls: &[Call]) -> Self {
        let mut by_tool: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
        for call in calls {
            by_tool.entry(&call.tool).or_default().push(call);
        }
        let tools: Vec<ToolRow> =
            by_tool.into_iter().map(|(tool, calls)| ToolRow::of(tool, &calls)).collect();
        let mut outcomes = CallOutcomes::default();
        for row in &tools {
            outcomes.merge(&row.outcomes);
        }
        let digests: BTreeSet<&str> =
            calls.iter().filter_map(|call| call.sha256.as_deref()).collect();
        Self {
            calls: count(calls.len()),
            succeeded: succeeded(&outcomes),
            outcomes,
            cancelled: count(calls.iter().filter(|call| call.outcome.is_none()).count()),
            peak_open: super::peak_overlap(calls),
            call_ms: call_times(calls.iter()),
            bytes_total: tools.iter().map(|row| row.bytes_total).sum(),
            distinct_digests: count(digests.len()),
            tools,
        }
    }
}

impl ToolRow {
    /// Adds up the calls of one tool.
    fn of(tool: &str, calls: &[&Call]) -> Self {
        let mut outcomes = CallOutcomes::default();
        for outcome in calls.iter().filter_map(|call| call.outcome) {
            outcomes.count(outcome);
        }
        Self {
            tool: tool.to_owned(),
            calls: count(calls.len()),
            outcomes,
            call_ms: call_times(calls.iter().copied()),
            bytes_total: fine(calls.iter().copied()).filter_map(|call| call.bytes).sum(),
        }
    }
}

fn fine<'c>(calls: impl Iterator<Item = &'c Call>) -> impl Iterator<Item = &'c Call> {
    calls.filter(|call| call.outcome == Some(CallOutcome::Ok))
}

/// Exact, not from a histogram: the calls of a level are few, and each is at hand.
fn call_times<'c>(calls: impl Iterator<Item = &'c Call>) -> Option<Summary> {
    let mut times: Vec<f64> = fine(calls).map(Call::took_ms).collect();
    Summary::of(&mut times)
}

fn succeeded(outcomes: &CallOutcomes) -> u64 {
    CallOutcome::ALL
        .into_iter()
        .filter(|outcome| outcome.answered_success())
        .map(|outcome| outcomes.get(outcome))
        .sum()
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
