//! Opening a connection to an upstream: name, TCP, TLS, HTTP.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::transport::Transport;
use super::{http1, http2};
use crate::metrics::UpstreamMetrics;
use crate::settings;
use crate::tasks::Tasks;

/// A fresh connection.
pub(super) enum Fresh {
    /// For one request at a time.
    Http1(http1::Connection),
    /// For many at once.
    Http2(Rc<http2::Shared>),
}

/// Why there is no connection.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ConnectError {
    /// No name, no route, refused, TLS.
    #[error("{0}")]
    Io(Arc<io::Error>),
    /// HTTP/2 could not be begun.
    #[error("{0}")]
    Http2(Arc<h2::Error>),
    /// The peer allows no stream at all on a fresh HTTP/2 connection.
    #[error("the upstream allows no stream on a fresh connection")]
    NoStreams,
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

impl From<h2::Error> for ConnectError {
    fn from(error: h2::Error) -> Self {
        Self::Http2(Arc::new(error))
    }
}

/// Opens a connection; what drives one of HTTP/2 is given to `tasks`. Cancel-safe: dropping it
/// closes whatever was opened so far.
pub(super) async fn connect(
    upstream: &settings::Upstream,
    metrics: &UpstreamMetrics,
    tasks: &Tasks,
) -> Result<Fresh, ConnectError> {
    let origin = &upstream.origin;
    let stream = open(&origin.host, origin.port).await?;
    let (transport, http2) = match &upstream.tls {
        None => (Transport::Plain(stream), upstream.http2),
        Some(trust) => {
            let name = ServerName::try_from(origin.host.clone()).map_err(io::Error::other)?;
            let stream = TlsConnector::from(Arc::clone(&trust.0)).connect(name, stream).await?;
            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            (Transport::Tls(Box::new(stream)), http2)
        }
    };
    let open = OpenConnection::new(metrics);
    if http2 {
        http2::begin(transport, open, tasks).await.map(Fresh::Http2)
    } else {
        Ok(Fresh::Http1(http1::Connection::new(transport, open)))
    }
}

/// Opens a TCP connection that sends at once what is written: the end of a request must not wait
/// for the acknowledgement of its beginning.
async fn open(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Counts a connection as long as it is open.
#[derive(Debug)]
pub(super) struct OpenConnection(UpstreamMetrics);

impl OpenConnection {
    pub(super) fn new(metrics: &UpstreamMetrics) -> Self {
        metrics.connections.inc();
        Self(metrics.clone())
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn what_is_written_to_an_upstream_is_sent_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (opened, accepted) = tokio::join!(open("127.0.0.1", port), listener.accept());
        assert!(opened.unwrap().nodelay().unwrap());
        let (accepted, _) = accepted.unwrap();
        assert!(!accepted.nodelay().unwrap(), "or it would say nothing");
    }
}
