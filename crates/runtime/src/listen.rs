//! Listening sockets: one per worker on the same address, so that the kernel spreads
//! connections and no thread hands them over.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait to be accepted, per listener. The kernel lowers it to
/// `net.core.somaxconn` (4,096 by default since Linux 5.4); a burst beyond it would be answered
/// a second late, after the client's first retransmission.
const BACKLOG: i32 = 65_535;

/// Opens `count` non-blocking listeners on one address. With port 0 the kernel chooses a port
/// once and all listeners share it: ask the first for its address.
///
/// # Errors
/// When the address is in use, not ours, or not permitted.
pub fn listeners(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    let first = listener(address)?;
    let bound = first.local_addr()?;
    let mut listeners = vec![first];
    for _ in 1..count {
        listeners.push(listener(bound)?);
    }
    Ok(listeners)
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    // A port that somebody else listens on must be refused: SO_REUSEPORT would share it
    // silently with another process of the same user.
    if address.port() != 0 {
        refuse_foreign_listener(address)?;
    }
    socket.set_reuse_port(true)?;
    // Accepted connections inherit it: what is written leaves at once instead of waiting for the
    // acknowledgement of what was written before.
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Fails with `AddrInUse` when another process listens on the address.
fn refuse_foreign_listener(address: SocketAddr) -> io::Result<()> {
    match crate::process::listener_process(address.port()) {
        Some(process) if process.pid != std::process::id() => Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            format!("{address} is in use by {} (pid {})", process.name, process.pid),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn all_listeners_share_the_port_that_the_kernel_chose() {
        let listeners = listeners("127.0.0.1:0".parse().unwrap(), 3).unwrap();
        let ports: Vec<u16> =
            listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        assert_eq!(ports, vec![ports[0]; 3]);
        assert_ne!(ports[0], 0);
    }

    #[test]
    fn what_is_accepted_sends_at_once() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = listeners(address.parse().unwrap(), 1).unwrap().remove(0);
            listener.set_nonblocking(false).unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (accepted, _) = listener.accept().unwrap();
            assert!(accepted.nodelay().unwrap(), "{address}");
            assert!(!client.nodelay().unwrap(), "or it would say nothing");
        }
    }
}
