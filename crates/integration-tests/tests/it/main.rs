//! The parts together, over real sockets and real processes.

mod bad_input;
mod faults;
mod peers;
mod reports;
mod streams;
