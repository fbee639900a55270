//! Whole answers, byte for byte.

use super::{DIALECTS, SHORT, whole};
use crate::testing::on_stage;

const TOOLS_OF_CHAT: &str = r#","tools":[{"type":"function","function":{"name":"weather",
    "parameters":{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}}}}}],
    "tool_choice":"required"}"#;

const TOOLS_OF_MESSAGES: &str = r#","tools":[{"name":"weather",
    "input_schema":{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}}}}],
    "tool_choice":{"type":"any"}}"#;

const TOOLS_OF_RESPONSES: &str = r#","tools":[{"type":"function","name":"weather",
    "parameters":{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}}}}],
    "tool_choice":{"type":"function","name":"weather"}}"#;

fn check(name: &str, path: &str, body: &str) {
    let heard =
        on_stage(SHORT, async |stage| stage.post(path, &[("x-weir-seed", "42")], body).await);
    let headers: String = heard
        .headers
        .iter()
        .filter(|(name, _)| *name != "date" && !name.as_str().ends_with("-reset"))
        .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()))
        .collect();
    let answer = format!("{}\n{headers}\n{}", heard.status, heard.text());
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!(name, answer);
    });
}

fn with(body: &str, more: &str) -> String {
    body.strip_suffix('}').unwrap().to_owned() + more
}

#[test]
fn chat_completions() {
    let (path, body) = DIALECTS[0];
    check("chat_stream", path, body);
    check("chat_whole", path, &whole(body));
    let usage = r#","stream_options":{"include_usage":true},"max_tokens":2}"#;
    check("chat_stream_usage_limited", path, &with(body, usage));
    check("chat_stream_tool", path, &with(body, TOOLS_OF_CHAT));
    check("chat_whole_tool", path, &with(&whole(body), TOOLS_OF_CHAT));
}

#[test]
fn messages() {
    let (path, body) = DIALECTS[1];
    check("messages_stream", path, body);
    check("messages_whole", path, &whole(body));
    check("messages_stream_limited", path, &body.replace("1000", "1"));
    check("messages_stream_tool", path, &with(body, TOOLS_OF_MESSAGES));
    check("messages_whole_tool", path, &with(&whole(body), TOOLS_OF_MESSAGES));
}

#[test]
fn responses() {
    let (path, body) = DIALECTS[2];
    check("responses_stream", path, body);
    check("responses_whole", path, &whole(body));
    check("responses_stream_limited", path, &with(body, r#","max_output_tokens":2}"#));
    check("responses_stream_tool", path, &with(body, TOOLS_OF_RESPONSES));
    check("responses_whole_tool", path, &with(&whole(body), TOOLS_OF_RESPONSES));
}

#[test]
fn answers_that_do_not_stream() {
    check("count_tokens", "/v1/messages/count_tokens", &whole(DIALECTS[1].1));
    let embed = r#"{"model":"m","input":["hi","ho"],"dimensions":3}"#;
    check("embeddings", "/v1/embeddings", embed);
}
