//! One agent's session with a server: the handshake, then lists, calls and trivial calls.

use std::rc::Rc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::http::HttpTransport;
use super::message::{METHOD_NOT_FOUND, RpcError, ToolResult, UNSUPPORTED_REVISION};
use super::stdio::StdioTransport;
use super::transport::{Ask, Failure, Phases, Reply};

/// The revision with sessions that is asked for.
pub const WITH_SESSIONS: &str = "2025-11-25";

/// The revision whose requests stand alone.
pub const STATELESS: &str = "2026-07-28";

/// Revisions with a handshake that a server may answer with instead of [`WITH_SESSIONS`]: a call
/// looks the same in all of them.
const OLDER: [&str; 3] = ["2025-06-18", "2025-03-26", "2024-11-05"];

/// Pages of a tool list that are read. A server with more tools than a hundred full pages loops.
pub const MAX_TOOL_PAGES: usize = 100;

/// How long a session may take to end; the server loses nothing by it.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// Which revision of the protocol is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// A handshake first; where the server refuses it, the stateless revision.
    #[default]
    Auto,
    /// [`WITH_SESSIONS`], or an older one if the server answers so.
    Sessions,
    /// [`STATELESS`].
    Stateless,
}

impl std::str::FromStr for Protocol {
    type Err = crate::notation::NotationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            WITH_SESSIONS => Ok(Self::Sessions),
            STATELESS => Ok(Self::Stateless),
            _ => Err(crate::notation::NotationError::new(
                "protocol",
                text,
                format!("write auto, {WITH_SESSIONS} or {STATELESS}"),
            )),
        }
    }
}

/// How messages travel.
#[derive(Debug)]
pub enum Carriage {
    /// Streamable HTTP.
    Http(Box<HttpTransport>),
    /// Stdin and stdout of a process, which agents may share.
    Stdio(Rc<StdioTransport>),
}

impl Carriage {
    /// What a server process said last on stderr; empty for servers behind a URL.
    #[must_use]
    pub fn stderr(&self) -> String {
        match self {
            Self::Http(_) => String::new(),
            Self::Stdio(stdio) => stdio.stderr(),
        }
    }

    /// The server's process, where it is ours.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        match self {
            Self::Http(_) => None,
            Self::Stdio(stdio) => stdio.pid(),
        }
    }
}

/// The trivial call whose time tells how responsive a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trivial {
    /// `ping`; removed in the stateless revision.
    Ping,
    /// `tools/list`.
    ToolsList,
}

/// A tool as the server describes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// JSON Schema of its arguments.
    #[serde(default)]
    pub input_schema: Value,
}

/// A tool call's answer and its phases.
#[derive(Debug)]
pub struct Called {
    /// What the tool gave back, also where it says that it failed; or why there is nothing.
    pub result: Result<ToolResult, Failure>,
    /// When things happened.
    pub phases: Phases,
}

/// A session.
#[derive(Debug)]
pub struct Session {
    carriage: Carriage,
    revision: &'static str,
    /// What the server calls itself, `name/version`, where it says so.
    pub server: Option<String>,
    /// What the handshake took; zero where there is none.
    pub opened_in: Duration,
}

/// Longest name that a server is known by.
pub const MAX_SERVER_CHARS: usize = 100;

/// What a server calls itself in an answer to the handshake, or to `server/discover`: there
/// `serverInfo` stands in the result or in its metadata.
fn server_name(result: &Value) -> Option<String> {
    let in_metadata = || result.get("_meta")?.get("io.modelcontextprotocol/serverInfo");
    let said = result.get("serverInfo").or_else(in_metadata)?;
    let text = |field| said.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    let name = text("name")?;
    let full = text("version").map_or(name.to_owned(), |version| format!("{name}/{version}"));
    Some(full.chars().take(MAX_SERVER_CHARS).collect())
}

impl Session {
    /// Opens a session. Several agents may open one each over the same process.
    ///
    /// # Errors
    /// When the server does not agree on a revision.
    pub async fn open(
        carriage: Carriage,
        protocol: Protocol,
        limit: Duration,
    ) -> Result<Self, (Carriage, Failure)> {
        let started_at = Instant::now();
        let mut session = Self::joined(carriage, WITH_SESSIONS);
        let opened = match protocol {
            Protocol::Sessions => session.initialize(started_at, limit).await,
            Protocol::Stateless => session.discover(started_at, limit).await,
            Protocol::Auto => match session.initialize(started_at, limit).await {
                Err(failure) if is_refusal(&failure) => {
                    // The first refusal says more than that of a revision nobody asked for.
                    session.discover(Instant::now(), limit).await.map_err(|_| failure)
                }
                opened => opened,
            },
        };
        session.opened_in = started_at.elapsed();
        match opened {
            Ok(()) => Ok(session),
            Err(failure) => Err((session.carriage, failure)),
        }
    }

    /// A session that was agreed on already: over a shared process only the first agent shakes
    /// hands.
    #[must_use]
    pub fn joined(carriage: Carriage, revision: &'static str) -> Self {
        Self { carriage, revision, server: None, opened_in: Duration::ZERO }
    }

    /// The revision agreed on.
    #[must_use]
    pub fn revision(&self) -> &'static str {
        self.revision
    }

    /// How messages travel.
    #[must_use]
    pub fn carriage(&self) -> &Carriage {
        &self.carriage
    }

    /// Whether the server opened a session of its own for this agent.
    #[must_use]
    pub fn has_session_id(&self) -> bool {
        match &self.carriage {
            Carriage::Http(http) => http.session_id().is_some(),
            Carriage::Stdio(_) => false,
        }
    }

    /// The handshake of the revisions with sessions.
    async fn initialize(&mut self, started_at: Instant, limit: Duration) -> Result<(), Failure> {
        let params = json!({
            "protocolVersion": WITH_SESSIONS, "capabilities": {}, "clientInfo": client_info(),
        });
        let ask = Ask {
            method: "initialize",
            name: None,
            params: &params,
            started_at,
            deadline: started_at + limit,
        };
        let reply = self.send(self.next_id(), ask).await;
        let initialized: Value = parse(reply)?;
        let known = std::iter::once(WITH_SESSIONS).chain(OLDER);
        let answered = initialized.get("protocolVersion").and_then(Value::as_str);
        let answered = answered.ok_or_else(|| {
            Failure::Protocol("the server's answer to initialize has no protocolVersion".into())
        })?;
        self.server = server_name(&initialized);
        self.revision = known.into_iter().find(|known| *known == answered).ok_or_else(|| {
            let shown: String = answered.chars().take(20).collect();
            Failure::Protocol(format!("the server speaks revision {shown} of MCP").into())
        })?;
        if let Carriage::Http(http) = &self.carriage {
            http.speak(self.revision, false);
        }
        let deadline = Instant::now() + limit;
        let none = json!({});
        match &self.carriage {
            Carriage::Http(http) => http.notify("notifications/initialized", &none, deadline).await,
            Carriage::Stdio(stdio) => {
                stdio.notify("notifications/initialized", &none, deadline).await
            }
        }
    }

    /// The question that servers of the stateless revision must answer.
    async fn discover(&mut self, started_at: Instant, limit: Duration) -> Result<(), Failure> {
        self.revision = STATELESS;
        if let Carriage::Http(http) = &self.carriage {
            http.speak(STATELESS, true);
        }
        let params = self.params(Map::new(), None);
        let ask = Ask {
            method: "server/discover",
            name: None,
            params: &params,
            started_at,
            deadline: started_at + limit,
        };
        let reply = self.send(self.next_id(), ask).await;
        self.server = server_name(&parse::<Value>(reply)?);
        Ok(())
    }

    /// All tools of the server.
    ///
    /// # Errors
    /// When it does not list them.
    pub async fn tools(&self, limit: Duration) -> Result<Vec<Tool>, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Page {
            tools: Vec<Tool>,
            #[serde(default)]
            next_cursor: Option<String>,
        }
        let mut tools = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_TOOL_PAGES {
            let mut params = Map::new();
            if let Some(cursor) = cursor.take() {
                params.insert("cursor".to_owned(), cursor.into());
            }
            let started_at = Instant::now();
            let params = self.params(params, None);
            let ask = Ask {
                method: "tools/list",
                name: None,
                params: &params,
                started_at,
                deadline: started_at + limit,
            };
            let page: Page = parse(self.send(self.next_id(), ask).await)?;
            tools.extend(page.tools);
            match page.next_cursor.filter(|next| !next.is_empty()) {
                Some(next) => cursor = Some(next),
                None => return Ok(tools),
            }
        }
        Err(Failure::Protocol(
            format!("the tool list has no end within {MAX_TOOL_PAGES} pages").into(),
        ))
    }

    /// Calls a tool. Cancel-safe as its transport is.
    pub async fn call(
        &self,
        tool: &str,
        arguments: &Value,
        started_at: Instant,
        deadline: Instant,
    ) -> Called {
        let id = self.next_id();
        let mut params = Map::new();
        params.insert("name".to_owned(), tool.into());
        params.insert("arguments".to_owned(), arguments.clone());
        let params = self.params(params, Some(id));
        let ask =
            Ask { method: "tools/call", name: Some(tool), params: &params, started_at, deadline };
        let Reply { result, phases } = self.send(id, ask).await;
        if let Err(Failure::Timeout(_)) = &result {
            self.cancel(id).await;
        }
        let result = result.and_then(|text| {
            serde_json::from_str(text.get())
                .map_err(|_| Failure::Protocol("the result is none of a tool call".into()))
        });
        Called { result, phases }
    }

    /// Tells the server that nobody waits any more for a call. Over HTTP in the stateless
    /// revision the closed connection has said so.
    async fn cancel(&self, id: u64) {
        let params = json!({ "requestId": id, "reason": "timeout" });
        let deadline = Instant::now() + CLOSE_LIMIT;
        let told = match &self.carriage {
            Carriage::Http(_) if self.revision == STATELESS => return,
            Carriage::Http(http) => http.notify("notifications/cancelled", &params, deadline).await,
            Carriage::Stdio(stdio) => {
                stdio.notify("notifications/cancelled", &params, deadline).await
            }
        };
        if let Err(failure) = told {
            tracing::debug!(detail = %failure.detail(), "a cancellation was not taken");
        }
    }

    /// Makes a trivial call.
    pub async fn trivial(&self, which: Trivial, started_at: Instant, deadline: Instant) -> Reply {
        let method = match which {
            Trivial::Ping => "ping",
            Trivial::ToolsList => "tools/list",
        };
        let params = self.params(Map::new(), None);
        let ask = Ask { method, name: None, params: &params, started_at, deadline };
        self.send(self.next_id(), ask).await
    }

    /// The trivial call that this server answers.
    ///
    /// # Errors
    /// When it answers neither.
    pub async fn find_trivial(&self, limit: Duration) -> Result<Trivial, Failure> {
        let mut last = None;
        for which in [Trivial::Ping, Trivial::ToolsList] {
            // Removed from the stateless revision; some servers would answer it all the same.
            if which == Trivial::Ping && self.revision == STATELESS {
                continue;
            }
            let now = Instant::now();
            match self.trivial(which, now, now + limit).await.result {
                Ok(_) => return Ok(which),
                Err(failure) => last = Some(failure),
            }
        }
        Err(last.unwrap_or_else(|| Failure::Protocol("no trivial call is known".into())))
    }

    /// Ends the session; a process that nobody else uses is ended with it.
    pub async fn close(self) {
        match self.carriage {
            Carriage::Http(http) => http.end_session(Instant::now() + CLOSE_LIMIT).await,
            Carriage::Stdio(stdio) => {
                if let Some(stdio) = Rc::into_inner(stdio) {
                    stdio.end().await;
                }
            }
        }
    }

    /// Parameters with what the revision wants in each of them.
    fn params(&self, mut params: Map<String, Value>, progress: Option<u64>) -> Value {
        let mut meta = Map::new();
        if let Some(token) = progress {
            meta.insert("progressToken".to_owned(), token.into());
        }
        if self.revision == STATELESS {
            let key = |name: &str| format!("io.modelcontextprotocol/{name}");
            meta.insert(key("protocolVersion"), STATELESS.into());
            meta.insert(key("clientInfo"), client_info());
            meta.insert(key("clientCapabilities"), json!({}));
        }
        if !meta.is_empty() {
            params.insert("_meta".to_owned(), Value::Object(meta));
        }
        Value::Object(params)
    }

    fn next_id(&self) -> u64 {
        match &self.carriage {
            Carriage::Http(http) => http.next_id(),
            Carriage::Stdio(stdio) => stdio.next_id(),
        }
    }

    async fn send(&self, id: u64, ask: Ask<'_>) -> Reply {
        match &self.carriage {
            Carriage::Http(http) => http.request(id, ask).await,
            Carriage::Stdio(stdio) => stdio.request(id, ask).await,
        }
    }
}

fn client_info() -> Value {
    json!({ "name": "weir", "version": env!("CARGO_PKG_VERSION") })
}

/// The server answered, but not to a handshake: it may speak the stateless revision alone.
fn is_refusal(failure: &Failure) -> bool {
    match failure {
        Failure::Rpc(RpcError { code, .. }) => {
            [METHOD_NOT_FOUND, UNSUPPORTED_REVISION, -32602, -32600, -32020, -32021].contains(code)
        }
        Failure::Status(status, _) => matches!(status, 400 | 404 | 405),
        _ => false,
    }
}

fn parse<T: for<'de> Deserialize<'de>>(reply: Reply) -> Result<T, Failure> {
    let text = reply.result?;
    serde_json::from_str(text.get())
        .map_err(|error| Failure::Protocol(format!("a result of another shape: {error}").into()))
}
