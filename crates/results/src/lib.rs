//! What a run measured, as plain data, and the verdicts drawn from it.
//!
//! `Run` is the one truth: it is written as `run.json`, and every report is a
//! pure function of it. Verdicts ([`slo`], [`capacity`]) are computed here and
//! never in a renderer, so that the terminal and the HTML cannot disagree.
//!
//! **Invariant:** no I/O, no clock, no asynchronous runtime.

pub mod any;
pub mod capacity;
pub mod compare;
pub mod histogram;
pub mod judgement;
pub mod level;
pub mod load;
pub mod run;
pub mod slo;
pub mod summary;
pub mod tools;
pub mod units;

pub use any::AnyRun;
pub use capacity::{Capacity, Verdict, VerdictWord};
pub use histogram::LatencyHistogram;
pub use judgement::Judgement;
pub use level::{
    Bucket, ErrorGroup, Level, Outcome, Outcomes, ProcessUsage, Role, TesterUsage, TimelinePoint,
};
pub use load::{Judged, Load, RunKind, Streams, Tools};
pub use run::{Control, Ideal, Machine, Run, Target, Tester, Workload};
pub use slo::{Quantity, Slo, SloError, SloResult};
pub use summary::Summary;
pub use tools::{
    Call, CallOutcome, CallOutcomes, ToolsControl, ToolsLevel, ToolsRun, ToolsWorkload,
};
