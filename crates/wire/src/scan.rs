//! A validating JSON scanner that allocates nothing: it walks one document, hands out the few
//! values that a stream's grammar asks for, and checks the syntax of all the rest.
//!
//! `serde_json` unescapes strings into a buffer that it allocates anew for every document, and
//! `Option<Cow<str>>` always copies; at tens of thousands of events a second the tester can
//! afford neither. The scanner accepts exactly what `serde_json` accepts as syntax (a property
//! test holds it to that), up to a nesting of [`MAX_DEPTH`].

use thiserror::Error;

/// Deepest nesting of arrays and objects that is scanned; `serde_json`'s own limit.
pub(crate) const MAX_DEPTH: u32 = 128;

/// Why a document was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum JsonError {
    /// The text is no JSON document.
    #[error("not valid JSON")]
    Syntax,
    /// Valid so far, but a value has another type than the dialect gives it.
    #[error("{0}")]
    Type(&'static str),
}

/// A string as it stands in the document: its escapes are checked but still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RawString<'a> {
    raw: &'a str,
    escaped: bool,
}

impl<'a> RawString<'a> {
    /// The text, borrowed from the document where it holds no escape, else from `scratch`
    /// (which is emptied first). A lone surrogate becomes U+FFFD.
    pub(crate) fn unescape<'b>(self, scratch: &'b mut String) -> &'b str
    where
        'a: 'b,
    {
        if !self.escaped {
            return self.raw;
        }
        scratch.clear();
        unescape_into(self.raw, scratch);
        scratch
    }

    /// Whether this is exactly `text`. A string that spells it with escapes is not equal: no
    /// server writes names of types and fields that way.
    pub(crate) fn is(self, text: &str) -> bool {
        self.raw == text
    }

    /// The string as it stands, for comparing names.
    pub(crate) fn raw(self) -> &'a str {
        self.raw
    }

    pub(crate) fn is_empty(self) -> bool {
        self.raw.is_empty()
    }
}

/// A cursor over one document.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// Demands that nothing but white space is left.
    pub(crate) fn end(&mut self) -> Result<(), JsonError> {
        if self.peek().is_none() { Ok(()) } else { Err(JsonError::Syntax) }
    }

    /// Whether the next value is an object.
    pub(crate) fn at_object(&mut self) -> bool {
        self.peek() == Some(b'{')
    }

    /// Whether the next value is an array.
    pub(crate) fn at_array(&mut self) -> bool {
        self.peek() == Some(b'[')
    }

    /// Whether the next value is a string.
    pub(crate) fn at_string(&mut self) -> bool {
        self.peek() == Some(b'"')
    }

    /// Walks an object; `member` must consume the value of each key, with [`Self::skip`] at least.
    pub(crate) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &'a str) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        if !self.at_object() {
            return self.wrong_type("an event holds no object where one is due");
        }
        self.open(b'{')?;
        if self.accept(b'}') {
            self.depth -= 1;
            return Ok(());
        }
        loop {
            let key = self.string()?;
            self.expect(b':')?;
            member(self, key.raw)?;
            if self.accept(b',') {
                continue;
            }
            self.expect(b'}')?;
            self.depth -= 1;
            return Ok(());
        }
    }

    /// Walks an array; `element` must consume each value.
    pub(crate) fn array(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        if !self.at_array() {
            return self.wrong_type("an event holds no array where one is due");
        }
        self.open(b'[')?;
        if self.accept(b']') {
            self.depth -= 1;
            return Ok(());
        }
        loop {
            element(self)?;
            if self.accept(b',') {
                continue;
            }
            self.expect(b']')?;
            self.depth -= 1;
            return Ok(());
        }
    }

    /// A string.
    pub(crate) fn string(&mut self) -> Result<RawString<'a>, JsonError> {
        self.expect(b'"')?;
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += plain_length(&bytes[self.at..]);
            match bytes.get(self.at) {
                Some(b'"') => {
                    let raw = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(RawString { raw, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at += escape_length(&bytes[self.at..]).ok_or(JsonError::Syntax)?;
                }
                _ => return Err(JsonError::Syntax),
            }
        }
    }

    /// A string, or `None` for `null`; anything else is an error with the reason `otherwise`.
    pub(crate) fn nullable_string(
        &mut self,
        otherwise: &'static str,
    ) -> Result<Option<RawString<'a>>, JsonError> {
        match self.peek() {
            Some(b'"') => self.string().map(Some),
            Some(b'n') => self.word("null").map(|()| None),
            _ => self.wrong_type(otherwise),
        }
    }

    /// A string where the value is one; any other value is skipped.
    pub(crate) fn string_or_skip(&mut self) -> Result<Option<RawString<'a>>, JsonError> {
        if self.at_string() { self.string().map(Some) } else { self.skip().map(|()| None) }
    }

    /// A whole number of 0 or more that fits; anything else is an error with `otherwise`.
    pub(crate) fn unsigned(&mut self, otherwise: &'static str) -> Result<u64, JsonError> {
        self.peek();
        let start = self.at;
        self.skip()?;
        self.text[start..self.at].parse().map_err(|_| JsonError::Type(otherwise))
    }

    /// `true` or `false` where the value is one; any other value is skipped.
    pub(crate) fn bool_or_skip(&mut self) -> Result<Option<bool>, JsonError> {
        match self.peek() {
            Some(b't') => self.word("true").map(|()| Some(true)),
            Some(b'f') => self.word("false").map(|()| Some(false)),
            _ => self.skip().map(|()| None),
        }
    }

    /// Steps over `null`, if it comes next.
    pub(crate) fn accept_null(&mut self) -> Result<bool, JsonError> {
        if self.peek() == Some(b'n') { self.word("null").map(|()| true) } else { Ok(false) }
    }

    /// Checks the value's syntax and reports that it has the wrong type.
    pub(crate) fn wrong_type<T>(&mut self, reason: &'static str) -> Result<T, JsonError> {
        self.skip()?;
        Err(JsonError::Type(reason))
    }

    /// Steps over any value and checks its syntax.
    pub(crate) fn skip(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{') => self.object(|scanner, _| scanner.skip()),
            Some(b'[') => self.array(Self::skip),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(JsonError::Syntax),
        }
    }

    fn number(&mut self) -> Result<(), JsonError> {
        let bytes = self.text.as_bytes();
        let byte = |at: usize| bytes.get(at).copied();
        let digits = |at: usize| {
            bytes[at.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count()
        };
        let at_least_one =
            |count: usize| if count > 0 { Ok(count) } else { Err(JsonError::Syntax) };
        let mut at = self.at + usize::from(byte(self.at) == Some(b'-'));
        // No leading zeros: a zero is the whole integer part.
        at += if byte(at) == Some(b'0') { 1 } else { at_least_one(digits(at))? };
        if byte(at) == Some(b'.') {
            at += 1 + at_least_one(digits(at + 1))?;
        }
        if matches!(byte(at), Some(b'e' | b'E')) {
            at += 1 + usize::from(matches!(byte(at + 1), Some(b'+' | b'-')));
            at += at_least_one(digits(at))?;
        }
        // "01" is not two values: a digit cannot follow.
        if byte(at).is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(JsonError::Syntax);
        }
        self.at = at;
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), JsonError> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            Err(JsonError::Syntax)
        }
    }

    /// The next byte that is not white space; the cursor stands on it afterwards.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.accept(byte) { Ok(()) } else { Err(JsonError::Syntax) }
    }

    fn open(&mut self, bracket: u8) -> Result<(), JsonError> {
        self.expect(bracket)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(JsonError::Syntax) } else { Ok(()) }
    }
}

/// Bytes before the first quote, backslash or control character. Eight at a time, by the usual
/// bit trick for "has a byte that is zero / below 0x20", which can be wrong only above a hit that
/// is right.
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let has_zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut length = 0;
    for eight in bytes.chunks_exact(8) {
        let word = u64::from_le_bytes(eight.try_into().unwrap_or_default());
        let quote = has_zero(word ^ (ONES * 0x22));
        let backslash = has_zero(word ^ (ONES * 0x5c));
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let special = quote | backslash | control;
        if special != 0 {
            // The lowest hit is exact.
            return length + usize::try_from(special.trailing_zeros() / 8).unwrap_or_default();
        }
        length += 8;
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    length + bytes[length..].iter().position(special).unwrap_or(bytes.len() - length)
}

/// Length of the escape that `bytes` opens with, if it is one.
fn escape_length(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => bytes.get(2..6)?.iter().all(u8::is_ascii_hexdigit).then_some(6),
        _ => None,
    }
}

fn unescape_into(raw: &str, text: &mut String) {
    let mut rest = raw;
    while let Some(position) = memchr::memchr(b'\\', rest.as_bytes()) {
        text.push_str(&rest[..position]);
        let (character, length) = unescape_one(&rest[position..]);
        text.push(character);
        rest = &rest[position + length..];
    }
    text.push_str(rest);
}

/// The character of the escape that `escape` opens with, and the escape's length. The scanner
/// has checked the escape.
fn unescape_one(escape: &str) -> (char, usize) {
    let simple = match escape.as_bytes().get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unescape_unicode(escape),
        Some(&byte) => char::from(byte),
        None => char::REPLACEMENT_CHARACTER,
    };
    (simple, 2)
}

fn unescape_unicode(escape: &str) -> (char, usize) {
    let unit = |at: usize| escape.get(at..at + 4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let high = unit(2).unwrap_or(0xFFFD);
    if (0xD800..0xDC00).contains(&high)
        && escape.get(6..8) == Some("\\u")
        && let Some(low @ 0xDC00..0xE000) = unit(8)
    {
        let scalar = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
        return (char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}

#[cfg(test)]
mod tests;
