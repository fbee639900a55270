//! The URL of a target, taken apart.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use crate::notation::NotationError;

/// Longest URL that is taken.
const MAX_URL_BYTES: usize = 8 * 1024;

/// A target's URL: `http` or `https`, without user information or fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetUrl {
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// A name or an address, IPv6 without its brackets.
    pub host: String,
    /// The port, the scheme's own where the URL names none.
    pub port: u16,
    /// Path and query as they stand in the request; at least `/`.
    pub path: String,
}

impl TargetUrl {
    /// The host as it stands in a URL and in the `host` header: IPv6 in brackets, and the port
    /// where it is not the scheme's own.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.parse::<Ipv6Addr>().is_ok() {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == default_port(self.tls) { host } else { format!("{host}:{}", self.port) }
    }

    /// The host as an address, where it is one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

impl FromStr for TargetUrl {
    type Err = NotationError;

    fn from_str(text: &str) -> Result<Self, NotationError> {
        let shown = crate::secret::redact_command_line(&[text.chars().take(200).collect()]);
        let error =
            |reason: &str| NotationError::new("URL", shown.first().map_or("", |t| t), reason);
        if text.len() > MAX_URL_BYTES {
            return Err(error("it is longer than 8 KiB"));
        }
        let (tls, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            _ => return Err(error("write http://HOST:PORT/PATH or https://HOST/PATH")),
        };
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(error("it holds a space or a character that must be percent-encoded"));
        }
        let rest = rest.split('#').next().unwrap_or(rest);
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(error(
                "user information in a URL is not taken; use --header or --api-key-env",
            ));
        }
        let (host, port) = split_authority(authority).ok_or_else(|| {
            error("the host is a name, an IPv4 address or an IPv6 address in brackets")
        })?;
        let port = match port {
            None | Some("") => default_port(tls),
            Some(port) => port
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(|| error("the port is a number from 1 to 65535"))?,
        };
        let path = match path {
            "" => "/".to_owned(),
            query if query.starts_with('?') => format!("/{query}"),
            path => path.to_owned(),
        };
        Ok(Self { tls, host, port, path })
    }
}

/// Host (lower case, without brackets) and the text of the port, if there is one.
fn split_authority(authority: &str) -> Option<(String, Option<&str>)> {
    if let Some(bracketed) = authority.strip_prefix('[') {
        let (address, rest) = bracketed.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) };
        return Some((address.to_string(), port));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let valid = !host.is_empty()
        && host.len() <= 253
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    valid.then(|| (host.to_ascii_lowercase(), port))
}

/// Without the query, which may hold a key.
impl fmt::Display for TargetUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        let path = self.path.split('?').next().unwrap_or(&self.path);
        write!(formatter, "{scheme}://{}{path}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, tls: bool, host: &str, port: u16, path: &str) {
        let expected = TargetUrl { tls, host: host.to_owned(), port, path: path.to_owned() };
        assert_eq!(text.parse::<TargetUrl>().unwrap(), expected, "{text}");
    }

    fn check_error(text: &str, part: &str) {
        let message = text.parse::<TargetUrl>().unwrap_err().to_string();
        assert!(message.contains(part), "{message} should say {part:?}");
    }

    #[test]
    fn urls_are_taken_apart() {
        check("http://127.0.0.1:8100", false, "127.0.0.1", 8100, "/");
        check("HTTPS://API.Example.com/v1/messages", true, "api.example.com", 443, "/v1/messages");
        check("http://[::1]:80/v1/x?y=z#top", false, "::1", 80, "/v1/x?y=z");
        check("http://localhost?q", false, "localhost", 80, "/?q");
        check("http://host:/", false, "host", 80, "/");
    }

    #[test]
    fn what_is_no_url_says_why() {
        check_error("127.0.0.1:8100", "write http://");
        check_error("ftp://host/", "write http://");
        check_error("http://", "the host is");
        check_error("http:///v1", "the host is");
        check_error("http://host:0/", "from 1 to 65535");
        check_error("http://host:99999/", "from 1 to 65535");
        check_error("http://::1/", "the host is");
        check_error("http://[::1/", "the host is");
        check_error("http://host/a b", "percent-encoded");
        check_error("http://me:secret@host/", "user information");
    }

    #[test]
    fn a_refused_url_does_not_repeat_its_secret() {
        let message = "http://me:secret@host/?key=k".parse::<TargetUrl>().unwrap_err().to_string();
        assert!(!message.contains("secret") && !message.contains("key=k"), "{message}");
    }

    #[test]
    fn the_query_is_sent_but_not_shown() {
        let url: TargetUrl = "http://[::1]:8080/v1?key=k".parse().unwrap();
        assert_eq!(url.to_string(), "http://[::1]:8080/v1");
        assert_eq!(url.path, "/v1?key=k");
        assert_eq!(url.authority(), "[::1]:8080");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in ".{0,60}") {
            let _ = text.parse::<TargetUrl>();
            let _ = format!("http://{text}").parse::<TargetUrl>();
        }
    }
}
