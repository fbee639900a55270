//! What one process on this machine can hold: files and ports, checked before a run.

use std::net::SocketAddr;

use results::units::float;

use crate::client::MAX_CONNECTIONS_PER_SOURCE;
use crate::error::Error;

/// Files that the tester needs beside its users' connections: both ends of the control streams,
/// the runtimes' own, standard streams, reports.
pub const RESERVED_FILES: u64 = 100;

/// Source addresses that a loopback target can be reached from: 127.0.0.2 to 127.0.0.255.
const LOOPBACK_SOURCES: u64 = 254;

/// Checks that this many users fit into a limit of open files.
///
/// # Errors
/// [`Error::OpenFiles`] when they do not; it says what fits.
pub fn check_open_files(users: u64, limit: u64) -> Result<(), Error> {
    let allowed = limit.saturating_sub(RESERVED_FILES);
    if users <= allowed {
        return Ok(());
    }
    Err(Error::OpenFiles { users, allowed, limit, needed: users + RESERVED_FILES })
}

/// Checks that this many connections can be made to a target's addresses.
///
/// # Errors
/// [`Error::Ports`] when they cannot; it says how many can, and what helps.
pub fn check_ports(users: u64, target: &str, addresses: &[SocketAddr]) -> Result<(), Error> {
    let per_source = u64::try_from(MAX_CONNECTIONS_PER_SOURCE).unwrap_or(u64::MAX);
    let many_sources = |address: &SocketAddr| address.is_ipv4() && address.ip().is_loopback();
    let sources_of =
        |address: &SocketAddr| if many_sources(address) { LOOPBACK_SOURCES } else { 1 };
    // Users go to the first address that answers: further ones are spares, not room.
    let allowed = addresses.first().map_or(0, sources_of) * per_source;
    if users <= allowed {
        return Ok(());
    }
    let remedy = if addresses.first().is_some_and(|address| address.ip().is_loopback()) {
        "IPv6 has a single loopback address: name the target as 127.0.0.1"
    } else {
        "use several machines, or a target that speaks HTTP/2"
    };
    Err(Error::Ports { users, allowed, per_source, target: target.to_owned(), remedy })
}

/// A limit as people read it in a note: `19,900`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = format!("{:.0}", float(number));
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_limit_of_twenty_thousand_files_holds_19_900_users() {
        assert!(check_open_files(19_900, 20_000).is_ok());
        let error = check_open_files(19_901, 20_000).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Environment);
        let message = error.to_string();
        assert!(
            message.starts_with("this machine allows 19,900 users in one process"),
            "{message}"
        );
        assert!(message.contains("ulimit -n 20001"), "{message}");
        assert!(check_open_files(1, 0).is_err());
    }

    #[test]
    fn one_source_reaches_ten_thousand_and_loopback_has_many() {
        let remote: SocketAddr = "10.0.0.1:80".parse().unwrap();
        let loopback: SocketAddr = "127.0.0.1:80".parse().unwrap();
        let six: SocketAddr = "[::1]:80".parse().unwrap();
        assert!(check_ports(10_000, "t", &[remote]).is_ok());
        let message = check_ports(10_001, "t", &[remote]).unwrap_err().to_string();
        assert!(message.contains("hold 10,000 connections to t"), "{message}");
        assert!(check_ports(100_000, "t", &[loopback]).is_ok());
        let message = check_ports(10_001, "t", &[six]).unwrap_err().to_string();
        assert!(message.contains("name the target as 127.0.0.1"), "{message}");
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            [grouped(0), grouped(999), grouped(19_900), grouped(1_000_000)],
            ["0", "999", "19,900", "1,000,000"]
        );
    }
}
