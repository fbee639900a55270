//! Each attack that the checks are for, and each honest client that they must let pass.

use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn check(guard: &Guard, pairs: &[(&'static str, &str)], expected: Result<(), Refusal>) {
    let uri = Uri::from_static("/mcp");
    assert_eq!(guard.admit(&uri, &headers(pairs)), expected, "{guard:?} {pairs:?}");
}

#[test]
fn a_loopback_server_answers_for_the_machines_own_names_alone() {
    let guard = Guard::default();
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1:8000", "[::1]:8000"] {
        check(&guard, &[("host", host)], Ok(()));
    }
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "10.0.0.1"]
    {
        check(&guard, &[("host", host)], Err(Refusal::Host));
    }
    check(&guard, &[], Err(Refusal::Host));
}

#[test]
fn two_hosts_in_one_request_are_refused() {
    let mut two = HeaderMap::new();
    two.append("host", "localhost".parse().unwrap());
    two.append("host", "evil.example".parse().unwrap());
    assert_eq!(Guard::default().admit(&Uri::from_static("/"), &two), Err(Refusal::Host));
}

#[test]
fn http2_names_its_host_in_the_uri() {
    let guard = Guard::default();
    let none = HeaderMap::new();
    assert_eq!(guard.admit(&Uri::from_static("http://localhost:1/mcp"), &none), Ok(()));
    let foreign = Uri::from_static("http://evil.example/mcp");
    assert_eq!(guard.admit(&foreign, &none), Err(Refusal::Host));
}

#[test]
fn a_page_elsewhere_is_refused_and_one_on_this_machine_is_not() {
    let guard = Guard::default();
    let from = |origin: &str, expected| {
        check(&guard, &[("host", "localhost:1"), ("origin", origin)], expected);
    };
    from("http://localhost:6274", Ok(()));
    from("https://127.0.0.1", Ok(()));
    for origin in
        ["https://evil.example", "null", "file://localhost", "", "http://localhost@evil.example"]
    {
        from(origin, Err(Refusal::Origin));
    }
}

#[test]
fn a_public_server_takes_pages_of_the_host_that_is_named() {
    let guard = Guard { hosts: Hosts::Any, ..Guard::default() };
    check(&guard, &[("host", "media.example"), ("origin", "https://media.example")], Ok(()));
    let other = [("host", "media.example"), ("origin", "https://evil.example")];
    check(&guard, &other, Err(Refusal::Origin));
}

#[test]
fn listed_hosts_and_origins_take_the_place_of_the_usual_ones() {
    let guard = Guard {
        hosts: Hosts::Listed(vec!["media.example".to_owned(), "other.example:81".to_owned()]),
        origins: Origins::Listed(vec!["https://app.example:*".to_owned()]),
        key: None,
    };
    check(&guard, &[("host", "media.example:9000")], Ok(()));
    check(&guard, &[("host", "other.example:81")], Ok(()));
    check(&guard, &[("host", "other.example:82")], Err(Refusal::Host));
    check(&guard, &[("host", "localhost")], Err(Refusal::Host));
    check(&guard, &[("host", "media.example"), ("origin", "https://app.example:4")], Ok(()));
    let plain = [("host", "media.example"), ("origin", "http://app.example:4")];
    check(&guard, &plain, Err(Refusal::Origin));
}

#[test]
fn the_key_is_asked_for_and_never_shown() {
    let guard = Guard { key: Some(Secret::new("secret")), ..Guard::default() };
    let shown = |value: &str| guard.authorize(&headers(&[("authorization", value)]));
    assert_eq!(shown("Bearer secret"), Ok(()));
    assert_eq!(shown("bearer  secret "), Ok(()));
    for wrong in ["Bearer secre", "Bearer secrets", "Basic secret", "secret", "Bearer "] {
        assert_eq!(shown(wrong), Err(Refusal::Key), "{wrong}");
    }
    assert_eq!(guard.authorize(&HeaderMap::new()), Err(Refusal::Key));
    assert!(!format!("{guard:?}").contains("secret"));
    assert_eq!(Guard::default().authorize(&HeaderMap::new()), Ok(()));
}
