//! Several runs of one workload side by side: the same numbers of each, who carries most, and
//! what became worse.
//!
//! Everything is taken from the runs; a number that a run did not measure stays missing. Levels
//! are compared at the same load only, and a level that is not trusted is shown and decides
//! nothing.

mod column;
mod difference;
mod rank;
mod rule;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::any::AnyRun;
use crate::capacity::Capacity;
use crate::level::Role;
use crate::load::{Judged, Load, RunKind};
use crate::run::{Machine, Run, Target};

pub use column::Column;
pub use difference::Difference;
pub use rank::{Place, Standing};
pub use rule::{Change, FailIf, FailIfError, RuleResult};

/// The value of [`Comparison::format`] that this version writes.
pub const FORMAT: &str = "weir.comparison/1";

/// Most runs side by side: more lines in one chart cannot be told apart.
pub const MAX_RUNS: usize = 15;

/// Runs side by side. The first is the baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Format and version: [`FORMAT`].
    pub format: String,
    /// What kind of load all of them made.
    pub kind: RunKind,
    /// The runs in the order in which they were given.
    pub runs: Vec<ComparedRun>,
    /// The rule under which the runs carried what they carried, where it is one for all; else null.
    #[serde(default)]
    pub rule: Option<String>,
    /// The highest load at which every run has a trusted level; the numbers of the ranking are
    /// those of this load. Null when there is none.
    pub common_load: Option<u64>,
    /// The stage in which that is so, where the runs have several; the first of those that share the
    /// load.
    pub common_stage: Option<String>,
    /// The runs from the best to the worst; equal runs share a rank.
    pub ranking: Vec<Place>,
    /// What differs between the workloads, and was allowed to.
    pub differences: Vec<Difference>,
    /// What differs beside the workload and must be kept in mind.
    pub notes: Vec<String>,
    /// What must not become worse, each with its verdict.
    pub rules: Vec<RuleResult>,
}

/// One run, as it stands beside others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedRun {
    /// The run's id.
    pub id: String,
    /// The user's name for it.
    pub name: String,
    /// When it began.
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    /// Version of Weir that measured.
    pub weir_version: String,
    /// What was stressed.
    pub target: Target,
    /// The process behind the target that answers it, where the run watched one.
    #[serde(default)]
    pub upstream: Option<String>,
    /// Where.
    pub machine: Machine,
    /// `MET`, `NOT MET` or `NOT TRUSTED`.
    pub verdict: String,
    /// How much load it carried under the rule.
    pub capacity: Capacity,
    /// The numbers of [`Comparison::common_load`].
    pub standing: Standing,
    /// Its levels by stage and ascending load; of several at one load of a stage the last.
    pub levels: Vec<ComparedLevel>,
}

/// One level, as it stands beside others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedLevel {
    /// The stage, where the run has several: levels are compared with those of the same stage.
    pub stage: Option<String>,
    /// Users, or calls at once.
    pub load: u64,
    /// The load in words.
    pub words: String,
    /// Whether the tester and the machine left it alone.
    pub trusted: bool,
    /// Why not, or what to keep in mind.
    pub trust_notes: Vec<String>,
    /// What was measured, by [`Column::key`]; null where it was not.
    pub values: BTreeMap<String, Option<f64>>,
}

/// Where levels of several runs meet: the same calls at the same load.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rung {
    /// The stage, where runs have several.
    pub stage: Option<String>,
    /// Users, or calls at once.
    pub load: u64,
}

/// Why runs cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompareError {
    /// Fewer than two, or more than [`MAX_RUNS`].
    #[error("{0} runs cannot be compared; give two to {MAX_RUNS}")]
    Count(usize),
    /// Runs of streams and runs of tool calls.
    #[error("run {name:?} is one of {found}, the first is one of {wanted}: they share no number", found = found.name(), wanted = wanted.name())]
    Kind {
        /// The run's name.
        name: String,
        /// Its kind.
        found: RunKind,
        /// The baseline's kind.
        wanted: RunKind,
    },
    /// Different workloads, without leave to compare them.
    #[error(
        "the workloads differ, and so the numbers do: {}; use --allow-different-workloads to compare them all the same",
        list(.0)
    )]
    Workload(Vec<Difference>),
    /// A rule about something that this kind of run does not measure.
    #[error("--fail-if {rule:?}: a run of {kind} has no such number", kind = kind.name())]
    Rule {
        /// The rule.
        rule: String,
        /// The runs' kind.
        kind: RunKind,
    },
}

/// Most differences that a refusal names; a comparison that is allowed has all of them.
const MAX_NAMED: usize = 10;

fn list(differences: &[Difference]) -> String {
    let mut named: Vec<String> =
        differences.iter().take(MAX_NAMED).map(ToString::to_string).collect();
    if differences.len() > MAX_NAMED {
        named.push(format!("{} more", differences.len() - MAX_NAMED));
    }
    named.join("; ")
}

/// Whether runs of different workloads may be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workloads {
    /// No: their numbers answer different questions.
    MustAgree,
    /// Yes, and the comparison says what differs.
    MayDiffer,
}

impl Comparison {
    /// Compares runs, the first being the baseline.
    ///
    /// # Errors
    /// When there are too few or too many, when they are of different kinds or, unless allowed,
    /// of different workloads, or when a rule is about something that they do not measure.
    pub fn of(
        runs: &[AnyRun],
        rules: &[FailIf],
        workloads: Workloads,
    ) -> Result<Self, CompareError> {
        if !(2..=MAX_RUNS).contains(&runs.len()) {
            return Err(CompareError::Count(runs.len()));
        }
        let kind = runs[0].kind();
        if let Some(other) = runs.iter().find(|run| run.kind() != kind) {
            let name = compared(other).name;
            return Err(CompareError::Kind { name, found: other.kind(), wanted: kind });
        }
        if let Some(rule) = rules.iter().find(|rule| !rule.column().measured_in(kind)) {
            return Err(CompareError::Rule { rule: rule.to_string(), kind });
        }
        let differences = difference::between(runs);
        if !differences.is_empty() && workloads == Workloads::MustAgree {
            return Err(CompareError::Workload(differences));
        }
        let with_upstream = |run| ComparedRun { upstream: upstream(run), ..compared(run) };
        let mut compared: Vec<ComparedRun> = runs.iter().map(with_upstream).collect();
        let common = common_rungs(&compared)
            .into_iter()
            .max_by_key(|rung| (rung.load, Reverse(rung.stage.clone())));
        rank::stand(&mut compared, kind, common.as_ref());
        Ok(Self {
            format: FORMAT.to_owned(),
            kind,
            rule: one_rule(runs),
            common_load: common.as_ref().map(|rung| rung.load),
            common_stage: common.and_then(|rung| rung.stage),
            ranking: rank::ranking(&compared),
            differences,
            notes: difference::notes(runs),
            rules: rules.iter().map(|rule| rule.judge(&compared)).collect(),
            runs: compared,
        })
    }

    /// Whether nothing that must not become worse did.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.rules.iter().all(|rule| rule.passed)
    }

    /// Whether any level of any run can be trusted.
    #[must_use]
    pub fn trusted(&self) -> bool {
        self.runs.iter().any(ComparedRun::trusted)
    }

    /// The run that all others are compared with.
    #[must_use]
    pub fn baseline(&self) -> &ComparedRun {
        &self.runs[0]
    }

    /// The highest rung on which every run has a trusted level.
    #[must_use]
    pub fn common(&self) -> Option<Rung> {
        self.common_load.map(|load| Rung { stage: self.common_stage.clone(), load })
    }

    /// All rungs of all runs, by stage and ascending load.
    #[must_use]
    pub fn rungs(&self) -> Vec<Rung> {
        let levels = self.runs.iter().flat_map(|run| &run.levels);
        levels.map(ComparedLevel::rung).collect::<BTreeSet<Rung>>().into_iter().collect()
    }

    /// The text of a comparison's JSON, indented, with a final newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self)
            .expect("a comparison has string keys and finite numbers");
        text.push('\n');
        text
    }
}

impl ComparedRun {
    /// Its level on a rung.
    #[must_use]
    pub fn level(&self, rung: &Rung) -> Option<&ComparedLevel> {
        self.levels.iter().find(|level| level.load == rung.load && level.stage == rung.stage)
    }

    /// Its trusted level on a rung.
    #[must_use]
    pub fn trusted_level(&self, rung: &Rung) -> Option<&ComparedLevel> {
        self.level(rung).filter(|level| level.trusted)
    }

    /// Whether any of its levels can be trusted.
    #[must_use]
    pub fn trusted(&self) -> bool {
        self.levels.iter().any(|level| level.trusted)
    }

    /// Whether its levels say how much it carries: none that is not trusted lies above what it
    /// held and below what it did not.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let Capacity { passed, failed, .. } = self.capacity;
        let open = |load: u64| {
            passed.is_none_or(|held| load > held) && failed.is_none_or(|missed| load < missed)
        };
        !self.levels.iter().any(|level| !level.trusted && open(level.load))
    }
}

impl ComparedLevel {
    /// Where it stands.
    #[must_use]
    pub fn rung(&self) -> Rung {
        Rung { stage: self.stage.clone(), load: self.load }
    }

    /// The level's value of a column; `None` where it was not measured.
    #[must_use]
    pub fn value(&self, column: Column) -> Option<f64> {
        self.values.get(&column.key()).copied().flatten()
    }
}

/// Rungs on which every run has a trusted level.
fn common_rungs(runs: &[ComparedRun]) -> BTreeSet<Rung> {
    let rungs = |run: &ComparedRun| -> BTreeSet<Rung> {
        run.levels.iter().filter(|level| level.trusted).map(ComparedLevel::rung).collect()
    };
    let first = runs.first().map(rungs).unwrap_or_default();
    runs.iter().skip(1).fold(first, |common, run| &common & &rungs(run))
}

fn compared(run: &AnyRun) -> ComparedRun {
    match run {
        AnyRun::Streams(run) => compared_run(run, Column::of_streams),
        AnyRun::Tools(run) => compared_run(run, Column::of_tools),
    }
}

/// The rule of all runs, if it is the same.
fn one_rule(runs: &[AnyRun]) -> Option<String> {
    let mut rules = runs.iter().map(|run| match run {
        AnyRun::Streams(run) => run.verdict().rule,
        AnyRun::Tools(run) => run.verdict().rule,
    });
    let first = rules.next()?;
    rules.all(|rule| rule == first).then_some(first)
}

/// The process that answers a run's target, where it was watched.
fn upstream(run: &AnyRun) -> Option<String> {
    let first = match run {
        AnyRun::Streams(run) => run.levels.first()?.processes(Role::Upstream).next(),
        AnyRun::Tools(run) => run.levels.first()?.processes(Role::Upstream).next(),
    };
    first.map(|process| process.process.clone())
}

fn compared_run<K: Load>(
    run: &Run<K>,
    value: impl Fn(Column, &K::Level) -> Option<f64>,
) -> ComparedRun {
    let mut levels: BTreeMap<Rung, ComparedLevel> = BTreeMap::new();
    for level in &run.levels {
        let columns = Column::all(K::KIND).into_iter();
        let compared = ComparedLevel {
            stage: level.stage().map(str::to_owned),
            load: level.load(),
            words: level.load_words(),
            trusted: level.trusted(),
            trust_notes: level.trust_notes().to_vec(),
            values: columns.map(|column| (column.key(), value(column, level))).collect(),
        };
        levels.insert(compared.rung(), compared);
    }
    ComparedRun {
        id: run.id.clone(),
        name: run.name.clone(),
        started_at: run.started_at,
        weir_version: run.weir_version.clone(),
        target: run.target.clone(),
        upstream: None,
        machine: run.machine.clone(),
        verdict: run.verdict().word.as_str().to_owned(),
        capacity: run.capacity.clone(),
        standing: Standing::default(),
        levels: levels.into_values().collect(),
    }
}

#[cfg(test)]
mod tests;
