//! What an MCP session asks for, turned into calls of the tools.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData,
    Implementation, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ErrorData as McpError, ServerHandler};

use super::{notify, viewer};
use crate::admission::Caller;
use crate::tools::{Catalog, Live, ToolError};

/// What an agent is told about the server as a whole.
const INSTRUCTIONS: &str = "Makes, downloads and prepares video, pictures and sound. Video and \
image jobs run in the background: start one, wait for it with wait_video or wait_image (or ask for \
its status), then download it. Files are named relative to the server's media folders.";

/// Answers the requests of MCP sessions. Clones share everything.
#[derive(Clone)]
pub struct Handler {
    media: Live,
    catalog: Arc<Catalog>,
    version: &'static str,
    /// One agent: places and memory go round among callers, not among calls.
    caller: Caller,
}

/// Numbers the callers of this process.
static NEXT_CALLER: AtomicU64 = AtomicU64::new(1);

impl Handler {
    /// A handler for these media; `version` is the product's.
    #[must_use]
    pub fn new(media: Live, version: &'static str) -> Self {
        let catalog = Arc::new(Catalog::of(&media.get()));
        Self { media, catalog, version, caller: Caller::ALONE }
    }

    /// The same for another caller.
    #[must_use]
    pub fn for_next_caller(&self) -> Self {
        let caller = Caller(NEXT_CALLER.fetch_add(1, Ordering::Relaxed));
        Self { caller, ..self.clone() }
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_resources().build();
        let mut info = ServerConfig::new(capabilities).with_instructions(INSTRUCTIONS);
        info.server_info = Implementation::new("weir", self.version).with_title("Weir media");
        info
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.catalog.find(name).map(|entry| entry.tool.clone())
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, McpError> {
        Ok(ListToolsResult::with_all_items(self.catalog.tools()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, McpError> {
        let Some(entry) = self.catalog.find(&request.name) else {
            return Ok(failed(format!("Unknown tool: {}", request.name)).into());
        };
        let media = self.media.get();
        let mut running = media.metrics.begin(entry.name());
        let token = context.meta.get_progress_token();
        let (call, tell) = notify::call(self.caller, context.peer.clone(), token);
        let arguments = request.arguments.unwrap_or_default();
        let call = (entry.call)(Arc::clone(&media), arguments, call);
        // Whoever is not chosen is dropped, and dropping is stopping: an upstream's transfer ends,
        // and its temporary goes.
        let result = tokio::select! {
            biased;
            () = context.ct.cancelled() => Err(ToolError::Cancelled),
            result = call => result,
            () = tell => unreachable!("telling the client does not end by itself"),
        };
        match result {
            Ok(output) => {
                running.outcome = "ok";
                let mut result = CallToolResult::success(vec![ContentBlock::text(output.text)]);
                result.structured_content = Some(output.value);
                Ok(result.into())
            }
            Err(error) => {
                running.outcome = error.kind().as_str();
                tracing::debug!(tool = entry.name(), kind = running.outcome, "a call failed");
                Ok(failed(format!("Error executing tool {}: {error}", entry.name())).into())
            }
        }
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, McpError> {
        Ok(ListResourcesResult::with_all_items(viewer::resources()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, McpError> {
        match viewer::read(&request.uri) {
            Some(result) => Ok(result.into()),
            None => {
                let uri = serde_json::json!({ "uri": request.uri });
                Err(ErrorData::resource_not_found("there is no such resource", Some(uri)))
            }
        }
    }
}

fn failed(message: String) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(message)])
}
