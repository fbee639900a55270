use super::*;

const ROLE: &str = r#"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#;
const STOP: &str = r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const USAGE: &str =
    r#"data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;
const DONE: &str = "data: [DONE]";

fn content(text: &str) -> String {
    format!(
        r#"data: {{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1763700000,"model":"m","choices":[{{"index":0,"delta":{{"content":{text:?}}},"logprobs":null,"finish_reason":null}}],"usage":null}}"#
    )
}

fn body(events: &[&str]) -> String {
    events.iter().map(|event| format!("{event}\n\n")).collect()
}

fn check(events: &[&str], expected: Verdict) -> Judged {
    let judged = clean(Dialect::OpenaiChat, &body(events));
    assert_eq!(judged.verdict, expected, "{events:?}");
    judged
}

#[test]
fn a_whole_answer_is_complete_and_its_text_is_exact() {
    let events = [ROLE, &content("Fluß "), &content("\"a\"\n"), STOP, USAGE, DONE];
    let judged = check(&events, Verdict::Complete);
    assert_eq!(judged.text, "Fluß \"a\"\n");
    assert_eq!((judged.chars, judged.chunks, judged.terminals), (9, 2, 1));
}

#[test]
fn done_without_a_finish_reason_is_truncated() {
    check(&[ROLE, &content("a"), DONE], Verdict::Truncated(Truncation::NoFinishReason));
}

#[test]
fn an_end_before_done_is_truncated() {
    let missing = Verdict::Truncated(Truncation::NoTerminalEvent);
    check(&[ROLE, &content("a")], missing.clone());
    check(&[ROLE, &content("a"), STOP], missing.clone());
    check(&[ROLE], missing);
    let unfinished = body(&[ROLE, &content("a"), STOP]) + "data: [DONE]\n";
    let judged = clean(Dialect::OpenaiChat, &unfinished);
    assert_eq!(judged.verdict, Verdict::Truncated(Truncation::InsideEvent));
}

#[test]
fn a_cut_is_truncated_unless_done_has_arrived() {
    let cut_after = |events: &[&str]| cut(Dialect::OpenaiChat, &body(events));
    assert_eq!(cut_after(&[]), Verdict::Truncated(Truncation::Cut));
    assert_eq!(cut_after(&[&content("a"), STOP]), Verdict::Truncated(Truncation::Cut));
    assert_eq!(cut_after(&[&content("a"), STOP, DONE]), Verdict::Complete);
}

#[test]
fn an_end_without_content_is_empty() {
    check(&[], Verdict::Empty);
    check(&[DONE], Verdict::Empty);
    check(&[ROLE, STOP, DONE], Verdict::Empty);
    check(&[": keep-alive", DONE], Verdict::Empty);
}

#[test]
fn broken_json_is_malformed() {
    let broken = &content("a")[..90];
    check(&[ROLE, broken, STOP, DONE], Verdict::Malformed(Malformed::NotJson));
    check(&["data: {\"choices\":[]} x"], Verdict::Malformed(Malformed::NotJson));
    check(&["data: "], Verdict::Malformed(Malformed::NotJson));
}

#[test]
fn json_of_another_shape_is_malformed() {
    check(&["data: {}"], shape("an event has neither choices nor error"));
    check(&["data: [1]"], shape("an event holds no object where one is due"));
    check(&[r#"data: {"choices":{"a":[]}}"#], shape("an event holds no array where one is due"));
    check(
        &[r#"data: {"choices":[{"index":0,"delta":{"content":7}}]}"#],
        shape("a delta's content is no string"),
    );
    check(
        &[r#"data: {"choices":[{"index":"0","delta":{}}]}"#],
        shape("a choice's index is no number"),
    );
}

#[test]
fn nothing_may_follow_done_and_no_content_the_finish_reason() {
    check(
        &[&content("a"), STOP, DONE, &content("b")],
        Verdict::Malformed(Malformed::AfterTerminal),
    );
    check(&[&content("a"), STOP, DONE, DONE], Verdict::Malformed(Malformed::AfterTerminal));
    check(&[&content("a"), STOP, &content("b")], order("content after the finish reason"));
}

#[test]
fn an_error_object_is_an_error_event_with_its_type() {
    let event = r#"data: {"error":{"message":"over capacity","type":"server_error","code":null}}"#;
    check(&[&content("a"), event, DONE], error("server_error", "over capacity"));
    check(&[r#"data: {"error":"boom"}"#], error("", "boom"));
    check(&[r#"data: {"error":{"code":"rate_limited"}}"#], error("rate_limited", ""));
    check(
        &[r#"data: {"error":{"code":"a","message":"b \u00e9"}"#],
        Verdict::Malformed(Malformed::NotJson),
    );
    check(
        &[r#"data: {"choices":[],"error":null}"#],
        Verdict::Truncated(Truncation::NoTerminalEvent),
    );
}

#[test]
fn reasoning_and_tool_arguments_are_chunks_but_no_text() {
    let reasoning = r#"data: {"choices":[{"index":0,"delta":{"reasoning_content":"hm\u00e9"}}]}"#;
    let opening = r#"data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":""}}]}}]}"#;
    let arguments = r#"data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]}}]}"#;
    let judged = check(&[ROLE, reasoning, opening, arguments, STOP, DONE], Verdict::Complete);
    assert_eq!((judged.text.as_str(), judged.chars, judged.chunks), ("", 3 + 5, 2));
}

#[test]
fn every_choice_needs_its_finish_reason() {
    let choice = |index: u64, delta: &str, reason: &str| {
        format!(
            r#"data: {{"choices":[{{"delta":{delta},"finish_reason":{reason},"index":{index}}}]}}"#
        )
    };
    let first = choice(0, r#"{"content":"a"}"#, "null");
    let second = choice(1, r#"{"content":"bc"}"#, "null");
    let last = choice(1, "{}", r#""length""#);
    let missing = Verdict::Truncated(Truncation::NoFinishReason);
    check(&[&first, &second, STOP, DONE], missing);
    let judged = check(&[&first, &second, STOP, &last, DONE], Verdict::Complete);
    assert_eq!((judged.text.as_str(), judged.chars), ("a", 3));
}

#[test]
fn the_old_completions_shape_is_understood() {
    let judged = check(
        &[r#"data: {"choices":[{"text":"ab","index":0,"finish_reason":"stop"}]}"#, DONE],
        Verdict::Complete,
    );
    assert_eq!(judged.text, "ab");
}
