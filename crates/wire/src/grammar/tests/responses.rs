use super::*;

fn event(kind: &str, sequence: u64, fields: &str) -> String {
    format!(
        "event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":{sequence}{fields}}}\n\n"
    )
}

fn check(events: &[String], expected: Verdict) -> Judged {
    let judged = clean(Dialect::OpenaiResponses, &events.concat());
    assert_eq!(judged.verdict, expected, "{events:?}");
    judged
}

fn opening() -> String {
    event(
        "response.created",
        0,
        r#","response":{"id":"resp_1","status":"in_progress","error":null,"output":[]}"#,
    )
}

fn delta(sequence: u64, text: &str) -> String {
    let fields = format!(
        r#","item_id":"m","output_index":0,"content_index":0,"delta":{text:?},"logprobs":[]"#
    );
    event("response.output_text.delta", sequence, &fields)
}

fn completed(sequence: u64) -> String {
    event(
        "response.completed",
        sequence,
        r#","response":{"status":"completed","error":null,"incomplete_details":null,"usage":{"output_tokens":2}}"#,
    )
}

#[test]
fn a_whole_answer_is_complete() {
    let events = [
        opening(),
        event("response.in_progress", 1, ""),
        delta(2, "a b "),
        delta(3, "\\"),
        event("response.output_text.done", 4, r#","text":"a b \\""#),
        completed(5),
    ];
    let judged = check(&events, Verdict::Complete);
    assert_eq!((judged.text.as_str(), judged.chars, judged.chunks), ("a b \\", 5, 2));
}

#[test]
fn sequence_numbers_must_rise() {
    let stuck = order("a sequence number does not rise");
    check(&[opening(), delta(1, "a"), delta(1, "b"), completed(3)], stuck.clone());
    check(&[opening(), delta(2, "a"), delta(1, "b"), completed(3)], stuck);
    check(&[opening(), delta(3, "a"), completed(7)], Verdict::Complete);
}

#[test]
fn the_token_limit_is_an_end_and_other_incompleteness_an_error() {
    let incomplete = |reason: &str| {
        let fields = format!(r#","response":{{"incomplete_details":{{"reason":"{reason}"}}}}"#);
        event("response.incomplete", 2, &fields)
    };
    check(&[opening(), delta(1, "a"), incomplete("max_output_tokens")], Verdict::Complete);
    check(
        &[opening(), delta(1, "a"), incomplete("content_filter")],
        error("response.incomplete", "content_filter"),
    );
}

#[test]
fn failures_are_error_events_with_their_code() {
    let failed = event(
        "response.failed",
        2,
        r#","response":{"error":{"code":"server_error","message":"broke"}}"#,
    );
    check(&[opening(), delta(1, "a"), failed], error("server_error", "broke"));
    let own =
        event("error", 1, r#","code":"rate_limit_exceeded","message":"slow down","param":null"#);
    check(&[opening(), own.clone()], error("rate_limit_exceeded", "slow down"));
    check(&[own], error("rate_limit_exceeded", "slow down"));
}

#[test]
fn an_answer_opens_with_created_and_ends_with_completed() {
    check(&[delta(0, "a")], order("an event before response.created"));
    check(&[opening(), delta(1, "a")], Verdict::Truncated(Truncation::NoTerminalEvent));
    check(&[opening(), completed(1)], Verdict::Empty);
    check(
        &[opening(), delta(1, "a"), completed(2), delta(3, "b")],
        Verdict::Malformed(Malformed::AfterTerminal),
    );
    check(&[opening(), delta(1, "a"), completed(2), "data: [DONE]\n\n".into()], Verdict::Complete);
    check(&[opening(), "data: [DONE]\n\n".into()], Verdict::Malformed(Malformed::NotJson));
}

#[test]
fn name_and_type_agree_where_both_are_there() {
    let unnamed = delta(1, "a").lines().nth(1).unwrap().to_owned() + "\n\n";
    check(&[opening(), unnamed, completed(2)], Verdict::Complete);
    let other = delta(1, "a").replace("event: response.output_text.delta", "event: x");
    check(&[opening(), other], shape("an event's name and its type differ"));
    check(&["data: {\"a\":1}\n\n".into()], shape("an event has no type"));
}

#[test]
fn arguments_and_reasoning_are_chunks_but_no_text() {
    let events = [
        opening(),
        event("response.reasoning_summary_text.delta", 1, r#","delta":"hm""#),
        event("response.function_call_arguments.delta", 2, r#","delta":"{}""#),
        completed(3),
    ];
    let judged = check(&events, Verdict::Complete);
    assert_eq!((judged.text.as_str(), judged.chars, judged.chunks), ("", 4, 2));
}

#[test]
fn an_error_is_an_error_whatever_its_number() {
    let late = event("error", 0, r#","code":"upstream_failed","message":"it died""#);
    check(&[opening(), delta(1, "a"), late], error("upstream_failed", "it died"));
}
