//! What the fixtures list: tools, resources, templates and prompts, in the suite's own terms.

use serde_json::{Map, Value, json};

use super::PIXEL;

/// Tools without arguments, by name.
const PLAIN: [&str; 20] = [
    "test_simple_text",
    "test_image_content",
    "test_audio_content",
    "test_embedded_resource",
    "test_multiple_content_types",
    "test_tool_with_logging",
    "test_logging_tool",
    "test_error_handling",
    "test_tool_with_progress",
    "test_missing_capability",
    "test_elicitation_sep1034_defaults",
    "test_elicitation_sep1330_enums",
    "test_streaming_elicitation",
    "test_input_required_result_elicitation",
    "test_input_required_result_sampling",
    "test_input_required_result_list_roots",
    "test_input_required_result_request_state",
    "test_input_required_result_multiple_inputs",
    "test_input_required_result_multi_round",
    "test_input_required_result_tampered_state",
];

/// All tools.
pub(super) fn tools() -> Value {
    let tool = |name: &str, schema: Value| json!({ "name": name, "description": "A fixture of the suite", "inputSchema": schema });
    let nothing = || json!({ "type": "object", "properties": {} });
    let one = |name: &str| {
        json!({
            "type": "object",
            "properties": { name: { "type": "string" } },
            "required": [name],
        })
    };
    let mut all: Vec<Value> = PLAIN.iter().map(|name| tool(name, nothing())).collect();
    all.push(tool("test_input_required_result_capabilities", nothing()));
    all.push(tool("test_sampling", one("prompt")));
    all.push(tool("test_elicitation", one("message")));
    let mut region = one("region");
    region["properties"]["region"]["x-mcp-header"] = json!("Region");
    all.push(tool("test_custom_header", region));
    all.push(tool("json_schema_2020_12_tool", schema_2020_12()));
    Value::Array(all)
}

/// The schema whose keywords must all arrive.
fn schema_2020_12() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": { "street": { "type": "string" }, "city": { "type": "string" } },
            },
        },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" },
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false,
    })
}

/// Direct resources.
pub(super) fn resources() -> Value {
    let resource = |uri: &str, name: &str, kind: &str| json!({ "uri": uri, "name": name, "description": "A fixture", "mimeType": kind });
    json!([
        resource("test://static-text", "static-text", "text/plain"),
        resource("test://static-binary", "static-binary", "image/png"),
        resource("test://watched-resource", "watched-resource", "text/plain"),
    ])
}

/// Resource templates.
pub(super) fn templates() -> Value {
    json!([{
        "uriTemplate": "test://template/{id}/data", "name": "template", "description": "A fixture",
        "mimeType": "application/json",
    }])
}

/// Prompts.
pub(super) fn prompts() -> Value {
    let argument =
        |name: &str| json!({ "name": name, "description": "A fixture", "required": true });
    let prompt = |name: &str, arguments: Value| json!({ "name": name, "description": "A fixture of the suite", "arguments": arguments });
    json!([
        prompt("test_simple_prompt", json!([])),
        prompt("test_prompt_with_arguments", json!([argument("arg1"), argument("arg2")])),
        prompt("test_prompt_with_embedded_resource", json!([argument("resourceUri")])),
        prompt("test_prompt_with_image", json!([])),
        prompt("test_input_required_result_prompt", json!([])),
    ])
}

/// The messages of a prompt.
pub(super) fn prompt(name: &str, arguments: &Map<String, Value>) -> Option<Value> {
    let argument =
        |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let message = |content: Value| json!({ "role": "user", "content": content });
    let text = |text: String| message(json!({ "type": "text", "text": text }));
    Some(match name {
        "test_simple_prompt" => json!([text("This is a simple prompt for testing.".to_owned())]),
        "test_prompt_with_arguments" => {
            let (one, two) = (argument("arg1"), argument("arg2"));
            json!([text(format!("Prompt with arguments: arg1='{one}', arg2='{two}'"))])
        }
        "test_prompt_with_embedded_resource" => json!([
            message(json!({ "type": "resource", "resource": {
                "uri": argument("resourceUri"), "mimeType": "text/plain",
                "text": "Embedded resource content for testing.",
            }})),
            text("Please process the embedded resource above.".to_owned()),
        ]),
        "test_prompt_with_image" => json!([
            message(json!({ "type": "image", "data": PIXEL, "mimeType": "image/png" })),
            text("Please analyze the image above.".to_owned()),
        ]),
        _ => return None,
    })
}
