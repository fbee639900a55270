//! One thread's part: its connections to upstreams, its memory for reading events.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use wire::grammar::Scratch;

use crate::metrics::Metrics;
use crate::pace::Pace;
use crate::state::Shared;
use crate::tasks::Tasks;
use crate::upstream::Upstream;
use crate::upstream::http1::Reading;
use crate::upstream::pool::Pool;
use crate::usage::UsageLog;

/// One thread's part of the gateway.
pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) shared: Arc<Shared>,
    pub(crate) tasks: Tasks,
    /// How soon admitted requests go to their upstreams.
    pub(crate) pace: Rc<Pace>,
    /// Reused by all streams of this thread.
    pub(crate) scratch: RefCell<Scratch>,
    reading: Rc<RefCell<Reading>>,
    pools: RefCell<HashMap<String, Rc<Pool>>>,
    rotation: Cell<usize>,
}

/// How often the worker looks after its connections and measures how late it is.
const TICK: Duration = Duration::from_millis(100);

impl Worker {
    pub(crate) fn new(index: usize, shared: Arc<Shared>) -> Rc<Self> {
        let tasks = Tasks::default();
        shared.watch_tasks(tasks.tracker());
        Rc::new(Self {
            index,
            shared,
            tasks,
            pace: Rc::default(),
            scratch: RefCell::default(),
            reading: Rc::default(),
            pools: RefCell::default(),
            rotation: Cell::new(index),
        })
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    pub(crate) fn usage(&self) -> &UsageLog {
        &self.shared.usage
    }

    /// The time since the server started, for rates.
    pub(crate) fn since_start(&self, now: Instant) -> Duration {
        now.duration_since(self.shared.started)
    }

    /// A number that is another one each time: equal upstreams take turns by it.
    pub(crate) fn turn(&self) -> usize {
        self.rotation.replace(self.rotation.get().wrapping_add(1))
    }

    /// This thread's connections to an upstream as it is configured now.
    pub(crate) fn pool(&self, upstream: &Upstream) -> Rc<Pool> {
        let mut pools = self.pools.borrow_mut();
        if let Some(pool) = pools.get(&upstream.settings.name)
            && pool.serves(&upstream.settings)
        {
            return Rc::clone(pool);
        }
        // An old pool lives as long as its streams; its idle connections close with it.
        let pool = Pool::new(
            Arc::clone(&upstream.settings),
            upstream.live.metrics.clone(),
            self.tasks.clone(),
            Rc::clone(&self.reading),
        );
        pools.insert(upstream.settings.name.clone(), Rc::clone(&pool));
        pool
    }

    /// Lets go of all connections to upstreams that no stream uses.
    pub(crate) fn close_pools(&self) {
        self.pools.borrow_mut().clear();
    }

    /// Looks after idle connections, and measures how late this thread turns to what is due:
    /// that is what an event waits here. Runs until dropped.
    pub(crate) async fn keep_house(&self) {
        let mut due = Instant::now();
        let mut ticks = 0_u32;
        loop {
            due += TICK;
            tokio::time::sleep_until(due).await;
            let now = Instant::now();
            self.metrics().lateness.observe(now.duration_since(due));
            // A thread that stood still does not make up for the ticks it missed.
            if now.duration_since(due) > 10 * TICK {
                due = now;
            }
            ticks = ticks.wrapping_add(1);
            if ticks.is_multiple_of(10) {
                for pool in self.pools.borrow().values() {
                    pool.sweep(now);
                }
            }
        }
    }
}
