//! Where users connect to: names resolved and addresses tried before a run.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::client::{Security, Target, TlsSettings, client_config, loopback_sources};
use crate::error::Error;
use crate::settings::Settings;
use crate::target_url::TargetUrl;

/// How long an address may take to answer before it is given up.
const REACH_LIMIT: Duration = Duration::from_secs(5);

/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// Where users connect to: the target's addresses that answer, in the resolver's order.
///
/// # Errors
/// When the name has no address, no address answers, or TLS cannot be set up.
pub async fn resolve(settings: &Settings) -> Result<Target, Error> {
    let security = if settings.http2 && !settings.url.tls {
        Security::PlainHttp2
    } else {
        let tls = TlsSettings {
            cacert: settings.cacert.clone(),
            insecure: settings.insecure,
            ..TlsSettings::default()
        };
        security(&settings.url, &tls)?
    };
    resolve_url(&settings.url, security, settings.most_open()).await
}

/// Where a URL's host is: its addresses that answer, with sources for so many connections.
///
/// # Errors
/// When the name has no address, or none answers.
pub async fn resolve_url(
    url: &TargetUrl,
    security: Security,
    connections: u64,
) -> Result<Target, Error> {
    let host = url.host.clone();
    let failed = |source| Error::Resolve { host: host.clone(), source };
    let mut addresses: Vec<SocketAddr> =
        lookup_host((url.host.as_str(), url.port)).await.map_err(failed)?.collect();
    addresses.dedup();
    addresses.truncate(MAX_ADDRESSES);
    let addresses = reachable(addresses)
        .await
        .map_err(|reason| Error::Unreachable { target: url.to_string(), reason })?;
    let connections = usize::try_from(connections).unwrap_or(usize::MAX);
    let sources =
        addresses.first().map_or(Vec::new(), |first| loopback_sources(first.ip(), connections));
    Ok(Target { host, addresses, sources, security })
}

/// Whether all of a target's addresses are this machine's own loopback.
#[must_use]
pub fn is_local(target: &Target) -> bool {
    target.addresses.iter().all(|address| address.ip().is_loopback())
}

/// How a URL's connections are secured: as its scheme says.
///
/// # Errors
/// When TLS cannot be set up.
pub fn security(url: &TargetUrl, tls: &TlsSettings) -> Result<Security, Error> {
    if !url.tls {
        return Ok(Security::Plain);
    }
    client_config(tls).map(Security::Tls).map_err(|error| Error::Tls(chain(&error)))
}

/// The addresses that take a connection, or why none does.
async fn reachable(addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, String> {
    let attempts = join_all(addresses.iter().map(|address| reach(*address))).await;
    let mut reason = "its name has no address".to_owned();
    let mut answering = Vec::new();
    for (address, attempt) in addresses.into_iter().zip(attempts) {
        match attempt {
            Ok(()) => answering.push(address),
            Err(error) => reason = format!("{} ({address})", error.kind()),
        }
    }
    if answering.is_empty() { Err(reason) } else { Ok(answering) }
}

async fn reach(address: SocketAddr) -> io::Result<()> {
    match timeout(REACH_LIMIT, TcpStream::connect(address)).await {
        Ok(connected) => connected.map(drop),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// An error with its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    std::iter::once(error.to_string())
        .chain(causes.map(ToString::to_string))
        .collect::<Vec<_>>()
        .join(": ")
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn addresses_that_do_not_answer_are_left_out() {
        let open = TcpListener::bind("127.0.0.1:0").unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let address = open.local_addr().unwrap();
        assert_eq!(reachable(vec![closed, address]).await.unwrap(), [address]);
        let reason = reachable(vec![closed]).await.unwrap_err();
        assert!(reason.contains("connection refused"), "{reason}");
    }
}
