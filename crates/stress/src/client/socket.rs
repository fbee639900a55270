//! Opening TCP connections fast enough for thousands of users who start at one moment.
//!
//! Everything up to the written request happens in one go, without giving way to other users:
//! non-blocking `connect`, then at once the attempt to write. On loopback the connection stands
//! when `connect` returns, so a user's own time from start to written request stays in the tens
//! of microseconds, and no user's clock runs while 3,000 others connect.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;

/// Most connections from one source address to one destination and port.
///
/// Linux gives out 28,232 ephemeral ports, but takes those of one parity first: past 14,116
/// connections each `connect` searches, which costs milliseconds (measured on kernel 6.18). This
/// keeps well below.
pub const MAX_CONNECTIONS_PER_SOURCE: usize = 10_000;

/// What `connect` on a non-blocking socket says while it is under way: `EINPROGRESS` on Linux,
/// then on macOS and the BSDs. `io::ErrorKind` has no stable name for it.
const IN_PROGRESS: [i32; 2] = [115, 36];

/// Source addresses for so many connections to a loopback address: `127.0.0.2`, `127.0.0.3`, …
/// Empty where the system's own choice is good enough (few connections), or for targets that are
/// no IPv4 loopback address: IPv6 has one loopback address only.
#[must_use]
pub fn loopback_sources(target: IpAddr, connections: usize) -> Vec<IpAddr> {
    let needed = connections.div_ceil(MAX_CONNECTIONS_PER_SOURCE);
    if !matches!(target, IpAddr::V4(address) if address.is_loopback()) || needed <= 1 {
        return Vec::new();
    }
    (2..=u8::MAX).take(needed).map(|last| IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))).collect()
}

/// A connection that stands.
pub(super) struct Opened {
    pub(super) stream: TcpStream,
    /// How much of the first bytes is written.
    pub(super) written: usize,
}

/// Connects, from `source` if it is of the address's family, and writes as much of `first` as
/// the connection takes at once. Cancel-safe: dropping it closes the socket.
pub(super) async fn open(
    address: SocketAddr,
    source: Option<IpAddr>,
    first: &[u8],
) -> io::Result<Opened> {
    let socket = begin(address, source)?;
    let written = match (&socket).write(first) {
        Ok(written) => written,
        Err(error)
            if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) =>
        {
            0
        }
        Err(error) => return Err(error),
    };
    let stream = TcpStream::from_std(socket)?;
    // Bytes that were taken prove the connection; else it is writable once it stands or failed.
    if written == 0 {
        stream.writable().await?;
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
    }
    Ok(Opened { stream, written })
}

/// Begins to connect.
fn begin(address: SocketAddr, source: Option<IpAddr>) -> io::Result<std::net::TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(source) = source.filter(|source| source.is_ipv4() == address.is_ipv4()) {
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    match socket.connect(&address.into()) {
        Ok(()) => {}
        Err(error) if error.raw_os_error().is_some_and(|code| IN_PROGRESS.contains(&code)) => {}
        Err(error) => return Err(error),
    }
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn sources_are_needed_past_ten_thousand_connections() {
        let loopback = IpAddr::from([127, 0, 0, 1]);
        assert!(loopback_sources(loopback, MAX_CONNECTIONS_PER_SOURCE).is_empty());
        let two = loopback_sources(loopback, MAX_CONNECTIONS_PER_SOURCE + 1);
        assert_eq!(two, [IpAddr::from([127, 0, 0, 2]), IpAddr::from([127, 0, 0, 3])]);
        assert!(loopback_sources(IpAddr::from([10, 0, 0, 1]), 50_000).is_empty());
        assert!(loopback_sources("::1".parse().unwrap(), 50_000).is_empty());
        assert_eq!(loopback_sources(loopback, usize::MAX).len(), 254);
    }

    #[tokio::test]
    async fn the_first_bytes_leave_with_the_connection_and_from_the_source() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let source = IpAddr::from([127, 0, 0, 9]);
        let opened = open(address, Some(source), b"hello").await.unwrap();
        let (mut accepted, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.ip(), source);
        assert!(opened.stream.nodelay().unwrap());
        if opened.written > 0 {
            let mut bytes = [0; 5];
            accepted.read_exact(&mut bytes[..opened.written]).await.unwrap();
            assert!(b"hello".starts_with(&bytes[..opened.written]));
        }
    }

    #[tokio::test]
    async fn refused_connections_say_so() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        for first in [&b"x"[..], b""] {
            let error = open(address, None, first).await.err().unwrap();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        }
    }
}
