//! W3C Trace Context, level 1: `00-TRACE-SPAN-FLAGS` in hexadecimal digits.

use std::fmt::Write as _;

use http::HeaderValue;

/// The flag that says that the parent is recorded.
const SAMPLED: u8 = 1;

/// The client's own span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parent {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    sampled: bool,
}

/// The ids of one request's two spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) trace_id: [u8; 16],
    /// The client's span.
    pub(super) parent: Option<[u8; 8]>,
    pub(super) server: [u8; 8],
    pub(super) client: [u8; 8],
    /// Whether the spans are exported.
    pub(super) sampled: bool,
}

impl Parent {
    /// The parent that a client names. One that is malformed, or two, are none.
    pub(super) fn of<'a>(mut headers: impl Iterator<Item = &'a HeaderValue>) -> Option<Self> {
        let text = headers.next()?.to_str().ok()?;
        let mut parts = text.trim().split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let [version] = hexadecimal(version)?;
        // Versions to come may say more; this one may not.
        let whole = version != 0xff && (version != 0 || parts.next().is_none());
        let [flags] = hexadecimal(flags)?;
        let parent = Self {
            trace_id: hexadecimal(trace)?,
            span_id: hexadecimal(span)?,
            sampled: flags & SAMPLED != 0,
        };
        let valid = parent.trace_id != [0; 16] && parent.span_id != [0; 8];
        (whole && valid && headers.next().is_none()).then_some(parent)
    }
}

impl Context {
    /// Ids from these random bytes. A parent decides whether it is sampled, else the share does:
    /// the same for everybody who sees the trace's id.
    pub(super) fn new(random: [u8; 32], parent: Option<Parent>, share: f64) -> Self {
        let take = |at: usize| -> [u8; 8] {
            random[at..at + 8].try_into().expect("eight bytes of 32, at 16 or 24")
        };
        let own: [u8; 16] = random[..16].try_into().expect("sixteen bytes of 32");
        let trace_id = parent.map_or(own, |parent| parent.trace_id);
        let drawn: [u8; 4] = trace_id[12..].try_into().expect("four bytes of 16");
        let drawn = f64::from(u32::from_be_bytes(drawn)) / (f64::from(u32::MAX) + 1.0);
        Self {
            trace_id,
            parent: parent.map(|parent| parent.span_id),
            server: take(16),
            client: take(24),
            sampled: parent.map_or(drawn < share, |parent| parent.sampled),
        }
    }

    /// The header for upstreams, whose parent is our span of kind `CLIENT`.
    pub(super) fn traceparent(&self) -> String {
        let mut text = "00-".to_owned();
        push(&mut text, &self.trace_id);
        text.push('-');
        push(&mut text, &self.client);
        text.push_str(if self.sampled { "-01" } else { "-00" });
        text
    }
}

fn push(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
    }
}

/// Exactly `N` bytes in lower-case digits.
fn hexadecimal<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    let lower = |digit: &u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(digit);
    if digits.len() != 2 * N || !digits.iter().all(lower) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parent(texts: &[&str]) -> Option<Parent> {
        let values: Vec<_> =
            texts.iter().map(|text| HeaderValue::from_str(text).unwrap()).collect();
        Parent::of(values.iter())
    }

    #[test]
    fn a_parent_is_taken_over_and_told_on() {
        let found = parent(&[TEXT]).unwrap();
        let context = Context::new([7; 32], Some(found), 0.0);
        assert!(context.sampled, "as the parent is, whatever the share");
        assert_eq!(context.parent, Some([0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]));
        let expected = "00-4bf92f3577b34da6a3ce929d0e0e4736-0707070707070707-01";
        assert_eq!(context.traceparent(), expected);
        assert!(!Context::new([7; 32], parent(&[&TEXT.replace("-01", "-00")]), 1.0).sampled);
    }

    #[test]
    fn what_is_no_parent_begins_a_trace() {
        let zero_trace = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        let wrong = [
            "",
            "00",
            &TEXT.to_uppercase(),
            &TEXT.replacen("00-", "ff-", 1),
            &TEXT[..54],
            &format!("{TEXT}-more"),
            &TEXT.replace("4bf9", "4bf-"),
            &zero_trace,
        ];
        for text in wrong {
            assert_eq!(parent(&[text]), None, "{text}");
        }
        assert_eq!(parent(&[TEXT, TEXT]), None, "two of them");
        assert!(parent(&[&format!("{}-more", TEXT.replacen("00-", "01-", 1))]).is_some());
        let context = Context::new([9; 32], None, 1.0);
        assert_eq!((context.trace_id, context.parent, context.sampled), ([9; 16], None, true));
    }

    #[test]
    fn the_share_is_that_of_the_traces() {
        let sampled = (0..=255_u8)
            .filter(|byte| {
                let mut random = [0; 32];
                random[12] = *byte;
                Context::new(random, None, 0.25).sampled
            })
            .count();
        assert_eq!(sampled, 64);
    }
}
