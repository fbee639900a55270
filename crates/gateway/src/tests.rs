//! The gateway on real sockets, against scripted upstreams.

mod cancelling;
mod failing;
mod http2;
mod operating;
mod passing;
mod refusing;
mod tls;
mod world;
