//! Addresses and sockets.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::str::FromStr;

use anyhow::{Context, Result};
use socket2::{Domain, Socket, Type};

/// Connections that may wait to be accepted; the kernel lowers it to its own limit.
const BACKLOG: i32 = 65_535;
/// Users that share one source address: beyond about 14,000 connections between two addresses and
/// one port, the kernel's search for a free port takes longer than anything measured here.
const USERS_PER_SOURCE: u32 = 10_000;

/// A URL without name resolution: the control is for this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
}

impl FromStr for Target {
    type Err = anyhow::Error;

    fn from_str(url: &str) -> Result<Self> {
        let rest = url.strip_prefix("http://").context("a target begins with http://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let address = authority.parse().context("a target has an IP address and a port")?;
        Ok(Self { address, path: format!("/{path}") })
    }
}

impl Target {
    /// The whole request of one user.
    pub(crate) fn request(&self) -> Vec<u8> {
        let (path, address, body) = (&self.path, self.address, BODY);
        format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    /// Where a user's connections come from: loopback targets get one source address for every
    /// [`USERS_PER_SOURCE`].
    fn source(&self, user: u32) -> Option<SocketAddr> {
        let group = u8::try_from(user / USERS_PER_SOURCE).unwrap_or(u8::MAX - 1);
        match self.address.ip() {
            IpAddr::V4(ip) if ip.is_loopback() && group > 0 => {
                Some(SocketAddr::from((Ipv4Addr::new(127, 0, 0, group + 1), 0)))
            }
            _ => None,
        }
    }

    /// Begins to connect, without waiting.
    pub(crate) fn connect(&self, user: u32) -> Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(self.address), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(source) = self.source(user) {
            socket.bind(&source.into())?;
        }
        match socket.connect(&self.address.into()) {
            Ok(()) => {}
            Err(error) if in_progress(&error) => {}
            Err(error) => return Err(error).context("connect"),
        }
        Ok(socket.into())
    }
}

/// What every user asks: a chat completion, streamed.
pub(crate) const BODY: &str = r#"{"model":"control","stream":true,"messages":[{"role":"user","content":"How wide is the river?"}]}"#;

fn in_progress(error: &std::io::Error) -> bool {
    /// `EINPROGRESS` of Linux; the standard library has a kind for it only on nightly.
    const EINPROGRESS: i32 = 115;
    error.raw_os_error() == Some(EINPROGRESS) || error.kind() == std::io::ErrorKind::WouldBlock
}

/// A listening socket with a long queue.
pub(crate) fn listen(address: SocketAddr) -> Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into()).with_context(|| format!("cannot listen on {address}"))?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_an_address_and_a_path() {
        let target: Target = "http://127.0.0.1:80/v1/x".parse().unwrap();
        assert_eq!((target.address.port(), target.path.as_str()), (80, "/v1/x"));
        assert_eq!("http://127.0.0.1:80".parse::<Target>().unwrap().path, "/");
        for wrong in ["127.0.0.1:80", "http://localhost:80", "https://127.0.0.1:80"] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_ten_thousand_users_of_loopback_have_a_source_of_their_own() {
        let target: Target = "http://127.0.0.1:80".parse().unwrap();
        assert_eq!(target.source(9_999), None);
        assert_eq!(target.source(10_000).unwrap().to_string(), "127.0.0.2:0");
        assert_eq!(target.source(25_000).unwrap().to_string(), "127.0.0.3:0");
        let remote: Target = "http://192.0.2.1:80".parse().unwrap();
        assert_eq!(remote.source(25_000), None);
    }
}
