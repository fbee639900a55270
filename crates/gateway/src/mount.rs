//! Another service behind the same listener: a path, and who answers there.
//!
//! The gateway knows nothing of what it is. It asks for a client key where keys are configured,
//! hands the request over, and waits for it when it drains.

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;

/// The body of a mounted service's answer.
pub type MountedBody = UnsyncBoxBody<Bytes, io::Error>;

/// A mounted service's answer, later. Dropping it means that the client has left.
pub type MountedAnswer = BoxFuture<'static, Response<MountedBody>>;

/// Another service behind the same listener.
#[derive(Clone)]
pub struct Mount {
    /// Requests for this path and everything beneath it go there; begins with a slash, ends
    /// without one.
    pub path: &'static str,
    /// Answers a request. Called on a gateway's thread, so it must not work there.
    pub serve: Arc<dyn Fn(Request<Incoming>) -> MountedAnswer + Send + Sync>,
    /// How many of its requests run: the gateway waits for them when it drains.
    pub running: Arc<dyn Fn() -> usize + Send + Sync>,
}

impl Mount {
    /// Whether this path belongs to it.
    pub(crate) fn takes(&self, path: &str) -> bool {
        path.strip_prefix(self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mount").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_takes_its_path_and_what_is_beneath() {
        let mount = Mount {
            path: "/mcp",
            serve: Arc::new(|_| unreachable!("nobody asks here")),
            running: Arc::new(|| 0),
        };
        for path in ["/mcp", "/mcp/", "/mcp/a"] {
            assert!(mount.takes(path), "{path}");
        }
        for path in ["/", "/mcpx", "/a/mcp"] {
            assert!(!mount.takes(path), "{path}");
        }
    }
}
