//! The server over this process's stdin and stdout, as agents start it.

use std::io;

use rmcp::ServerHandler;
use rmcp::service::{QuitReason, serve_server_with_ct};
use rmcp::transport::io::stdio_pipes;
use runtime::signal::Shutdown;

/// Why the conversation could not go on.
#[derive(Debug, thiserror::Error)]
pub enum StdioError {
    /// The client said something else than the protocol wants first.
    #[error("the client did not open an MCP session: {0}")]
    Opening(String),
    /// The conversation broke.
    #[error("the conversation with the client broke")]
    Broken(#[source] io::Error),
}

/// Serves one client until it closes stdin or `shutdown` asks to end.
///
/// When the client has gone nobody waits for its calls: they are cancelled, and remove their
/// temporaries.
///
/// # Errors
/// When the client opens no session, or the conversation breaks.
pub async fn serve<H: ServerHandler>(handler: H, shutdown: &Shutdown) -> Result<(), StdioError> {
    let opening = serve_server_with_ct(handler, stdio_pipes(), shutdown.drain.clone());
    let running = match opening.await {
        Ok(running) => running,
        // A client that closes stdin before it has said anything wanted nothing.
        Err(_) if shutdown.drain.is_cancelled() => return Ok(()),
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(StdioError::Opening(error.to_string())),
    };
    match running.waiting().await {
        Ok(QuitReason::JoinError(error)) | Err(error) => {
            Err(StdioError::Broken(io::Error::other(error)))
        }
        Ok(_) => Ok(()),
    }
}
