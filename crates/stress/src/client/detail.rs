//! What is said about a failure: short, and the same for all streams that failed alike.
//!
//! Reports group failures by this text, so it holds no ids, ports, addresses or counts.

use std::borrow::Cow;
use std::io;

/// What a failure's detail is made of.
pub(crate) type Detail = Cow<'static, str>;

/// Longest detail, in characters.
const MAX_CHARS: usize = 160;

/// A word this long with a digit in it is an identifier (request ids, UUIDs, keys).
const IDENTIFIER_CHARS: usize = 16;

/// Error numbers for which `io::ErrorKind` has no stable name; the same on Linux, macOS and the
/// BSDs (`errno.h`).
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

/// What went wrong with a socket.
pub(super) fn of_io(error: &io::Error) -> Detail {
    if matches!(error.raw_os_error(), Some(ENFILE | EMFILE)) {
        return "out of file descriptors; raise `ulimit -n`".into();
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "connection reset".into(),
        io::ErrorKind::ConnectionAborted => "connection aborted".into(),
        io::ErrorKind::UnexpectedEof => "connection closed".into(),
        io::ErrorKind::TimedOut => "connection timed out in the network".into(),
        io::ErrorKind::HostUnreachable => "no route to host".into(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".into(),
        io::ErrorKind::NetworkDown => "network down".into(),
        io::ErrorKind::AddrNotAvailable => "out of local ports or no such source address".into(),
        io::ErrorKind::AddrInUse => "out of local ports".into(),
        io::ErrorKind::PermissionDenied => "connecting is not permitted on this machine".into(),
        _ => generalise(&error.to_string()).into(),
    }
}

/// Takes out of a text what differs between failures of one kind: digits become `#`, words that
/// look like identifiers become one `#`, white space is folded, the length is bounded.
pub(crate) fn generalise(text: &str) -> String {
    let mut general = String::new();
    for word in text.split_whitespace() {
        if !general.is_empty() {
            general.push(' ');
        }
        push_general_word(word, &mut general);
        if general.len() > 4 * MAX_CHARS {
            break;
        }
    }
    if general.chars().count() > MAX_CHARS {
        general = general.chars().take(MAX_CHARS - 1).collect();
        general.push('…');
    }
    general
}

fn push_general_word(word: &str, general: &mut String) {
    let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
    if !has_digit {
        general.push_str(word);
        return;
    }
    let core = word.trim_matches(|character: char| !character.is_alphanumeric());
    if core.chars().count() >= IDENTIFIER_CHARS {
        general.push_str(&word.replacen(core, "#", 1));
        return;
    }
    let mut in_number = false;
    for character in word.chars() {
        let digit = character.is_ascii_digit();
        if !digit {
            general.push(character);
        } else if !in_number {
            general.push('#');
        }
        in_number = digit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(generalise(text), expected);
    }

    #[test]
    fn numbers_and_identifiers_become_one_sign() {
        check("Rate limit: 3000 of 3000, retry in 1.25s", "Rate limit: # of #, retry in #.#s");
        check("request req_011CSHoEeqs5C35K2UUqR7Fy failed", "request # failed");
        check("(id: 550e8400-e29b-41d4-a716-446655440000)", "(id: #)");
        check("gpt-4o  is\n overloaded", "gpt-#o is overloaded");
        check("", "");
    }

    #[test]
    fn a_detail_is_bounded() {
        let long = generalise(&"word ".repeat(100_000));
        assert_eq!(long.chars().count(), MAX_CHARS);
        assert_eq!(generalise(&"ü".repeat(100_000)).chars().count(), MAX_CHARS);
    }

    #[test]
    fn socket_errors_have_their_own_words() {
        let of_kind = |kind: io::ErrorKind| of_io(&kind.into());
        assert_eq!(of_kind(io::ErrorKind::ConnectionRefused), "connection refused");
        assert_eq!(of_kind(io::ErrorKind::BrokenPipe), "connection reset");
        assert!(of_io(&io::Error::from_raw_os_error(EMFILE)).contains("file descriptors"));
    }
}
