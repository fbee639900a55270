//! The fixtures that the official MCP conformance suite calls, behind the very transport that
//! `weir mcp` serves: what is tested is our endpoint, its guard, its sessions and its streams.
//!
//! Prints its base URL as the first line and serves until it is killed.

#![expect(
    deprecated,
    reason = "the suite tests logging, which older revisions have and 2026-07-28 takes back"
)]

mod asking;
mod catalog;

use std::io::Write;
use std::time::Duration;

use media::server::{Http, HttpSettings, Service};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities,
    CompleteRequestParams, CompleteResult, ErrorCode, GetPromptRequestParams, GetPromptResponse,
    GetPromptResult, Implementation, ListPromptsResult, ListResourceTemplatesResult,
    ListResourcesResult, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ServerCapabilities,
    ServerConfig, ServerNotification, SetLevelRequestParams, SubscribeRequestParams,
    SubscriptionFilter, Tool, UnsubscribeRequestParams,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ErrorData, ServerHandler};
use runtime::signal::Shutdown;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Between two notifications of a call, as the suite asks for.
const PAUSE: Duration = Duration::from_millis(50);

/// One pixel, as PNG.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

/// No sound, as WAV.
const SILENCE: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=";

type Context = RequestContext<RoleServer>;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = HttpSettings::new("127.0.0.1:0".parse()?);
    let http = Http::bind(settings.clone(), Service::new(&settings, || Fixtures, None))?;
    writeln!(std::io::stdout(), "http://{}", http.address())?;
    http.run(&Shutdown::default()).await;
    Ok(())
}

/// Answers as the suite expects.
struct Fixtures;

/// A complete result, which says that it is one, as 2026-07-28 wants.
fn complete<T: DeserializeOwned>(mut value: Value) -> Result<T, ErrorData> {
    value["resultType"] = json!("complete");
    from(value)
}

/// What the protocol's types are made of, written as the suite writes it.
fn from<T: DeserializeOwned>(value: Value) -> Result<T, ErrorData> {
    serde_json::from_value(value)
        .map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

fn text(text: impl Into<String>) -> Value {
    json!({ "content": [{ "type": "text", "text": text.into() }] })
}

fn invalid(message: &'static str) -> ErrorData {
    ErrorData::invalid_params(message, None)
}

impl ServerHandler for Fixtures {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_completions()
            .enable_logging()
            .enable_prompts()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_tools()
            .build();
        let mut info = ServerConfig::new(capabilities);
        info.server_info = Implementation::new("weir-fixtures", "1");
        info
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let tools = catalog::tools().as_array().cloned().unwrap_or_default();
        let tool = tools.into_iter().find(|tool| tool["name"] == name)?;
        serde_json::from_value(tool).ok()
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(from(catalog::tools())?))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: Context,
    ) -> Result<CallToolResponse, ErrorData> {
        if let Some(answer) = asking::tool(&request, &context)? {
            return Ok(answer);
        }
        let result: CallToolResult = complete(call(&request, &context).await?)?;
        Ok(result.into())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(from(catalog::resources())?))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(from(catalog::templates())?))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: Context,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri.as_str();
        let contents = match uri {
            "test://static-text" => json!({
                "uri": uri, "mimeType": "text/plain",
                "text": "This is the content of the static text resource.",
            }),
            "test://static-binary" => json!({ "uri": uri, "mimeType": "image/png", "blob": PIXEL }),
            "test://watched-resource" => json!({
                "uri": uri, "mimeType": "text/plain", "text": "Watched resource content.",
            }),
            _ => {
                let id =
                    uri.strip_prefix("test://template/").and_then(|it| it.strip_suffix("/data"));
                let Some(id) = id else {
                    let data = Some(json!({ "uri": uri }));
                    return Err(ErrorData::resource_not_found("Resource not found", data));
                };
                let data = json!({
                    "id": id, "templateTest": true, "data": format!("Data for ID: {id}"),
                });
                json!({ "uri": uri, "mimeType": "application/json", "text": data.to_string() })
            }
        };
        let result: ReadResourceResult = complete(json!({ "contents": [contents] }))?;
        Ok(result.into())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(from(catalog::prompts())?))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: Context,
    ) -> Result<GetPromptResponse, ErrorData> {
        if let Some(answer) = asking::prompt(&request)? {
            return Ok(answer);
        }
        let arguments = request.arguments.unwrap_or_default();
        let messages = catalog::prompt(&request.name, &arguments)
            .ok_or_else(|| invalid("there is no such prompt"))?;
        let result: GetPromptResult = complete(json!({ "messages": messages }))?;
        Ok(result.into())
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: Context,
    ) -> Result<CompleteResult, ErrorData> {
        complete(
            json!({ "completion": { "values": ["paris", "park", "party"], "hasMore": false } }),
        )
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn set_level(&self, _: SetLevelRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn subscribe(&self, _: SubscribeRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(&self, _: UnsubscribeRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }
}

/// The tools that answer at once or with notifications on the way.
async fn call(request: &CallToolRequestParams, context: &Context) -> Result<Value, ErrorData> {
    let resource = |uri: &str, kind: &str, text: &str| json!({ "type": "resource", "resource": { "uri": uri, "mimeType": kind, "text": text } });
    let picture = json!({ "type": "image", "data": PIXEL, "mimeType": "image/png" });
    let argument = |name: &str| {
        let arguments = request.arguments.as_ref();
        arguments
            .and_then(|all| all.get(name))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    Ok(match &*request.name {
        "test_simple_text" => text("This is a simple text response for testing."),
        "test_image_content" => json!({ "content": [picture] }),
        "test_audio_content" => json!({
            "content": [{ "type": "audio", "data": SILENCE, "mimeType": "audio/wav" }],
        }),
        "test_embedded_resource" => {
            let about = "This is an embedded resource content.";
            json!({ "content": [resource("test://embedded-resource", "text/plain", about)] })
        }
        "test_multiple_content_types" => json!({ "content": [
            { "type": "text", "text": "Multiple content types test:" },
            picture,
            resource("test://mixed-content-resource", "application/json", r#"{"test":"data","value":123}"#),
        ]}),
        "test_error_handling" => {
            let mut result = text("This tool intentionally returns an error for testing");
            result["isError"] = json!(true);
            result
        }
        "test_tool_with_progress" => {
            for done in [0.0, 50.0, 100.0] {
                if let Some(token) = context.meta.get_progress_token() {
                    let step = ProgressNotificationParam::new(token, done).with_total(100.0);
                    let _ = context.peer.notify_progress(step).await;
                }
                tokio::time::sleep(PAUSE).await;
            }
            text("Progress test completed")
        }
        "test_tool_with_logging" => {
            for line in
                ["Tool execution started", "Tool processing data", "Tool execution completed"]
            {
                log(context, line).await?;
                tokio::time::sleep(PAUSE).await;
            }
            text("Logging test completed")
        }
        "test_logging_tool" => {
            // From 2026-07-28 on a request says itself whether it wants log messages.
            if context.meta.get("io.modelcontextprotocol/logLevel").is_some() {
                log(context, "A message that was asked for").await?;
            }
            text("Logging test completed")
        }
        "test_missing_capability" => {
            let declared = context.client_capabilities();
            if declared.is_none_or(|capabilities| capabilities.sampling.is_none()) {
                let required: ClientCapabilities = from(json!({ "sampling": {} }))?;
                return Err(ErrorData::missing_required_client_capability(required));
            }
            text("The client can sample")
        }
        "test_custom_header" => text(argument("region")),
        "json_schema_2020_12_tool" => text("The schema is what matters"),
        "test_sampling"
        | "test_elicitation"
        | "test_elicitation_sep1034_defaults"
        | "test_elicitation_sep1330_enums" => {
            asking::over_session(&request.name, &argument("prompt"), &argument("message"), context)
                .await?
        }
        _ => {
            let name = request.name.to_string();
            return Err(ErrorData::new(
                ErrorCode::INVALID_PARAMS,
                format!("Unknown tool: {name}"),
                None,
            ));
        }
    })
}

async fn log(context: &Context, line: &str) -> Result<(), ErrorData> {
    let notification: ServerNotification = from(json!({
        "method": "notifications/message",
        "params": { "level": "info", "logger": "weir-fixtures", "data": line },
    }))?;
    let _ = context.peer.send_notification(notification).await;
    Ok(())
}
