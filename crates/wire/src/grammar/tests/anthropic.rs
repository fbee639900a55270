use super::*;

fn event(kind: &str, fields: &str) -> String {
    format!("event: {kind}\ndata: {{\"type\":\"{kind}\"{fields}}}\n\n")
}

fn start() -> String {
    event(
        "message_start",
        r#","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":1}}"#,
    )
}

fn open(index: u64) -> String {
    let fields = format!(r#","index":{index},"content_block":{{"type":"text","text":""}}"#);
    event("content_block_start", &fields)
}

fn delta(index: u64, text: &str) -> String {
    let fields = format!(r#","index":{index},"delta":{{"type":"text_delta","text":{text:?}}}"#);
    event("content_block_delta", &fields)
}

fn close(index: u64) -> String {
    event("content_block_stop", &format!(r#","index":{index}"#))
}

fn reason() -> String {
    event(
        "message_delta",
        r#","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":9}"#,
    )
}

fn stop() -> String {
    event("message_stop", "")
}

fn check(events: &[String], expected: Verdict) -> Judged {
    let judged = clean(Dialect::Anthropic, &events.concat());
    assert_eq!(judged.verdict, expected, "{events:?}");
    judged
}

#[test]
fn a_whole_message_is_complete() {
    let events = [
        start(),
        open(0),
        event("ping", ""),
        delta(0, "Guten "),
        delta(0, "Tag — ü"),
        close(0),
        reason(),
        stop(),
    ];
    let judged = check(&events, Verdict::Complete);
    assert_eq!((judged.text.as_str(), judged.chars, judged.chunks), ("Guten Tag — ü", 13, 2));
}

#[test]
fn blocks_come_one_after_the_other() {
    let misplaced = order("a delta or stop of a block that is not open");
    check(&[start(), delta(0, "a")], misplaced.clone());
    check(&[start(), open(0), delta(1, "a")], misplaced.clone());
    check(&[start(), open(0), close(0), delta(0, "a")], misplaced.clone());
    check(&[start(), open(0), close(1)], misplaced);
    check(&[start(), open(0), open(1)], order("a block opens inside another"));
    check(&[start(), open(1)], order("a block's index is not the next one"));
    check(
        &[start(), open(0), delta(0, "a"), close(0), open(1), close(1), reason(), stop()],
        Verdict::Complete,
    );
}

#[test]
fn the_message_opens_once_and_stops_at_the_end() {
    check(&[open(0)], order("an event before message_start"));
    check(&[stop()], order("an event before message_start"));
    check(&[start(), start()], order("a second message_start"));
    check(&[start(), open(0), stop()], order("message_stop inside a block"));
    check(&[start(), open(0), reason()], order("the stop reason comes inside a block"));
    check(&[start(), reason(), open(0)], order("a block after the stop reason"));
    let whole = [start(), open(0), delta(0, "a"), close(0), reason(), stop()];
    let with = |extra: String| [whole.to_vec(), vec![extra]].concat();
    check(&with(reason()), Verdict::Malformed(Malformed::AfterTerminal));
    check(&with(event("ping", "")), Verdict::Complete);
}

#[test]
fn a_message_without_its_end_is_truncated() {
    let missing = Verdict::Truncated(Truncation::NoTerminalEvent);
    let whole = [start(), open(0), delta(0, "a"), close(0), reason()];
    for length in 1..=whole.len() {
        check(&whole[..length], missing.clone());
    }
    check(
        &[start(), open(0), delta(0, "a"), close(0), stop()],
        Verdict::Truncated(Truncation::NoFinishReason),
    );
    assert_eq!(cut(Dialect::Anthropic, &whole.concat()), Verdict::Truncated(Truncation::Cut));
}

#[test]
fn a_message_without_content_is_empty() {
    check(&[], Verdict::Empty);
    check(&[start(), reason(), stop()], Verdict::Empty);
    check(&[start(), open(0), close(0), reason(), stop()], Verdict::Empty);
}

#[test]
fn overload_inside_the_stream_is_an_error_event() {
    let overloaded =
        event("error", r#","error":{"type":"overloaded_error","message":"Overloaded"}"#);
    check(&[start(), open(0), overloaded.clone()], error("overloaded_error", "Overloaded"));
    check(&[overloaded], error("overloaded_error", "Overloaded"));
    check(&[event("error", "")], error("error", ""));
}

#[test]
fn an_event_needs_its_name() {
    check(&["data: {\"type\":\"ping\"}\n\n".into()], shape("an event has no name"));
    check(
        &["event: x\ndata: {\"type\":\"ping\"}\n\n".into()],
        shape("an event's name and its type differ"),
    );
    check(&["event: ping\ndata: nonsense\n\n".into()], Verdict::Malformed(Malformed::NotJson));
}

#[test]
fn thinking_and_tool_input_are_chunks_but_no_text() {
    let other = |index: u64, kind: &str, field: &str, text: &str| {
        let fields = format!(r#","index":{index},"delta":{{"type":"{kind}","{field}":{text:?}}}"#);
        event("content_block_delta", &fields)
    };
    let events = [
        start(),
        open(0),
        other(0, "thinking_delta", "thinking", "hm"),
        other(0, "signature_delta", "signature", "c2ln"),
        close(0),
        open(1),
        other(1, "input_json_delta", "partial_json", ""),
        other(1, "input_json_delta", "partial_json", "{}"),
        close(1),
        reason(),
        stop(),
    ];
    let judged = check(&events, Verdict::Complete);
    assert_eq!((judged.text.as_str(), judged.chars, judged.chunks), ("", 4, 2));
}

#[test]
fn unknown_events_are_passed_over() {
    let events =
        [start(), event("new_thing", ""), open(0), delta(0, "a"), close(0), reason(), stop()];
    check(&events, Verdict::Complete);
}
