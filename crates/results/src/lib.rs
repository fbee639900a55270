//! What a run measured, as plain data, and the verdicts drawn from it.
//!
//! `Run` is the one truth: it is written as `run.json`, and every report is a
//! pure function of it. Verdicts ([`slo`], [`capacity`]) are computed here and
//! never in a renderer, so that the terminal and the HTML cannot disagree.
//!
//! **Invariant:** no I/O, no clock, no asynchronous runtime.

pub mod capacity;
pub mod histogram;
pub mod level;
pub mod run;
pub mod slo;
pub mod summary;
pub mod units;

pub use capacity::{Capacity, Verdict, VerdictWord};
pub use histogram::LatencyHistogram;
pub use level::{
    Bucket, ErrorGroup, Level, Outcome, Outcomes, ProcessUsage, Role, TesterUsage, TimelinePoint,
};
pub use run::{Control, Ideal, Machine, Run, RunKind, Target, Tester, Workload};
pub use slo::{Slo, SloError, SloResult};
pub use summary::Summary;
