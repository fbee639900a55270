//! The wire formats of streamed LLM answers: the one place that knows their grammar.
//!
//! Used by the simulator (writing), the gateway (passing on) and the tester (judging), so that
//! they can be proved once.
//!
//! **Invariant:** no I/O, no clock, no asynchronous runtime, no environment: bytes in, values out.

pub mod anthropic;
pub mod chunked;
pub mod dialect;
pub mod framing;
pub mod grammar;
pub mod json;
pub mod lines;
pub mod openai;
pub mod preface;
mod scan;
pub mod sse;
pub mod text;
pub mod tool;

pub use dialect::Dialect;
