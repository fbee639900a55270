//! The sessions of clients that speak a revision before 2026-07-28: as many as there is room for,
//! and none that nobody uses.
//!
//! The library's own manager ends a session after a time without messages, whether a call runs in
//! it or not: a long download without progress notifications would lose its answer. So its clock is
//! off, and this one counts a session as idle only while no answer of it is being waited for.
//!
//! Nor does it know when the conversations in its sessions are over: their tasks are its own. A runtime
//! that ends under them makes each of them log that its other half is gone, so they are counted
//! here, and waited for.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use rmcp::RoleServer;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::streamable_http_server::SessionManager;
use rmcp::transport::streamable_http_server::session::local::{
    LocalSessionManager, LocalSessionManagerError, SessionTransport,
};
use rmcp::transport::streamable_http_server::session::{ServerSseMessage, SessionId};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// How many sessions there may be, and for how long one may be unused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Most sessions at once; the next one is refused by 503. One takes some 20 KiB.
    pub sessions: usize,
    /// A session that no answer is waited for in ends after this time without a message. Its
    /// client is told by 404 and begins another, as the specification says.
    pub idle: Duration,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { sessions: 1024, idle: Duration::from_secs(15 * 60) }
    }
}

/// Why a session did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum SessionsError {
    /// [`SessionLimits::sessions`] are open.
    #[error("there are too many sessions ({0}); end one by DELETE, or try again later")]
    Full(usize),
    /// The session is gone, or its client broke a rule.
    #[error(transparent)]
    Session(#[from] LocalSessionManagerError),
}

/// Sessions in memory, bounded and swept.
#[derive(Debug)]
pub struct Sessions {
    inner: LocalSessionManager,
    limits: SessionLimits,
    known: Arc<Mutex<HashMap<SessionId, Use>>>,
    conversations: TaskTracker,
}

/// How a session is used.
#[derive(Debug, Clone, Copy)]
struct Use {
    /// Answers that somebody waits for.
    open: usize,
    last: Instant,
}

impl Sessions {
    /// No session yet.
    #[must_use]
    pub fn new(limits: SessionLimits) -> Self {
        let mut inner = LocalSessionManager::default();
        inner.session_config.keep_alive = None;
        Self { inner, limits, known: Arc::default(), conversations: TaskTracker::new() }
    }

    /// Sessions that are open.
    #[must_use]
    pub fn count(&self) -> usize {
        lock(&self.known).len()
    }

    /// Whether there is no room for another one.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.count() >= self.limits.sessions
    }

    /// Ends the sessions that nobody has used for too long; looks again and again until dropped.
    pub async fn sweep(&self) {
        // Fine enough that a session lives at most an eighth longer than it should.
        let every = (self.limits.idle / 8).max(Duration::from_millis(10));
        let mut due = Instant::now();
        loop {
            due += every;
            tokio::time::sleep_until(due).await;
            for id in self.unused(due) {
                tracing::info!("a session that nobody uses ends");
                if let Err(error) = self.close_session(&id).await {
                    tracing::debug!(%error, "an unused session was gone already");
                }
            }
        }
    }

    /// Ends every session, and waits until each conversation is over: a call that runs in one gets
    /// some seconds from the library to answer. Sessions that begin meanwhile are waited for, not ended.
    pub async fn end(&self) {
        let ids: Vec<SessionId> = lock(&self.known).keys().cloned().collect();
        for id in ids {
            if let Err(error) = self.close_session(&id).await {
                tracing::debug!(%error, "a session was gone already");
            }
        }
        self.conversations.close();
        self.conversations.wait().await;
    }

    fn unused(&self, now: Instant) -> Vec<SessionId> {
        let known = lock(&self.known);
        let is_unused = |it: &Use| it.open == 0 && now.duration_since(it.last) >= self.limits.idle;
        known.iter().filter(|(_, it)| is_unused(it)).map(|(id, _)| Arc::clone(id)).collect()
    }

    fn touch(&self, id: &SessionId) {
        if let Some(it) = lock(&self.known).get_mut(id) {
            it.last = Instant::now();
        }
    }

    /// Counts an answer that is waited for, until what is returned is dropped.
    fn open(&self, id: &SessionId) -> Open {
        if let Some(it) = lock(&self.known).get_mut(id) {
            it.open += 1;
        }
        Open { id: Arc::clone(id), known: Arc::clone(&self.known) }
    }
}

fn lock(
    known: &Mutex<HashMap<SessionId, Use>>,
) -> std::sync::MutexGuard<'_, HashMap<SessionId, Use>> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer that is waited for.
#[derive(Debug)]
struct Open {
    id: SessionId,
    known: Arc<Mutex<HashMap<SessionId, Use>>>,
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(it) = lock(&self.known).get_mut(&self.id) {
            it.open = it.open.saturating_sub(1);
            it.last = Instant::now();
        }
    }
}

/// An answer's events, counted as long as somebody holds them.
struct Counted<S> {
    stream: Pin<Box<S>>,
    _open: Open,
}

impl<S: Stream> Stream for Counted<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.stream.as_mut().poll_next(context)
    }
}

/// What a session's messages go through, counted until the conversation has let go of it.
pub struct Conversation {
    messages: SessionTransport,
    _counted: TaskTrackerToken,
}

impl Transport<RoleServer> for Conversation {
    type Error = <SessionTransport as Transport<RoleServer>>::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.messages.send(message)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        self.messages.receive().await
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.messages.close().await
    }
}

impl SessionManager for Sessions {
    type Error = SessionsError;
    type Transport = Conversation;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), SessionsError> {
        let (id, messages) = self.inner.create_session().await?;
        let is_full = {
            let mut known = lock(&self.known);
            let is_full = known.len() >= self.limits.sessions;
            if !is_full {
                known.insert(Arc::clone(&id), Use { open: 0, last: Instant::now() });
            }
            is_full
        };
        if is_full {
            self.inner.close_session(&id).await?;
            return Err(SessionsError::Full(self.limits.sessions));
        }
        Ok((id, Conversation { messages, _counted: self.conversations.token() }))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, SessionsError> {
        Ok(self.inner.initialize_session(id, message).await?)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, SessionsError> {
        Ok(self.inner.has_session(id).await?)
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), SessionsError> {
        lock(&self.known).remove(id);
        Ok(self.inner.close_session(id).await?)
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionsError> {
        let open = self.open(id);
        let stream = self.inner.create_stream(id, message).await?;
        Ok(Counted { stream: Box::pin(stream), _open: open })
    }

    async fn accept_message(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<(), SessionsError> {
        self.touch(id);
        Ok(self.inner.accept_message(id, message).await?)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionsError> {
        let open = self.open(id);
        let stream = self.inner.create_standalone_stream(id).await?;
        Ok(Counted { stream: Box::pin(stream), _open: open })
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionsError> {
        let open = self.open(id);
        let stream = self.inner.resume(id, last_event_id).await?;
        Ok(Counted { stream: Box::pin(stream), _open: open })
    }
}
