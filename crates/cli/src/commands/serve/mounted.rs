//! The media tools behind the gateway's listener, on threads of their own: a transfer never stands in
//! the way of a stream.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use gateway::{Mount, MountedAnswer};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use media::Threads;
use media::server::guard::Guard;
use media::server::{Handler, HttpSettings, Service};
use media::tools::{Live, Media};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::commands::mcp::{self, Runtimes};
use crate::media_setup::Plan;

/// Where agents talk to the media tools, and where finished files are.
const PATHS: [&str; 2] = ["/mcp", "/media"];

/// The media tools on their own threads.
pub(super) struct Mounted {
    runtimes: Runtimes,
    reloader: Reloader,
    sweeping: JoinSet<()>,
}

/// Changes what the media tools are set up with while they serve.
#[derive(Clone)]
pub(super) struct Reloader {
    media: Live,
    service: Service<Handler>,
    threads: Handle,
    of_transfers: Threads,
    listen: SocketAddr,
    /// What is in force.
    plan: Arc<Plan>,
}

/// A plan that is open and can be put in force; nothing can refuse it any more.
pub(super) struct Opened {
    plan: Arc<Plan>,
    media: Media,
}

impl Mounted {
    /// Opens the folders. Client keys are the gateway's business.
    pub(super) fn open(plan: Plan, listen: SocketAddr) -> anyhow::Result<Self> {
        let runtimes = Runtimes::start().context("failed to start the threads")?;
        let of_transfers = runtimes.of_transfers();
        let plan = plan.on(of_transfers.clone());
        let media = Live::new(runtimes.of_calls.block_on(plan.open())?);
        let guard = Guard::of(plan.guard().clone(), listen);
        let settings = HttpSettings { guard, ..HttpSettings::new(listen) };
        let service = mcp::service(&settings, media.clone());
        let mut sweeping = JoinSet::new();
        let swept = service.clone();
        sweeping
            .spawn_on(async move { swept.sessions().sweep().await }, runtimes.of_calls.handle());
        let (threads, plan) = (runtimes.of_calls.handle().clone(), Arc::new(plan));
        let reloader = Reloader { media, service, threads, of_transfers, listen, plan };
        Ok(Self { runtimes, reloader, sweeping })
    }

    /// A way to change the settings.
    pub(super) fn reloader(&self) -> Reloader {
        self.reloader.clone()
    }

    /// The mounts for the gateway.
    pub(super) fn mounts(&self) -> Vec<Mount> {
        let tasks = TaskTracker::new();
        let (service, threads) = (self.reloader.service.clone(), self.reloader.threads.clone());
        let serve: Arc<dyn Fn(_) -> MountedAnswer + Send + Sync> = Arc::new(move |request| {
            let service = service.clone();
            let answering = async move { service.serve(request).await };
            // Dropped with the client: what runs for it ends.
            let answer = AbortOnDropHandle::new(tasks.spawn_on(answering, &threads));
            Box::pin(async move { answer.await.unwrap_or_else(|_| gone()) })
        });
        let service = self.reloader.service.clone();
        let running: Arc<dyn Fn() -> usize + Send + Sync> = Arc::new(move || service.running());
        let nothing: Arc<dyn Fn() -> usize + Send + Sync> = Arc::new(|| 0);
        let mount = |path, running| Mount { path, serve: Arc::clone(&serve), running };
        vec![mount(PATHS[0], running), mount(PATHS[1], nothing)]
    }

    /// Ends sessions and calls that are left, and the threads. Not to be called in a runtime.
    pub(super) fn end(mut self) {
        self.reloader.service.refuse_new();
        self.runtimes.of_calls.block_on(self.reloader.service.end());
        self.sweeping.abort_all();
        self.runtimes.end();
    }
}

impl Reloader {
    /// Opens what a plan says, without putting it in force.
    ///
    /// # Errors
    /// When it changes what only a start can, or cannot be opened.
    pub(super) async fn open(&self, plan: Plan) -> anyhow::Result<Opened> {
        plan.can_follow(&self.plan)?;
        let (plan, used) = (Arc::new(plan.on(self.of_transfers.clone())), self.media.get());
        let opening = Arc::clone(&plan);
        let opening = async move { opening.open_beside(&used).await };
        // Connections and files belong to the threads that use them.
        let opened = TaskTracker::new().spawn_on(opening, &self.threads).await;
        let media = opened.context("the media server's threads are gone")??;
        Ok(Opened { plan, media })
    }

    /// From now on calls and requests go by it; calls that run end as they began.
    pub(super) fn put_in_force(&mut self, Opened { plan, media }: Opened) {
        self.media.replace(media, plan.limits());
        self.service.set_guard(Guard::of(plan.guard().clone(), self.listen));
        self.plan = plan;
    }
}

/// The answer when the threads are gone.
fn gone() -> Response<media::server::Body> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}
