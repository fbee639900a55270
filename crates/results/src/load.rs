//! The kinds of load, and what judgement needs to know of a level whatever its kind.

use std::fmt::Debug;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::level::Level;
use crate::run::{Control, Workload};
use crate::slo::Quantity;
use crate::tools::{ToolsControl, ToolsLevel, ToolsWorkload};

/// What kind of load a run made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Users that hold streamed answers open.
    Streams,
    /// Agents that make concurrent tool calls.
    Tools,
}

impl RunKind {
    /// The name in `run.json`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Streams => "streams",
            Self::Tools => "tools",
        }
    }
}

/// A part of a run that differs by kind: plain data that `run.json` holds.
pub trait Part: Clone + Debug + PartialEq + Serialize + DeserializeOwned + JsonSchema {}

impl<T: Clone + Debug + PartialEq + Serialize + DeserializeOwned + JsonSchema> Part for T {}

/// A kind of load: which parts of a [`crate::Run`] it fills with what.
pub trait Load: Part {
    /// The word for it in `run.json`.
    const KIND: RunKind;
    /// The load as resolved from flags, scenario and defaults.
    type Workload: Part;
    /// What was measured at one height of load.
    type Level: Part + Judged;
    /// The tester's own error.
    type Control: Part;

    /// The name of the scenario of a workload.
    fn scenario(workload: &Self::Workload) -> &str;
}

/// Users that hold streamed answers open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Streams;

/// Agents that make concurrent tool calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tools;

impl Load for Streams {
    const KIND: RunKind = RunKind::Streams;
    type Workload = Workload;
    type Level = Level;
    type Control = Control;

    fn scenario(workload: &Workload) -> &str {
        &workload.scenario
    }
}

impl Load for Tools {
    const KIND: RunKind = RunKind::Tools;
    type Workload = ToolsWorkload;
    type Level = ToolsLevel;
    type Control = ToolsControl;

    fn scenario(workload: &ToolsWorkload) -> &str {
        &workload.scenario
    }
}

/// What SLO, capacity and verdict need to know of a level.
pub trait Judged {
    /// How high the load was: users, or calls at once. Orders the levels of a run.
    fn load(&self) -> u64;

    /// The load in words: `500 users`, `4 agents x 8 calls`.
    fn load_words(&self) -> String;

    /// The stage of the run that the level is of; `None` where a run has but one.
    fn stage(&self) -> Option<&str> {
        None
    }

    /// Streams or calls that came to an end, whatever it was.
    fn ended(&self) -> u64;

    /// Those of them that were called whole and were not right: wrong text, a wrong or a missing
    /// file. Neither tester nor machine can cause that.
    fn wrong(&self) -> u64;

    /// Whether the target carried one after the other what was open at once.
    fn serialised(&self) -> bool {
        false
    }

    /// Wall-clock time of the level in seconds.
    fn duration_s(&self) -> f64;

    /// Whether the tester and the machine left the result alone.
    fn trusted(&self) -> bool;

    /// Why not, or what to keep in mind.
    fn trust_notes(&self) -> &[String];

    /// The level's value of a quantity in [`Quantity::unit`]; `None` where it was not measured,
    /// as for every quantity of the other kind.
    fn value(&self, quantity: Quantity) -> Option<f64>;
}
