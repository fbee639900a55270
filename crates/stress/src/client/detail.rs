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

/// How much a detail keeps of what a server said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wording {
    /// What failures of one kind share, so that they can be counted together.
    #[default]
    General,
    /// Numbers and paths as well, for a message that is about one failure. Identifiers go all the
    /// same: they may be keys.
    Exact,
}

impl Wording {
    /// A server's words in this wording: white space is folded, the length is bounded.
    pub(crate) fn of(self, text: &str) -> String {
        let mut said = String::new();
        for word in text.split_whitespace() {
            if !said.is_empty() {
                said.push(' ');
            }
            match self {
                Self::General => push_general_word(word, &mut said),
                Self::Exact => push_exact_word(word, &mut said),
            }
            if said.len() > 4 * MAX_CHARS {
                break;
            }
        }
        if said.chars().count() > MAX_CHARS {
            said = said.chars().take(MAX_CHARS - 1).collect();
            said.push('…');
        }
        said
    }
}

/// Takes out of a text what differs between failures of one kind: digits become `#`, words that
/// look like identifiers become one `#`.
pub(crate) fn generalise(text: &str) -> String {
    Wording::General.of(text)
}

/// The core of a word if it looks like an identifier.
fn identifier(word: &str) -> Option<&str> {
    let core = word.trim_matches(|character: char| !character.is_alphanumeric());
    let has_digit = core.bytes().any(|byte| byte.is_ascii_digit());
    (has_digit && core.chars().count() >= IDENTIFIER_CHARS).then_some(core)
}

/// Each part of a path is looked at by itself: a path is no identifier, but may hold one.
fn push_exact_word(word: &str, said: &mut String) {
    for (index, part) in word.split('/').enumerate() {
        if index > 0 {
            said.push('/');
        }
        match identifier(part) {
            Some(core) => said.push_str(&part.replacen(core, "#", 1)),
            None => said.push_str(part),
        }
    }
}

fn push_general_word(word: &str, general: &mut String) {
    if let Some(core) = identifier(word) {
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
    fn exact_words_keep_numbers_and_paths_but_no_identifiers() {
        let exact = |text| Wording::Exact.of(text);
        assert_eq!(exact("no endpoint GET /v1/nothing"), "no endpoint GET /v1/nothing");
        let path = "POST /api/v2/chat/completions: 404";
        assert_eq!(exact(path), path);
        assert_eq!(exact("bad key sk-proj-4f9a8b7c6d5e4f3a2b1c"), "bad key #");
        assert_eq!(exact("/v1/files/file-Abc123Abc123Abc123/x"), "/v1/files/#/x");
        assert_eq!(exact(&"word ".repeat(100_000)).chars().count(), MAX_CHARS);
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
