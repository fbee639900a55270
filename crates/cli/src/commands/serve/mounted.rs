//! The media tools behind the gateway's listener, on threads of their own: a transfer never stands in
//! the way of a stream.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use gateway::{Mount, MountedAnswer};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use media::server::guard::Guard;
use media::server::{Handler, HttpSettings, Service};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::commands::mcp;
use crate::media_setup::Plan;

/// Where agents talk to the media tools, and where finished files are.
const PATHS: [&str; 2] = ["/mcp", "/media"];

/// The media tools on their own threads.
pub(super) struct Mounted {
    runtime: Runtime,
    service: Service<Handler>,
    sweeping: JoinSet<()>,
}

impl Mounted {
    /// Opens the folders. Client keys are the gateway's business.
    pub(super) fn open(plan: &Plan, listen: SocketAddr) -> anyhow::Result<Self> {
        let runtime = mcp::runtime().context("failed to start a runtime")?;
        let media = runtime.block_on(plan.open())?;
        let guard = Guard::of(plan.guard().clone(), listen);
        let settings = HttpSettings { guard, ..HttpSettings::new(listen) };
        let service = mcp::service(&settings, Arc::new(media));
        let mut sweeping = JoinSet::new();
        let swept = service.clone();
        sweeping.spawn_on(async move { swept.sessions().sweep().await }, runtime.handle());
        Ok(Self { runtime, service, sweeping })
    }

    /// The mounts for the gateway.
    pub(super) fn mounts(&self) -> Vec<Mount> {
        let tasks = TaskTracker::new();
        let (service, threads) = (self.service.clone(), self.runtime.handle().clone());
        let serve: Arc<dyn Fn(_) -> MountedAnswer + Send + Sync> = Arc::new(move |request| {
            let service = service.clone();
            let answering = async move { service.serve(request).await };
            // Dropped with the client: what runs for it ends.
            let answer = AbortOnDropHandle::new(tasks.spawn_on(answering, &threads));
            Box::pin(async move { answer.await.unwrap_or_else(|_| gone()) })
        });
        let service = self.service.clone();
        let running: Arc<dyn Fn() -> usize + Send + Sync> = Arc::new(move || service.running());
        let nothing: Arc<dyn Fn() -> usize + Send + Sync> = Arc::new(|| 0);
        let mount = |path, running| Mount { path, serve: Arc::clone(&serve), running };
        vec![mount(PATHS[0], running), mount(PATHS[1], nothing)]
    }

    /// Ends sessions and calls that are left, and the threads.
    pub(super) fn end(mut self) {
        self.service.refuse_new();
        self.service.end();
        self.sweeping.abort_all();
        self.runtime.shutdown_timeout(mcp::LAST_WRITES);
    }
}

/// The answer when the threads are gone.
fn gone() -> Response<media::server::Body> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}
