//! Patterns for listings: `*`, `?`, `[a-z]`, `[!a-z]` within a part of a name, `**` for any number
//! of folders.

/// Longest pattern, in bytes. Matching takes time with its length times the name's.
pub(super) const MAX_PATTERN_BYTES: usize = 256;

/// A checked pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// `**`: any number of folders, also none.
    Folders,
    Text(Vec<Piece>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// `*`
    Any,
    /// `?`
    One,
    Exactly(char),
    /// `[a-z_]`, or its opposite.
    Class {
        ranges: Vec<(char, char)>,
        negated: bool,
    },
}

impl Glob {
    /// Checks a pattern. The message of a refusal says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let refuse = |reason: &str| Err(format!("Invalid pattern '{}': {reason}", shown(text)));
        if text.len() > MAX_PATTERN_BYTES {
            return refuse(&format!("longer than {MAX_PATTERN_BYTES} bytes"));
        }
        if text.starts_with('/') || text.split('/').any(|part| part == "..") {
            return refuse("it must stay beneath the media folder");
        }
        let parts: Vec<Part> = text
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .map(|part| match part {
                "**" => Part::Folders,
                part => Part::Text(pieces(part)),
            })
            .collect();
        if parts.is_empty() { refuse("it is empty") } else { Ok(Self { parts }) }
    }

    /// Whether names in subfolders can match at all: if not, they need not be walked.
    pub(super) fn goes_deeper(&self) -> bool {
        self.parts.len() > 1 || self.parts == [Part::Folders]
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        let names: Vec<&str> = name.split('/').collect();
        matches_parts(&self.parts, &names)
    }
}

fn shown(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}

fn pieces(part: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = part;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        match first {
            // Several in a row mean the same as one, and would only take time.
            '*' if pieces.last() == Some(&Piece::Any) => {}
            '*' => pieces.push(Piece::Any),
            '?' => pieces.push(Piece::One),
            '[' => match class(rest) {
                Some((class, after)) => {
                    pieces.push(class);
                    rest = after;
                }
                // A bracket that is never closed stands for itself, as in a shell.
                None => pieces.push(Piece::Exactly('[')),
            },
            other => pieces.push(Piece::Exactly(other)),
        }
    }
    pieces
}

/// Reads a class after its opening bracket.
fn class(text: &str) -> Option<(Piece, &str)> {
    let (negated, body) = match text.strip_prefix(['!', '^']) {
        Some(body) => (true, body),
        None => (false, text),
    };
    // A closing bracket in the first place is one of the characters.
    let first = body.chars().next()?;
    let end = first.len_utf8() + body.get(first.len_utf8()..)?.find(']')?;
    let characters: Vec<char> = body[..end].chars().collect();
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(&low) = characters.get(at) {
        match (characters.get(at + 1), characters.get(at + 2)) {
            (Some('-'), Some(&high)) => {
                ranges.push((low, high));
                at += 3;
            }
            _ => {
                ranges.push((low, low));
                at += 1;
            }
        }
    }
    Some((Piece::Class { ranges, negated }, &body[end + 1..]))
}

/// Matches parts with one place to go back to, so that time grows with the product of the lengths
/// and never exponentially.
fn matches_parts(pattern: &[Part], names: &[&str]) -> bool {
    let (mut at, mut name) = (0, 0);
    let mut again: Option<(usize, usize)> = None;
    while name < names.len() {
        match pattern.get(at) {
            Some(Part::Folders) if at + 1 == pattern.len() => return true,
            Some(Part::Folders) => {
                again = Some((at, name));
                at += 1;
                continue;
            }
            Some(Part::Text(pieces)) if matches_text(pieces, names[name]) => {
                at += 1;
                name += 1;
                continue;
            }
            _ => {}
        }
        let Some((folders, from)) = again else { return false };
        again = Some((folders, from + 1));
        (at, name) = (folders + 1, from + 1);
    }
    pattern[at..].iter().all(|part| *part == Part::Folders)
}

fn matches_text(pattern: &[Piece], text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    let (mut at, mut position) = (0, 0);
    let mut again: Option<(usize, usize)> = None;
    while let Some(&character) = characters.get(position) {
        match pattern.get(at) {
            Some(Piece::Any) => {
                again = Some((at, position));
                at += 1;
                continue;
            }
            Some(piece) if piece.takes(character) => {
                at += 1;
                position += 1;
                continue;
            }
            _ => {}
        }
        let Some((any, from)) = again else { return false };
        again = Some((any, from + 1));
        (at, position) = (any + 1, from + 1);
    }
    pattern[at..].iter().all(|piece| *piece == Piece::Any)
}

impl Piece {
    fn takes(&self, character: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Exactly(own) => *own == character,
            Self::Class { ranges, negated } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&character)) != *negated
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let glob = Glob::parse(pattern).unwrap();
        for name in matching {
            assert!(glob.matches(name), "{pattern} and {name}");
        }
        for name in others {
            assert!(!glob.matches(name), "{pattern} and {name}");
        }
    }

    #[test]
    fn stars_stay_within_a_part() {
        check("*.mp4", &["a.mp4", ".mp4"], &["a.mp3", "a/b.mp4", "a.mp4x"]);
        check("a*b*c", &["abc", "axxbyyc", "abbcc"], &["ab", "acb"]);
        check("?.png", &["é.png"], &["ab.png", ".png"]);
    }

    #[test]
    fn two_stars_are_any_number_of_folders() {
        check("**/*.mp4", &["a.mp4", "x/a.mp4", "x/y/a.mp4"], &["a.mp3"]);
        check("x/**", &["x/a", "x/y/a"], &["a", "y/a"]);
        check("x/**/z/*", &["x/z/a", "x/y/z/a", "x/z/z/a"], &["x/a", "z/a"]);
        check("**", &["a", "b/c"], &[]);
    }

    #[test]
    fn classes_have_ranges_and_opposites() {
        check("[a-c]x", &["ax", "cx"], &["dx", "x"]);
        check("[!a-c]x", &["dx", "-x"], &["ax"]);
        check("[]a]x", &["]x", "ax"], &["bx"]);
        check("[ab", &["[ab"], &["a"]);
        check("[a-]", &["a", "-"], &["b"]);
    }

    #[test]
    fn only_patterns_with_folders_walk_deeper() {
        let deeper = |pattern| Glob::parse(pattern).unwrap().goes_deeper();
        assert!(!deeper("*.mp4") && deeper("**/*.mp4") && deeper("a/*") && deeper("**"));
    }

    #[test]
    fn patterns_are_refused_with_a_reason() {
        let long = "x".repeat(MAX_PATTERN_BYTES + 1);
        for (pattern, reason) in [
            ("../*", "it must stay beneath the media folder"),
            ("/etc/*", "it must stay beneath the media folder"),
            ("", "it is empty"),
            (long.as_str(), "longer than 256 bytes"),
        ] {
            let message = Glob::parse(pattern).unwrap_err();
            assert!(message.ends_with(reason), "{message}");
        }
        assert!(Glob::parse(&long[1..]).is_ok());
    }

    proptest! {
        #[test]
        fn a_name_matches_itself_and_itself_with_stars(name in "[a-z.]{1,12}", at in 0_usize..12) {
            prop_assume!(name != "." && name != "..");
            let at = at.min(name.len());
            prop_assert!(Glob::parse(&name).unwrap().matches(&name));
            let starred = format!("{}*{}", &name[..at], &name[at..]);
            prop_assert!(Glob::parse(&starred).unwrap().matches(&name));
        }

        #[test]
        fn no_pattern_hangs_or_panics(pattern in "[a*?/\\[\\]!-]{0,40}", name in "[a/]{0,40}") {
            if let Ok(glob) = Glob::parse(&pattern) {
                glob.matches(&name);
            }
        }
    }
}
