//! Fixtures that ask the client back: over its session in older revisions, by an incomplete result
//! that the client completes from 2026-07-28 on.

use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities,
    GetPromptRequestParams, GetPromptResponse, GetPromptResult, InputRequiredResult,
    InputResponses, ServerRequest,
};
use serde_json::{Map, Value, json};

use super::{Context, complete, from, invalid, text};

/// Asks the client by a request of its own and waits for the answer.
pub(super) async fn over_session(
    name: &str,
    prompt: &str,
    message: &str,
    context: &Context,
) -> Result<Value, ErrorData> {
    let question = match name {
        "test_sampling" => sampling(prompt, 100),
        "test_elicitation" => elicitation(
            message,
            json!({
                "username": { "type": "string", "description": "User's response" },
                "email": { "type": "string", "description": "User's email address" },
            }),
            &["username", "email"],
        ),
        "test_elicitation_sep1034_defaults" => elicitation(
            "Please confirm the defaults",
            json!({
                "name": { "type": "string", "default": "John Doe" },
                "age": { "type": "integer", "default": 30 },
                "score": { "type": "number", "default": 95.5 },
                "status": {
                    "type": "string", "enum": ["active", "inactive", "pending"], "default": "active",
                },
                "verified": { "type": "boolean", "default": true },
            }),
            &[],
        ),
        _ => elicitation("Please choose", choices(), &[]),
    };
    let request: ServerRequest = from(question)?;
    let answer = context
        .peer
        .send_request(request)
        .await
        .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    let answer = serde_json::to_value(answer).unwrap_or_default();
    Ok(match name {
        "test_sampling" => {
            let said = answer["content"]["text"].as_str().or(answer["content"][0]["text"].as_str());
            text(format!("LLM response: {}", said.unwrap_or_default()))
        }
        "test_elicitation" => text(format!(
            "User response: action={}, content={}",
            answer["action"].as_str().unwrap_or_default(),
            answer["content"],
        )),
        _ => text(format!(
            "Elicitation completed: action={}, content={}",
            answer["action"].as_str().unwrap_or_default(),
            answer["content"],
        )),
    })
}

/// Every kind of choice that a form can have.
fn choices() -> Value {
    let titled = |names: [(&str, &str); 3]| {
        names.map(|(value, title)| json!({ "const": value, "title": title }))
    };
    let single =
        [("value1", "First Option"), ("value2", "Second Option"), ("value3", "Third Option")];
    let multi =
        [("value1", "First Choice"), ("value2", "Second Choice"), ("value3", "Third Choice")];
    let plain = json!(["option1", "option2", "option3"]);
    json!({
        "untitledSingle": { "type": "string", "enum": plain },
        "titledSingle": { "type": "string", "oneOf": titled(single) },
        "legacyEnum": {
            "type": "string", "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": { "type": "array", "items": { "type": "string", "enum": plain } },
        "titledMulti": { "type": "array", "items": { "anyOf": titled(multi) } },
    })
}

fn elicitation(message: &str, properties: Value, required: &[&str]) -> Value {
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    let params = json!({ "message": message, "requestedSchema": schema });
    json!({ "method": "elicitation/create", "params": params })
}

fn sampling(prompt: &str, tokens: u32) -> Value {
    let message = json!({ "role": "user", "content": { "type": "text", "text": prompt } });
    let params = json!({ "messages": [message], "maxTokens": tokens });
    json!({ "method": "sampling/createMessage", "params": params })
}

fn roots() -> Value {
    json!({ "method": "roots/list", "params": {} })
}

fn ask(message: &str, field: &str, kind: &str) -> Value {
    elicitation(message, json!({ field: { "type": kind } }), &[field])
}

/// What a fixture wants to know in this round, or what it says when it knows enough.
enum Round {
    Ask { questions: Map<String, Value>, state: Option<String> },
    Say(Value),
}

fn questions<const N: usize>(all: [(&str, Value); N]) -> Map<String, Value> {
    all.into_iter().map(|(name, question)| (name.to_owned(), question)).collect()
}

/// A state that only this process can have written: it holds its own address space's secret.
fn sealed(step: &str) -> String {
    use std::hash::{BuildHasher, RandomState};
    use std::sync::OnceLock;
    static SECRET: OnceLock<RandomState> = OnceLock::new();
    format!("{step}.{:016x}", SECRET.get_or_init(RandomState::new).hash_one(step))
}

/// The tools that ask back by an incomplete result; `None` for all others.
pub(super) fn tool(
    request: &CallToolRequestParams,
    context: &Context,
) -> Result<Option<CallToolResponse>, ErrorData> {
    let state = request.request_state.as_deref();
    let capabilities = context.client_capabilities().unwrap_or_default();
    let Some(round) = round(&request.name, request.input_responses.as_ref(), state, &capabilities)?
    else {
        return Ok(None);
    };
    Ok(Some(match round {
        Round::Ask { questions, state } => incomplete(questions, state)?.into(),
        Round::Say(result) => complete::<CallToolResult>(result)?.into(),
    }))
}

/// The prompt that asks back.
pub(super) fn prompt(
    request: &GetPromptRequestParams,
) -> Result<Option<GetPromptResponse>, ErrorData> {
    if request.name != "test_input_required_result_prompt" {
        return Ok(None);
    }
    let context = field(request.input_responses.as_ref(), "user_context", "context");
    Ok(Some(match context {
        None => {
            let question = ask("What context should the prompt use?", "context", "string");
            incomplete(questions([("user_context", question)]), None)?.into()
        }
        Some(context) => {
            let content = json!({ "type": "text", "text": format!("Use this context: {context}") });
            complete::<GetPromptResult>(
                json!({ "messages": [{ "role": "user", "content": content }] }),
            )?
            .into()
        }
    }))
}

fn incomplete(
    questions: Map<String, Value>,
    state: Option<String>,
) -> Result<InputRequiredResult, ErrorData> {
    let mut result = json!({ "resultType": "input_required", "inputRequests": questions });
    if let Some(state) = state {
        result["requestState"] = json!(state);
    }
    from(result)
}

/// A field of an accepted form.
fn field(responses: Option<&InputResponses>, name: &str, field: &str) -> Option<String> {
    match responses?.get(name)?.get("content")?.get(field)? {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn round(
    name: &str,
    responses: Option<&InputResponses>,
    state: Option<&str>,
    capabilities: &ClientCapabilities,
) -> Result<Option<Round>, ErrorData> {
    let has = |key: &str| responses.is_some_and(|all| all.contains_key(key));
    let asking = |questions, state| Ok(Some(Round::Ask { questions, state }));
    let say = |line: String| Ok(Some(Round::Say(text(line))));
    if name == "test_streaming_elicitation" {
        return round("test_input_required_result_elicitation", responses, state, capabilities);
    }
    let Some(kind) = name.strip_prefix("test_input_required_result_") else { return Ok(None) };
    match kind {
        "elicitation" => match field(responses, "user_name", "name") {
            Some(user) => say(format!("Hello, {user}!")),
            None => asking(
                questions([("user_name", ask("What is your name?", "name", "string"))]),
                None,
            ),
        },
        "sampling" if has("capital_question") => {
            say(format!("{}", responses.map_or(json!(null), |all| all["capital_question"].clone())))
        }
        "sampling" => {
            let question = sampling("What is the capital of France?", 100);
            asking(questions([("capital_question", question)]), None)
        }
        "list_roots" if has("client_roots") => {
            say(format!("{}", responses.map_or(json!(null), |all| all["client_roots"].clone())))
        }
        "list_roots" => asking(questions([("client_roots", roots())]), None),
        "request_state" => match (has("confirm"), state) {
            (true, Some(state)) if state == sealed("confirm") => say("state-ok".to_owned()),
            (true, _) => Err(invalid("the request state was changed")),
            (false, _) => {
                let question = ask("Please confirm", "ok", "boolean");
                asking(questions([("confirm", question)]), Some(sealed("confirm")))
            }
        },
        "tampered_state" => match state {
            Some(state) if state == sealed("tamper") => say("state-ok".to_owned()),
            Some(_) => Err(invalid("the request state was changed")),
            None => {
                let question = ask("Please confirm", "ok", "boolean");
                asking(questions([("confirm", question)]), Some(sealed("tamper")))
            }
        },
        "multiple_inputs" if ["user_name", "greeting", "client_roots"].into_iter().all(has) => {
            say("All three answers are here".to_owned())
        }
        "multiple_inputs" => {
            let all = questions([
                ("user_name", ask("What is your name?", "name", "string")),
                ("greeting", sampling("Generate a greeting", 50)),
                ("client_roots", roots()),
            ]);
            asking(all, Some(sealed("multiple")))
        }
        "multi_round" => match state {
            None => {
                let question = ask("Step 1: What is your name?", "name", "string");
                asking(questions([("step1", question)]), Some(sealed("round-1")))
            }
            Some(state) if state == sealed("round-1") => {
                let question = ask("Step 2: What is your favorite color?", "color", "string");
                asking(questions([("step2", question)]), Some(sealed("round-2")))
            }
            Some(state) if state == sealed("round-2") => say("Both steps are done".to_owned()),
            Some(_) => Err(invalid("the request state was changed")),
        },
        "capabilities" => {
            let mut all = Map::new();
            if capabilities.elicitation.is_some() {
                all.extend(questions([("user_name", ask("What is your name?", "name", "string"))]));
            }
            if capabilities.sampling.is_some() {
                all.extend(questions([("greeting", sampling("Generate a greeting", 50))]));
            }
            if capabilities.roots.is_some() {
                all.extend(questions([("client_roots", roots())]));
            }
            if responses.is_some() || all.is_empty() {
                return say("Nothing more is asked".to_owned());
            }
            asking(all, None)
        }
        _ => Ok(None),
    }
}
