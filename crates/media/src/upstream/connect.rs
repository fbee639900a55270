//! Opening a connection to an upstream: name, TCP, TLS.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::Trust;

/// Opens connections. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connector(Way);

#[derive(Clone)]
enum Way {
    Network {
        tls: Arc<ClientConfig>,
        deadline: Duration,
    },
    #[cfg(test)]
    Memory(Arc<dyn Fn() -> io::Result<tokio::io::DuplexStream> + Send + Sync>),
}

impl Connector {
    /// Over the network, with a deadline for name, TCP and TLS together.
    pub(super) fn network(trust: &Trust, deadline: Duration) -> Self {
        Self(Way::Network { tls: trust.config(), deadline })
    }

    /// In memory, for tests in virtual time.
    #[cfg(test)]
    pub(super) fn memory(
        connect: impl Fn() -> io::Result<tokio::io::DuplexStream> + Send + Sync + 'static,
    ) -> Self {
        Self(Way::Memory(Arc::new(connect)))
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Connector")
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let way = self.0.clone();
        Box::pin(async move {
            match way {
                Way::Network { tls, deadline } => {
                    let connected = tokio::time::timeout(deadline, connect(&uri, tls)).await;
                    connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
                }
                #[cfg(test)]
                Way::Memory(connect) => connect().map(|stream| Stream::new(stream, false)),
            }
        })
    }
}

async fn connect(uri: &Uri, tls: Arc<ClientConfig>) -> io::Result<Stream> {
    let invalid = |reason| io::Error::new(io::ErrorKind::InvalidInput, reason);
    let host = uri.host().ok_or_else(|| invalid("the address has no host"))?;
    // An IPv6 address stands in brackets, which are not part of it.
    let host = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
    let secure = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(invalid("the address begins with neither http:// nor https://")),
    };
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    if !secure {
        return Ok(Stream::new(stream, false));
    }
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let stream = TlsConnector::from(tls).connect(name, stream).await?;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok(Stream::new(stream, http2))
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// An open connection.
pub(super) struct Stream {
    io: TokioIo<Box<dyn Io>>,
    http2: bool,
}

impl Stream {
    fn new(io: impl Io + 'static, http2: bool) -> Self {
        Self { io: TokioIo::new(Box::new(io)), http2 }
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new();
        if self.http2 { connected.negotiated_h2() } else { connected }
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, pieces)
    }
}
