//! The parts together, over real sockets and real processes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod bad_input;
mod compare;
mod faults;
mod gateway;
mod media_cli;
mod media_config;
mod media_files;
mod media_mcp;
mod moments;
mod peers;
mod reports;
mod streams;
mod tools;
