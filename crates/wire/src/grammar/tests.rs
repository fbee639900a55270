use proptest::prelude::*;

use super::*;
use crate::Dialect;

mod anthropic;
mod chat;
mod generic;
mod responses;

/// Everything a decoder said about a body.
#[derive(Debug, PartialEq)]
struct Judged {
    text: String,
    chars: u64,
    chunks: u64,
    terminals: u64,
    verdict: Verdict,
}

fn judge(dialect: Dialect, pieces: &[&[u8]], end: BodyEnd) -> Judged {
    let mut decoder = Decoder::new(dialect);
    let mut scratch = Scratch::default();
    let (mut text, mut chars, mut chunks, mut terminals) = (Vec::new(), 0, 0, 0);
    let mut take = |step: Step<'_>| {
        let chunk = match step {
            Step::Chunk(chunk) => Some(chunk),
            Step::Terminal(chunk) => {
                terminals += 1;
                chunk
            }
            _ => None,
        };
        if let Some(chunk) = chunk {
            text.extend_from_slice(chunk.text);
            chars += chunk.chars;
            chunks += 1;
        }
    };
    for piece in pieces {
        decoder.push(piece, &mut scratch, &mut take);
    }
    decoder.finish(end, &mut scratch, &mut take);
    let text = String::from_utf8_lossy(&text).into_owned();
    Judged { text, chars, chunks, terminals, verdict: decoder.verdict(end) }
}

/// Judges a body that ends cleanly, whole and byte by byte.
fn clean(dialect: Dialect, body: &str) -> Judged {
    let judged = judge(dialect, &[body.as_bytes()], BodyEnd::Clean);
    if dialect != Dialect::Text {
        let single: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
        assert_eq!(judge(dialect, &single, BodyEnd::Clean), judged, "byte by byte: {body}");
    }
    judged
}

fn cut(dialect: Dialect, body: &str) -> Verdict {
    judge(dialect, &[body.as_bytes()], BodyEnd::Cut).verdict
}

fn shape(reason: &'static str) -> Verdict {
    Verdict::Malformed(Malformed::Shape(reason))
}

fn order(reason: &'static str) -> Verdict {
    Verdict::Malformed(Malformed::Order(reason))
}

fn error(kind: &str, message: &str) -> Verdict {
    Verdict::ErrorEvent(ErrorEvent::new(kind, message))
}

#[test]
fn an_error_keeps_no_more_than_its_bound() {
    let event = ErrorEvent::new(&"ü".repeat(300), &"x".repeat(1 << 20));
    assert_eq!(event.kind.chars().count(), ErrorEvent::MAX_CHARS);
    assert_eq!(event.message.len(), ErrorEvent::MAX_CHARS);
}

#[test]
fn an_event_without_end_is_malformed_in_every_framing() {
    let endless = "x".repeat(crate::sse::MAX_EVENT_BYTES + 1);
    for dialect in [Dialect::OpenaiChat, Dialect::Sse, Dialect::Ndjson] {
        assert_eq!(cut(dialect, &endless), Verdict::Malformed(Malformed::TooLong));
    }
}

#[test]
fn no_utf8_is_malformed_in_every_framing() {
    let bytes = b"event: x\ndata: {\"a\":\"\xFF\"}\n\n";
    for dialect in Dialect::ALL.into_iter().filter(|dialect| dialect.is_sse()) {
        let verdict = judge(dialect, &[bytes], BodyEnd::Clean).verdict;
        assert_eq!(verdict, Verdict::Malformed(Malformed::NotUtf8), "{dialect}");
    }
    let verdict = judge(Dialect::Ndjson, &[b"\"\xC3\x28\"\n"], BodyEnd::Clean).verdict;
    assert_eq!(verdict, Verdict::Malformed(Malformed::NotUtf8));
}

proptest! {
    #[test]
    fn any_bytes_in_any_split_are_judged_without_panic_and_alike(
        dialect in prop::sample::select(Dialect::ALL[..5].to_vec()),
        pieces in prop::collection::vec(prop_oneof![
            Just(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\\u00e9\"}}]}\n\n".to_vec()),
            Just(b"data: {\"type\":\"response.created\",\"sequence_number\":0}\n\n".to_vec()),
            Just(b"event: message_start\ndata: {\"type\":\"message_start\"}\n\n".to_vec()),
            Just(b"data: [DONE]\n\n".to_vec()),
            Just(b"{\"response\":\"x\",\"done\":false}\n".to_vec()),
            prop::collection::vec(any::<u8>(), 0..20),
        ], 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        end in prop::sample::select(vec![BodyEnd::Clean, BodyEnd::Cut]),
    ) {
        let body = pieces.concat();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        at.extend([0, body.len()]);
        at.sort_unstable();
        let split: Vec<&[u8]> = at.windows(2).map(|pair| &body[pair[0]..pair[1]]).collect();
        prop_assert_eq!(judge(dialect, &split, end), judge(dialect, &[&body], end));
    }
}
