//! An upstream's URL.

use super::Origin;

/// Reads a base URL; a `/v1` at its end is taken off, because the paths bring it.
pub(super) fn parse(url: &str) -> Result<Origin, &'static str> {
    let uri: http::Uri = url.parse().map_err(|_| "it is no URL")?;
    let secure = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err("it does not begin with http:// or https://"),
    };
    let authority = uri.authority().ok_or("it names no host")?;
    if authority.as_str().contains('@') {
        return Err("it holds a user; keys come from the environment, by key_env");
    }
    if uri.query().is_some() {
        return Err("it has a query");
    }
    let host = authority.host();
    let default_port = if secure { 443 } else { 80 };
    let port = authority.port_u16().unwrap_or(default_port);
    if host.is_empty() || port == 0 {
        return Err("it names no host or no port");
    }
    let prefix = uri.path().trim_end_matches('/');
    let prefix = prefix.strip_suffix("/v1").unwrap_or(prefix);
    Ok(Origin {
        secure,
        host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
        port,
        authority: if port == default_port { host.to_owned() } else { format!("{host}:{port}") },
        prefix: prefix.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_taken_apart() {
        let check = |url: &str, host: &str, port, authority: &str, prefix: &str| {
            let origin = parse(url).unwrap();
            let parts = (
                origin.host.as_str(),
                origin.port,
                origin.authority.as_str(),
                origin.prefix.as_str(),
            );
            assert_eq!(parts, (host, port, authority, prefix), "{url}");
        };
        check("http://127.0.0.1:8100", "127.0.0.1", 8100, "127.0.0.1:8100", "");
        check("https://api.openai.com/v1/", "api.openai.com", 443, "api.openai.com", "");
        check("https://host/proxy/v1", "host", 443, "host", "/proxy");
        check("http://[::1]:80/a", "::1", 80, "[::1]", "/a");
        assert!(parse("https://host").unwrap().secure);
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        for wrong in
            ["", "host", "ftp://host", "http://", "http://u:p@host", "http://h/?a=b", "http://h:0"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
