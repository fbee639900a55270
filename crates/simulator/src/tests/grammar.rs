//! The grammars that judge other servers' streams judge ours: two accounts of the same dialects.

use wire::Dialect;
use wire::grammar::{BodyEnd, Decoder, Scratch, Step, Verdict};
use wire::text::{Verified, Verifier};

use super::{DIALECTS, SHORT};
use crate::testing::{Heard, on_stage};

const GRAMMARS: [Dialect; 3] = [Dialect::OpenaiChat, Dialect::Anthropic, Dialect::OpenaiResponses];

/// What the grammar says of a stream: its verdict, its chunks, and whether its text verifies.
fn judge(dialect: Dialect, heard: &Heard) -> (Verdict, u32, Verified) {
    let (mut decoder, mut scratch) = (Decoder::new(dialect), Scratch::default());
    let (mut chunks, mut verifier) = (0, Verifier::default());
    let mut sink = |step: Step<'_>| {
        if let Step::Chunk(chunk) = step {
            chunks += 1;
            verifier.push(chunk.text);
        }
    };
    for (_, frame) in &heard.frames {
        decoder.push(frame.as_bytes(), &mut scratch, &mut sink);
    }
    let end = if heard.ended.0 { BodyEnd::Clean } else { BodyEnd::Cut };
    decoder.finish(end, &mut scratch, &mut sink);
    (decoder.verdict(end), chunks, verifier.verdict())
}

/// All dialects under one fault get a verdict that passes.
fn check(fault: &str, passes: fn(&Verdict) -> bool, chunks: u32, text: Verified) {
    for ((path, body), dialect) in DIALECTS.into_iter().zip(GRAMMARS) {
        let heard =
            on_stage(SHORT, async |stage| stage.post(path, &[("x-weir-fault", fault)], body).await);
        let (verdict, seen, verified) = judge(dialect, &heard);
        assert!(passes(&verdict), "{path} {fault}: {verdict:?}");
        assert_eq!((seen, verified), (chunks, text), "{path} {fault}");
    }
}

#[test]
fn every_fault_is_found_in_every_dialect() {
    let complete = |verdict: &Verdict| *verdict == Verdict::Complete;
    let truncated = |verdict: &Verdict| matches!(verdict, Verdict::Truncated(_));
    check("none", complete, 3, Verified::Correct);
    check("stall@1=9s", complete, 3, Verified::Correct);
    check("cut@2", truncated, 2, Verified::Wrong);
    check("cut@3", truncated, 3, Verified::Correct);
    check("end@2", truncated, 2, Verified::Wrong);
    check("end@3", truncated, 3, Verified::Correct);
    check("error@2", |verdict| matches!(verdict, Verdict::ErrorEvent(_)), 2, Verified::Wrong);
    check("malformed@2", |verdict| matches!(verdict, Verdict::Malformed(_)), 2, Verified::Wrong);
    check("empty", |verdict| *verdict == Verdict::Empty, 0, Verified::Unknown);
}
