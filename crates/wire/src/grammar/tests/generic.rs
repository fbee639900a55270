use super::*;

fn check(dialect: Dialect, body: &str, expected: Verdict) -> Judged {
    let judged = clean(dialect, body);
    assert_eq!(judged.verdict, expected, "{body:?}");
    judged
}

#[test]
fn any_event_is_a_chunk_and_a_clean_end_is_the_end() {
    let judged =
        check(Dialect::Sse, "data: a ü\n\nevent: x\ndata: b\n\n: c\n\n", Verdict::Complete);
    assert_eq!((judged.text.as_str(), judged.chars, judged.chunks), ("a üb", 4, 2));
    check(Dialect::Sse, "data: a\n\ndata: [DONE]\n\n", Verdict::Complete);
    check(Dialect::Sse, "", Verdict::Empty);
    check(Dialect::Sse, ": only comments\n\n", Verdict::Empty);
    check(Dialect::Sse, "data: [DONE]\n\n", Verdict::Empty);
}

#[test]
fn any_events_can_break_off() {
    check(Dialect::Sse, "data: a\n\ndata: b", Verdict::Truncated(Truncation::InsideEvent));
    assert_eq!(cut(Dialect::Sse, "data: a\n\n"), Verdict::Truncated(Truncation::Cut));
    assert_eq!(cut(Dialect::Sse, "data: a\n\ndata: [DONE]\n\n"), Verdict::Complete);
    check(
        Dialect::Sse,
        "data: a\n\ndata: [DONE]\n\ndata: b\n\n",
        Verdict::Malformed(Malformed::AfterTerminal),
    );
    check(Dialect::Sse, "data: a\n\nevent: error\ndata: boom\n\n", error("", "boom"));
}

#[test]
fn any_json_line_is_a_chunk() {
    let judged =
        check(Dialect::Ndjson, "{\"text\":\"a\"}\n\n{\"n\":1}\n\"b\\n\"", Verdict::Complete);
    assert_eq!((judged.text.as_str(), judged.chunks), ("ab\n", 3));
    check(Dialect::Ndjson, "", Verdict::Empty);
    check(Dialect::Ndjson, "\n\n", Verdict::Empty);
    check(Dialect::Ndjson, "{\"a\":1}\n{\"a\":", Verdict::Malformed(Malformed::NotJson));
    assert_eq!(cut(Dialect::Ndjson, "{\"a\":1}\n{\"a\":"), Verdict::Truncated(Truncation::Cut));
}

#[test]
fn lines_that_tell_their_end_must_reach_it() {
    let chat = |text: &str| {
        format!("{{\"message\":{{\"role\":\"assistant\",\"content\":{text:?}}},\"done\":false}}\n")
    };
    let body = chat("a") + &chat("b");
    check(Dialect::Ndjson, &body, Verdict::Truncated(Truncation::NoTerminalEvent));
    let judged = check(
        Dialect::Ndjson,
        &(body.clone() + "{\"response\":\"\",\"done\":true}\n"),
        Verdict::Complete,
    );
    assert_eq!((judged.text.as_str(), judged.chunks, judged.terminals), ("ab", 2, 1));
    let judged = check(
        Dialect::Ndjson,
        &(body.clone() + "{\"response\":\"c\",\"done\":true}"),
        Verdict::Complete,
    );
    assert_eq!((judged.text.as_str(), judged.chunks), ("abc", 3));
    let late = body.clone() + "{\"done\":true}\n{\"done\":true}\n";
    check(Dialect::Ndjson, &late, Verdict::Malformed(Malformed::AfterTerminal));
    check(Dialect::Ndjson, &(body + "{\"error\":\"model crashed\"}\n"), error("", "model crashed"));
}

#[test]
fn plain_text_counts_what_is_handed_over() {
    let bytes = "aé".as_bytes();
    let pieces: [&[u8]; 4] = [b"", &bytes[..2], &bytes[2..], b"z"];
    let judged = judge(Dialect::Text, &pieces, BodyEnd::Clean);
    assert_eq!(judged.verdict, Verdict::Complete);
    assert_eq!((judged.text.as_str(), judged.chars, judged.chunks), ("aéz", 3, 3));
    assert_eq!(judge(Dialect::Text, &[], BodyEnd::Clean).verdict, Verdict::Empty);
    assert_eq!(cut(Dialect::Text, "a"), Verdict::Truncated(Truncation::Cut));
}
