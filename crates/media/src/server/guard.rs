//! Who may ask: the host that a request names, the page that it comes from, the key that it shows.
//!
//! A page anywhere on the web can make a browser send requests to this machine. Its script cannot
//! forge `Host` or `Origin`, so that these two tell it apart from an agent (see "Security warning"
//! in the transport chapter of the MCP specification).

use std::net::SocketAddr;

use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, StatusCode, Uri};
use runtime::secret::Secret;
use subtle::ConstantTimeEq;

use crate::settings::GuardSettings;

/// Names of this machine for itself.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Which hosts a request may name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Hosts {
    /// The names of this machine for itself: for a server that listens on loopback.
    #[default]
    Loopback,
    /// These, each `host` (any port) or `host:port`.
    Listed(Vec<String>),
    /// Any: for a server that others reach by names it cannot know.
    Any,
}

/// Which pages a request may come from. Requests that come from no page always pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origins {
    /// Pages of this machine, and pages of the very host that the request names.
    #[default]
    Own,
    /// These, each `scheme://host` (any port) or `scheme://host:port`.
    Listed(Vec<String>),
}

/// The checks.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// Hosts that are served.
    pub hosts: Hosts,
    /// Pages that are served.
    pub origins: Origins,
    /// The key to show as `Authorization: Bearer KEY`; `None` takes everybody.
    pub key: Option<Secret>,
}

/// Why a request is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 421: the host is not one of ours.
    #[error("Misdirected Request: this server does not answer for that Host")]
    Host,
    /// 403: the page is not one of ours.
    #[error("Forbidden: requests from that Origin are not served")]
    Origin,
    /// 401: no key, or another one.
    #[error("Unauthorized: send the key as Authorization: Bearer KEY")]
    Key,
}

impl Refusal {
    /// The HTTP status that says so.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Origin => StatusCode::FORBIDDEN,
            Self::Key => StatusCode::UNAUTHORIZED,
        }
    }
}

impl Guard {
    /// The checks of a server that listens on `address`. Where nothing is set, a server on a
    /// loopback address answers for this machine's own names, and any other for every name.
    #[must_use]
    pub fn of(settings: GuardSettings, address: SocketAddr) -> Self {
        let hosts = match settings.hosts.is_empty() {
            false => Hosts::Listed(settings.hosts),
            true if address.ip().is_loopback() => Hosts::Loopback,
            true => Hosts::Any,
        };
        let origins = match settings.origins.is_empty() {
            false => Origins::Listed(settings.origins),
            true => Origins::Own,
        };
        Self { hosts, origins, key: settings.key }
    }

    /// Checks host and origin, in this order.
    ///
    /// # Errors
    /// [`Refusal::Host`] or [`Refusal::Origin`].
    pub fn admit(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = named_host(uri, headers).ok_or(Refusal::Host)?;
        let known = match &self.hosts {
            Hosts::Any => true,
            Hosts::Loopback => is_loopback(&host),
            Hosts::Listed(list) => list.iter().any(|known| matches(known, &host)),
        };
        if !known {
            return Err(Refusal::Host);
        }
        let mut origins = headers.get_all(ORIGIN).iter();
        if origins.all(|origin| origin.to_str().is_ok_and(|it| self.is_own(it, &host))) {
            Ok(())
        } else {
            Err(Refusal::Origin)
        }
    }

    /// Checks the key, in a time that does not depend on how nearly it matches.
    ///
    /// # Errors
    /// [`Refusal::Key`].
    pub fn authorize(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(key) = &self.key else { return Ok(()) };
        let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let shown = shown.and_then(|value| {
            let (scheme, key) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
        });
        match shown {
            Some(shown) if bool::from(shown.as_bytes().ct_eq(key.expose().as_bytes())) => Ok(()),
            _ => Err(Refusal::Key),
        }
    }

    fn is_own(&self, origin: &str, host: &Authority) -> bool {
        let Ok(uri) = origin.parse::<Uri>() else { return false };
        let (Some(scheme @ ("http" | "https")), Some(page)) = (uri.scheme_str(), uri.authority())
        else {
            return false;
        };
        match &self.origins {
            // A page that this very host served is no stranger; a rebound name was refused above,
            // unless any host is taken, where the operator has given up this protection.
            Origins::Own => is_loopback(page) || page == host,
            Origins::Listed(list) => list.iter().any(|known| {
                known.split_once("://").is_some_and(|(known_scheme, known)| {
                    known_scheme.eq_ignore_ascii_case(scheme) && matches(known, page)
                })
            }),
        }
    }
}

/// The host that a request names: in `Host`, or in HTTP/2's `:authority`. None when it names two.
fn named_host(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let mut named = headers.get_all(HOST).iter();
    match (named.next(), named.next()) {
        (Some(host), None) => host.to_str().ok()?.parse().ok(),
        (None, _) => uri.authority().cloned(),
        (Some(_), Some(_)) => None,
    }
}

fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

fn is_loopback(authority: &Authority) -> bool {
    LOOPBACK.iter().any(|name| name.eq_ignore_ascii_case(bare(authority.host())))
}

/// Whether `known` (`host`, `host:*` or `host:port`) is this authority.
fn matches(known: &str, authority: &Authority) -> bool {
    let known = known.strip_suffix(":*").unwrap_or(known);
    let Ok(known) = known.parse::<Authority>() else { return false };
    bare(known.host()).eq_ignore_ascii_case(bare(authority.host()))
        && known.port_u16().is_none_or(|port| authority.port_u16() == Some(port))
}

#[cfg(test)]
mod tests;
