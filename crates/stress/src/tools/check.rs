//! What is found out before any load: whether the target speaks MCP, has the tools, and would take
//! the arguments.

use std::sync::Arc;
use std::time::Duration;

use runtime::workers::{Batching, Workers};
use tokio_util::sync::CancellationToken;

use super::error::ToolsError;
use super::files::Shelf;
use super::mix::{Mix, Share};
use super::prepare;
use super::schema;
use super::session::{Session, Tool, Trivial};
use super::template::Place;
use super::transport::Failure;
use super::worker::{Gear, Opener};
use crate::client::Wording;
use crate::error::Error;

/// How long the handshake and each list may take: a command may be an interpreter that starts.
const LIMIT: Duration = Duration::from_secs(30);

/// Most tool names that an error tells.
const MAX_NAMES: usize = 30;

/// What is to be checked and prepared.
#[derive(Debug)]
pub struct Wanted {
    /// The loads of the run.
    pub mixes: Vec<Mix>,
    /// A trivial call is made beside the load.
    pub probing: bool,
    /// Where files of steps before the load are read back from.
    pub shelf: Option<Arc<Shelf>>,
    /// `{run}`.
    pub run: Arc<str>,
    /// How long a step before the load may take.
    pub limit: Duration,
}

/// What the check found out.
#[derive(Debug, Clone)]
pub struct Found {
    /// What the server calls itself, where it says so.
    pub server: Option<String>,
    /// The revision agreed on.
    pub revision: &'static str,
    /// The server opens sessions.
    pub sessions: bool,
    /// The trivial call that it answers, if one was wanted and there is one.
    pub trivial: Option<Trivial>,
}

/// Checks the target on a thread like those of the workers, and then makes the calls that the loads
/// need to have been made. The mixes learn from the tools' schemas which placeholders are numbers,
/// and from the calls what stands for their results.
///
/// # Errors
/// [`ToolsError`] with what to change; [`Error::Interrupted`] when `stop` is cancelled first.
pub async fn check(
    gear: &Arc<Gear>,
    wanted: Wanted,
    stop: &CancellationToken,
) -> Result<(Found, Vec<Mix>), Error> {
    let (gear, stopped) = (Arc::clone(gear), stop.clone());
    let wanted = Arc::new(wanted);
    let thread = Workers::start("check", 1, &Batching::default(), move |_| {
        let (gear, stopped, wanted) = (Arc::clone(&gear), stopped.clone(), Arc::clone(&wanted));
        async move {
            let looked = stopped.run_until_cancelled(look(&gear, &wanted)).await;
            looked.unwrap_or(Err(Error::Interrupted))
        }
    })
    .map_err(|source| Error::System { what: "the check's thread cannot start", source })?;
    tokio::task::spawn_blocking(move || thread.join())
        .await
        .map_err(|panic| Error::Bug(format!("the check panicked: {panic}")))?
        .map_err(|source| Error::System { what: "the check's runtime cannot start", source })?
        .pop()
        .unwrap_or(Err(Error::Interrupted))
}

async fn look(gear: &Gear, wanted: &Wanted) -> Result<(Found, Vec<Mix>), Error> {
    let not_mcp = |failure: &Failure, stderr: String| {
        let said = stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        let hint = match failure {
            _ if !said.is_empty() => format!("; it said: {}", Wording::Exact.of(said)),
            Failure::Status(401 | 403, _) => "; give a key with --api-key-env".to_owned(),
            Failure::Status(404 | 405, _) => {
                "; check the URL's path: most servers have /mcp".to_owned()
            }
            Failure::Status(300..=399, _) => "; give the URL that it redirects to".to_owned(),
            _ => String::new(),
        };
        let reason = failure.detail().into_owned();
        Error::from(ToolsError::NotMcp { target: gear.words.clone(), reason, hint })
    };
    let opener = Opener::new(gear).map_err(Error::Tls)?;
    let carriage = opener.carriage().map_err(Error::Tools)?;
    drop(opener);
    let session = match Session::open(carriage, gear.protocol, LIMIT).await {
        Ok(session) => session,
        Err((carriage, failure)) => return Err(not_mcp(&failure, carriage.stderr())),
    };
    let found = async {
        let tools = session.tools(LIMIT).await.map_err(|failure| not_mcp(&failure, String::new()))?;
        let mixes = fitted(wanted, &session, &tools).await.map_err(Error::Tools)?;
        let trivial = match wanted.probing {
            true => session
                .find_trivial(LIMIT)
                .await
                .inspect_err(|failure| {
                    tracing::warn!(detail = %failure.detail(), "the server answers no trivial call");
                })
                .ok(),
            false => None,
        };
        let (revision, sessions) = (session.revision(), session.has_session_id());
        let server = session.server.clone();
        Ok((Found { server, revision, sessions, trivial }, mixes))
    }
    .await;
    session.close().await;
    found
}

/// The mixes with what their steps made; everything that can be wrong is told before a step is made.
async fn fitted(
    wanted: &Wanted,
    session: &Session,
    tools: &[Tool],
) -> Result<Vec<Mix>, ToolsError> {
    for mix in &wanted.mixes {
        for step in &mix.prepare {
            find(&step.tool, tools)?;
        }
        for share in &mix.shares {
            find(&share.tool, tools)?;
            if !prepare::uses(&share.arguments, &mix.prepare) {
                fits(share, tools)?;
            }
        }
    }
    let mut fitted = Vec::with_capacity(wanted.mixes.len());
    for mix in &wanted.mixes {
        let shelf = wanted.shelf.as_deref();
        let steps = &mix.prepare;
        let prepared =
            prepare::prepare(steps, session, tools, shelf, &wanted.run, wanted.limit).await?;
        let filled = mix.clone().with(&prepared);
        let mut mix = filled.map_err(|(tool, reason)| ToolsError::Arguments { tool, reason })?;
        for share in &mut mix.shares {
            share.numbers = fits(share, tools)?;
        }
        fitted.push(mix);
    }
    Ok(fitted)
}

/// Whether a share's arguments fit its tool; true when lone placeholders must be numbers for it.
fn fits(share: &Share, tools: &[Tool]) -> Result<bool, ToolsError> {
    let tool = find(&share.tool, tools)?;
    let place = Place { agent: 1, call: 1, level: 1, run: "run" };
    let mismatch =
        |numbers| schema::mismatch(&place.fill(&share.arguments, numbers), &tool.input_schema);
    match (mismatch(false), mismatch(true)) {
        (None, _) => Ok(false),
        (Some(_), None) => Ok(true),
        (Some(reason), Some(_)) => Err(ToolsError::Arguments { tool: share.tool.clone(), reason }),
    }
}

/// The tool of a name; the error says which names there are.
fn find<'t>(name: &str, tools: &'t [Tool]) -> Result<&'t Tool, ToolsError> {
    if let Some(tool) = tools.iter().find(|tool| tool.name == name) {
        return Ok(tool);
    }
    let mut known: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    known.sort_unstable();
    let more = known.len().saturating_sub(MAX_NAMES);
    known.truncate(MAX_NAMES);
    let mut known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    if more > 0 {
        known += &format!(" and {more} more");
    }
    Err(ToolsError::NoSuchTool { tool: name.to_owned(), known })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::tools::mix::Expectation;

    fn tools() -> Vec<Tool> {
        let schema = json!({
            "type": "object", "required": ["name"],
            "properties": { "name": { "type": "string" }, "number": { "type": "integer" } },
        });
        vec![Tool { name: "save".to_owned(), input_schema: schema }]
    }

    fn fits_tool(tool: &str, arguments: Value) -> Result<bool, ToolsError> {
        let mix = Mix::of(tool, arguments, None, Expectation::default()).unwrap();
        fits(&mix.shares[0], &tools())
    }

    #[test]
    fn what_would_fail_under_load_is_said_before() {
        let message = fits_tool("load", json!({})).unwrap_err().to_string();
        assert_eq!(message, "the server has no tool \"load\"; it has save");
        let message = fits_tool("save", json!({})).unwrap_err().to_string();
        assert!(message.contains("\"name\" is required"), "{message}");
    }

    #[test]
    fn a_placeholder_is_a_number_where_the_schema_wants_one() {
        assert!(!fits_tool("save", json!({"name": "{call}"})).unwrap());
        assert!(fits_tool("save", json!({"name": "f{call}", "number": "{call}"})).unwrap());
    }
}
