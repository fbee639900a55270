//! Which HTTP a connection speaks, by the first bytes that its client sends.

/// What every connection of HTTP/2 begins with (RFC 9113, section 3.4), and no other.
pub const HTTP2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1, or nothing that we know: its parser says what is wrong.
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
}

impl Protocol {
    /// The protocol of a connection that begins like this; `None` while more must come to tell.
    #[must_use]
    pub fn of(first: &[u8]) -> Option<Self> {
        let known = HTTP2_PREFACE.len().min(first.len());
        if first[..known] != HTTP2_PREFACE[..known] {
            return Some(Self::Http1);
        }
        (known == HTTP2_PREFACE.len()).then_some(Self::Http2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocol_is_known_from_the_first_byte_that_tells_and_not_before() {
        for end in 0..HTTP2_PREFACE.len() {
            assert_eq!(Protocol::of(&HTTP2_PREFACE[..end]), None, "{end} bytes of the preface");
        }
        assert_eq!(Protocol::of(HTTP2_PREFACE), Some(Protocol::Http2));
        assert_eq!(Protocol::of(&[HTTP2_PREFACE, &b"more"[..]].concat()), Some(Protocol::Http2));
        for other in [&b"G"[..], b"PO", b"PRI * HTTP/1.1\r\n", b"\x16\x03"] {
            assert_eq!(Protocol::of(other), Some(Protocol::Http1), "{other:?}");
        }
    }
}
