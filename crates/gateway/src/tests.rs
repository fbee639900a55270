//! The gateway on real sockets, against scripted upstreams.

mod cancelling;
mod documented;
mod failing;
mod hostile;
mod http2;
mod latecomers;
mod operating;
mod passing;
mod promises;
mod refusing;
mod responses;
mod tls;
mod traces;
mod world;
