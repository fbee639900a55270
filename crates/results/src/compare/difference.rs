//! Whether runs answer the same question: what differs between their workloads, and what else
//! must be kept in mind.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::any::AnyRun;
use crate::load::Load;
use crate::run::{Machine, Run};

/// A part of the workload that is not the same in all runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// The part, as in `run.json`: `workload.min_chunks`, `workload.tools[0].weight`, `slo`.
    pub part: String,
    /// Its value in each run, in their order.
    pub values: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} is {}", self.part, self.values.join(" / "))
    }
}

/// Parts that say what was planned for, and not what the target had to do. A name changes nothing;
/// loads are compared one by one; a seed changes which random numbers, not how they are distributed.
/// How a tool is reached is no such part: a session, a revision or a pipe is work of its own.
const IGNORED: [&str; 6] =
    ["scenario", "ladder", "seed", "server_cost_per_month", "plan_users", "sequential_calls"];

/// Longest value of a difference that is said in full.
const MAX_VALUE_CHARS: usize = 80;

/// What stands before the first character that differs, where a longer value is cut.
const CONTEXT_CHARS: usize = 20;

/// What differs between the workloads of runs of one kind.
pub(super) fn between(runs: &[AnyRun]) -> Vec<Difference> {
    let parts: Vec<Vec<(String, Value)>> = runs.iter().map(parts).collect();
    let Some(first) = parts.first() else { return Vec::new() };
    first
        .iter()
        .enumerate()
        .filter(|(index, (_, value))| parts.iter().any(|other| other[*index].1 != *value))
        .filter(|(_, (name, _))| name != PROFILE || !is_course_known(&parts))
        .flat_map(|(index, (name, _))| {
            leaves(name, &parts.iter().map(|run| &run[index].1).collect::<Vec<_>>())
        })
        .collect()
}

/// The innermost parts of one part that differ: fields where every run has fields there, entries
/// where every run has a list.
fn leaves(part: &str, values: &[&Value]) -> Vec<Difference> {
    if values.iter().all(|value| *value == values[0]) {
        return Vec::new();
    }
    let of = |inner: String, child: &dyn Fn(&Value) -> Option<Value>| {
        let children: Vec<Value> =
            values.iter().map(|value| child(value).unwrap_or_default()).collect();
        leaves(&inner, &children.iter().collect::<Vec<_>>())
    };
    if let Some(objects) = values.iter().map(|v| v.as_object()).collect::<Option<Vec<_>>>() {
        let fields: BTreeSet<&String> = objects.iter().flat_map(|object| object.keys()).collect();
        let inner =
            |field: &String| of(format!("{part}.{field}"), &|value| value.get(field).cloned());
        return fields.into_iter().flat_map(inner).collect();
    }
    if let Some(lists) = values.iter().map(|v| v.as_array()).collect::<Option<Vec<_>>>() {
        let longest = lists.iter().map(|list| list.len()).max().unwrap_or(0);
        let inner = |at: usize| of(format!("{part}[{at}]"), &|value| value.get(at).cloned());
        return (0..longest).flat_map(inner).collect();
    }
    vec![Difference { part: part.to_owned(), values: shown(values) }]
}

const PROFILE: &str = "workload.profile";
const IDEAL: &str = "workload.ideal";

/// Whether all runs state one ideal course of their answers, and no two embedded simulators answer by
/// different profiles: then a profile's name says nothing that a target of its own would have to say.
fn is_course_known(parts: &[Vec<(String, Value)>]) -> bool {
    let values = |wanted: &'static str| -> BTreeSet<String> {
        let of_run = |run: &Vec<(String, Value)>| {
            run.iter().find(|(name, _)| name == wanted).map_or(Value::Null, |(_, it)| it.clone())
        };
        parts.iter().map(of_run).map(|value| value.to_string()).collect()
    };
    let (ideals, mut profiles) = (values(IDEAL), values(PROFILE));
    profiles.remove("null");
    ideals.len() == 1 && !ideals.contains("null") && profiles.len() <= 1
}

/// The parts of a run's workload with their values: the same names for every run of a kind.
fn parts(run: &AnyRun) -> Vec<(String, Value)> {
    match run {
        AnyRun::Streams(run) => parts_of(run),
        AnyRun::Tools(run) => parts_of(run),
    }
}

fn parts_of<K: Load>(run: &Run<K>) -> Vec<(String, Value)> {
    let workload =
        serde_json::to_value(&run.workload).expect("a workload has string keys and finite numbers");
    let mut parts = vec![("target.api".to_owned(), Value::String(run.target.api.clone()))];
    if let Value::Object(fields) = workload {
        let counted = fields.into_iter().filter(|(name, _)| !IGNORED.contains(&name.as_str()));
        parts.extend(counted.map(|(name, value)| (format!("workload.{name}"), value)));
    }
    let rule: Vec<&str> = run.slo.iter().map(|slo| slo.predicate.as_str()).collect();
    parts.push(("slo".to_owned(), Value::String(rule.join(", "))));
    parts
}

/// Different values in short, and different still: texts without quotes, null as a word, and of long
/// ones the part where they differ.
fn shown(values: &[&Value]) -> Vec<String> {
    let plain = |value: &&Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    };
    let texts: Vec<String> = values.iter().map(plain).collect();
    let longest = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    let begin = if longest <= MAX_VALUE_CHARS {
        0
    } else {
        common_chars(&texts).saturating_sub(CONTEXT_CHARS)
    };
    texts.iter().map(|text| excerpt(text, begin)).collect()
}

/// How many characters all texts begin with.
fn common_chars(texts: &[String]) -> usize {
    let Some((first, others)) = texts.split_first() else { return 0 };
    let same =
        |other: &String| first.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    others.iter().map(same).min().unwrap_or(0)
}

/// At most [`MAX_VALUE_CHARS`] characters of a text, from this one on.
fn excerpt(text: &str, begin: usize) -> String {
    let mut excerpt = if begin > 0 { "…".to_owned() } else { String::new() };
    let mut rest = text.chars().skip(begin);
    excerpt.extend(rest.by_ref().take(MAX_VALUE_CHARS));
    if rest.next().is_some() {
        excerpt.push('…');
    }
    excerpt
}

/// What differs beside the workload, and runs that need a word.
pub(super) fn notes(runs: &[AnyRun]) -> Vec<String> {
    let facts: Vec<Facts<'_>> = runs.iter().map(Facts::of).collect();
    let mut notes = Vec::new();
    let differ = |of: &dyn Fn(&Facts<'_>) -> String| {
        let values: BTreeSet<String> = facts.iter().map(of).collect();
        (values.len() > 1).then(|| values.into_iter().collect::<Vec<_>>().join(" / "))
    };
    if let Some(machines) = differ(&|facts| machine(facts.machine)) {
        notes.push(format!(
            "the machines differ, and so the numbers are about them, too: {machines}"
        ));
    }
    if let Some(versions) = differ(&|facts| facts.weir_version.to_owned()) {
        notes.push(format!("different versions of Weir measured: {versions}"));
    }
    if let Some(seeds) = differ(&|facts| facts.seed.clone()) {
        notes.push(format!("the seeds differ: {seeds}"));
    }
    if differ(&|facts| facts.loads.clone()).is_some() {
        notes.push("the ladders differ: only loads that runs share are compared".to_owned());
    }
    notes.extend(upstreams(runs, &facts));
    for facts in &facts {
        if facts.interrupted {
            notes.push(format!("{} was ended early", facts.name));
        }
        if facts.untrusted > 0 {
            notes.push(format!(
                "{}: {} of {} levels are not trusted, and decide nothing",
                facts.name, facts.untrusted, facts.levels
            ));
        }
    }
    notes
}

/// What answers the targets, once for all runs that it does so for.
fn upstreams(runs: &[AnyRun], facts: &[Facts<'_>]) -> Vec<String> {
    let mut answered: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (run, facts) in runs.iter().zip(facts) {
        if let Some(upstream) = super::upstream(run) {
            answered.entry(upstream).or_default().push(facts.name);
        }
    }
    let note = |(upstream, names): (String, Vec<&str>)| {
        let (who, it) = match names.as_slice() {
            all if all.len() == runs.len() => ("each run is".to_owned(), "its target"),
            [one] => (format!("{one} is"), "it"),
            several => (format!("{} are", several.join(" and ")), "them"),
        };
        format!(
            "{who} answered by {upstream}, which shares the machine with {it} and with the tester"
        )
    };
    answered.into_iter().map(note).collect()
}

/// What is noted about a run.
struct Facts<'r> {
    name: &'r str,
    machine: &'r Machine,
    weir_version: &'r str,
    seed: String,
    loads: String,
    interrupted: bool,
    levels: usize,
    untrusted: usize,
}

impl<'r> Facts<'r> {
    fn of(run: &'r AnyRun) -> Self {
        match run {
            AnyRun::Streams(run) => Self::of_run(run, run.workload.seed),
            AnyRun::Tools(run) => Self::of_run(run, run.workload.seed),
        }
    }

    fn of_run<K: Load>(run: &'r Run<K>, seed: u64) -> Self {
        use crate::load::Judged;
        let loads: BTreeSet<u64> = run.levels.iter().map(Judged::load).collect();
        Self {
            name: &run.name,
            machine: &run.machine,
            weir_version: &run.weir_version,
            seed: seed.to_string(),
            loads: format!("{loads:?}"),
            interrupted: run.interrupted,
            levels: run.levels.len(),
            untrusted: run.levels.iter().filter(|level| !level.trusted()).count(),
        }
    }
}

fn machine(machine: &Machine) -> String {
    format!("{}, {} cores, kernel {}", machine.cpu, machine.cores, machine.kernel)
}
