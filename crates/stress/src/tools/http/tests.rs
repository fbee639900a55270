use proptest::prelude::*;
use serde_json::json;

use super::*;

const ID: u64 = 7;

fn answer_to(status: u16, content_type: &str, pieces: &[&[u8]]) -> Answer {
    let mut answer = Answer::to(ID);
    let now = Instant::now();
    let content_type = content_type.as_bytes();
    answer.head(
        status,
        &|name| (name == "content-type" && !content_type.is_empty()).then_some(content_type),
        now,
    );
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        answer.data(piece, now);
    }
    answer
}

/// What becomes of an answer whose body ended well after these pieces.
fn reply(status: u16, content_type: &str, pieces: &[&[u8]]) -> Reply {
    let now = Instant::now();
    let fetched = Fetched {
        ending: FetchEnding::Whole,
        connect: None,
        first_byte_at: Some(now),
        ended_at: now,
    };
    let params = json!({});
    let ask = Ask { method: "m", name: None, params: &params, started_at: now, deadline: now };
    answer_to(status, content_type, pieces).reply(&fetched, ask)
}

fn check_failure(status: u16, content_type: &str, body: &str, expected: &str) {
    let failure = reply(status, content_type, &[body.as_bytes()]).result.unwrap_err();
    assert!(failure.detail().contains(expected), "{failure:?}");
}

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream; charset=utf-8";
const RESULT: &str = r#"{"jsonrpc":"2.0","id":7,"result":{"a":1}}"#;

fn stream() -> String {
    let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#;
    format!(
        "id: 0\nretry: 3000\ndata: \n\n: hello\n\nevent: message\ndata: {progress}\n\ndata: {progress}\r\n\r\nid: 1\ndata: {RESULT}\n\n"
    )
}

#[test]
fn a_result_comes_as_json_or_as_the_last_of_its_events() {
    for (content_type, body, progress) in [
        (JSON, RESULT.to_owned(), 0),
        ("Application/JSON;x=y", RESULT.to_owned(), 0),
        (EVENTS, stream(), 2),
    ] {
        let reply = reply(200, content_type, &[body.as_bytes()]);
        assert_eq!(reply.result.unwrap().get(), r#"{"a":1}"#);
        assert_eq!(reply.phases.progress, progress);
        assert_eq!(reply.phases.bytes, u64::try_from(body.len()).unwrap());
    }
}

#[test]
fn what_is_no_answer_to_this_call_says_so() {
    check_failure(200, JSON, "", "ended without this call's result");
    check_failure(200, EVENTS, ": nothing\n\n", "ended without this call's result");
    check_failure(200, JSON, "<html>", "no JSON object");
    check_failure(200, "text/html", "<html>", "text/html instead of JSON or events");
    check_failure(200, "", RESULT, "without a content type");
    check_failure(200, JSON, r#"{"jsonrpc":"2.0","id":8,"result":{}}"#, "another request");
    let asks = r#"{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage"}"#;
    check_failure(
        200,
        EVENTS,
        &format!("data: {asks}\n\n"),
        "the server asks the client for sampling",
    );
    check_failure(503, "text/plain", "too busy", "HTTP 503 too busy");
    let error = r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"no tool 'x'"}}"#;
    for status in [200, 400] {
        let failure = reply(status, JSON, &[error.as_bytes()]).result.unwrap_err();
        assert!(matches!(failure, Failure::Rpc(ref error) if error.code == -32602), "{failure:?}");
    }
}

#[test]
fn a_message_may_have_16_mib_and_no_more() {
    let half = vec![b' '; MAX_MESSAGE_BYTES / 2];
    assert!(!answer_to(200, JSON, &[&half, &half]).refuses());
    assert!(answer_to(200, JSON, &[&half, &half, b" "]).refuses());
    let line = vec![b'x'; MAX_MESSAGE_BYTES];
    assert!(answer_to(200, EVENTS, &[b"data: ", &line]).refuses());
}

#[test]
fn a_session_s_id_is_kept_if_it_can_be_sent_back() {
    let session = |id: &[u8]| {
        let mut answer = Answer::to(ID);
        let id = id.to_vec();
        answer.head(200, &|name| (name == "mcp-session-id").then_some(&id), Instant::now());
        answer.session
    };
    assert_eq!(session(b"abc-1").as_deref(), Some("abc-1"));
    assert_eq!(
        session(&[b'x'; MAX_SESSION_ID_BYTES]).map(|id| id.len()),
        Some(MAX_SESSION_ID_BYTES)
    );
    assert_eq!(session(&[b'x'; MAX_SESSION_ID_BYTES + 1]), None);
    assert_eq!(session(b"a b"), None);
}

#[test]
fn a_name_that_no_header_holds_goes_as_base64() {
    assert_eq!(header_text("download_video"), "download_video");
    assert_eq!(header_text("größe"), "=?base64?Z3LDtsOfZQ==?=");
    assert_eq!(header_text(" x"), "=?base64?IHg=?=");
    assert_eq!(header_text("=?base64?eA==?="), "=?base64?PT9iYXNlNjQ/ZUE9PT89?=");
}

proptest! {
    #[test]
    fn any_split_of_an_event_stream_gives_the_same_result(
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let body = stream();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        at.extend([0, body.len()]);
        at.sort_unstable();
        let pieces: Vec<&[u8]> =
            at.windows(2).map(|pair| &body.as_bytes()[pair[0]..pair[1]]).collect();
        let reply = reply(200, EVENTS, &pieces);
        let result = reply.result.unwrap();
        prop_assert_eq!(result.get(), r#"{"a":1}"#);
        prop_assert_eq!(reply.phases.progress, 2);
    }

    #[test]
    fn any_body_is_read_or_refused_without_a_panic(
        body in prop::collection::vec(any::<u8>(), 0..200), events in any::<bool>(), status in 200u16..600,
    ) {
        let _ = reply(status, if events { EVENTS } else { JSON }, &[&body]);
    }
}
