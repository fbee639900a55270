//! Reports: what a [`results::Run`] says, for people and for machines.
//!
//! Every report is a pure function of the run and can be made again from `run.json` years later.
//! The words, numbers and tables are put together once, in a [`document::Document`] without a
//! format; the terminal, Markdown and HTML only place them, so that they cannot disagree.
//!
//! **Invariant:** no I/O, no clock, no environment.

pub mod alerts;
pub mod chart;
pub mod charts;
pub mod compare;
pub mod csv;
pub mod delay;
pub mod document;
pub mod figure;
pub mod findings;
mod folder;
pub mod glossary;
pub mod growth;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod number;
pub mod overview;
pub mod plan;
#[cfg(test)]
pub(crate) mod samples;
pub mod sections;
pub mod slo;
pub mod subject;
pub mod terminal;
pub mod text;
pub mod threshold;
pub mod tools;

pub use folder::files;
pub use subject::Subject;
