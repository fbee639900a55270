//! What two or more of the servers and the tester need: threads, listeners, signals, limits,
//! configuration files and what is written in them, and what the operating system says about
//! processes and the machine.
//!
//! **Invariant:** no domain words. Nothing here knows what travels on a socket.

pub mod background;
pub mod config_file;
pub mod limits;
pub mod listen;
pub mod machine;
pub mod notation;
pub mod process;
pub mod secret;
pub mod signal;
pub mod workers;
