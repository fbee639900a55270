//! The gateway on real sockets, against scripted upstreams.

mod cancelling;
mod failing;
mod operating;
mod passing;
mod refusing;
mod world;
