//! What all workers share: the configuration in force, and everything that outlives it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::{Count, Places};
use crate::makers::Makers;
use crate::metrics::Metrics;
use crate::mount::Mount;
use crate::rate::Bucket;
use crate::settings::{Key, Settings};
use crate::upstream::Upstream;
use crate::usage::UsageLog;

/// A configuration in force.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) settings: Settings,
    /// In the order of [`Settings::upstreams`].
    pub(crate) upstreams: Vec<Upstream>,
    /// In the order of [`Settings::keys`].
    pub(crate) keys: Vec<Arc<KeyState>>,
    /// So many requests at once may have to be refused for load: the smallest cap. None where a
    /// key has a rate, which is used up whoever comes.
    smallest_cap: usize,
}

/// A client key with what has been used of it.
#[derive(Debug)]
pub(crate) struct KeyState {
    pub(crate) settings: Arc<Key>,
    pub(crate) live: Arc<KeyLive>,
}

/// What has been used of a key; outlives a change of its settings.
#[derive(Debug, Default)]
pub(crate) struct KeyLive {
    pub(crate) open: Arc<Count>,
    pub(crate) requests: Bucket,
    pub(crate) tokens: Bucket,
}

/// How far the server is on its way down.
#[derive(Debug, Default)]
pub(crate) struct Phase {
    /// `/readyz` fails.
    pub(crate) unready: AtomicBool,
    /// New streams are refused.
    pub(crate) closed: AtomicBool,
    /// The same for those who wait for a place.
    pub(crate) closing: CancellationToken,
    /// Running streams are cut with an error event.
    pub(crate) cut: CancellationToken,
    /// The same as a flag, for the path of every event.
    pub(crate) is_cut: AtomicBool,
    /// Connections close as soon as they are idle.
    pub(crate) end: CancellationToken,
    /// The same as a flag.
    pub(crate) is_ended: AtomicBool,
}

/// What all workers share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: RwLock<Arc<State>>,
    pub(crate) metrics: Metrics,
    pub(crate) places: Arc<Places>,
    pub(crate) connections: AtomicUsize,
    pub(crate) usage: UsageLog,
    #[cfg(feature = "otel")]
    pub(crate) traces: Option<crate::traces::Traces>,
    pub(crate) phase: Phase,
    /// Who made which OpenAI response.
    pub(crate) makers: Makers,
    /// Other services behind the same listener; set once, before the server runs.
    pub(crate) mounts: OnceLock<Vec<Mount>>,
    /// The tasks of each worker.
    tasks: Mutex<Vec<TaskTracker>>,
    pub(crate) started: Instant,
    /// First half of the ids of requests; the second counts.
    id_prefix: u64,
    next_id: AtomicU64,
}

impl Shared {
    pub(crate) fn new(settings: Settings, metrics: Metrics, usage: UsageLog, seed: u64) -> Self {
        let places = Places::new(settings.limits.open_streams);
        metrics.open_streams_limit.set(gauge(settings.limits.open_streams));
        let state = State::new(settings, None, &metrics);
        Self {
            state: RwLock::new(Arc::new(state)),
            metrics,
            places,
            connections: AtomicUsize::new(0),
            usage,
            #[cfg(feature = "otel")]
            traces: None,
            phase: Phase::default(),
            makers: Makers::default(),
            mounts: OnceLock::new(),
            tasks: Mutex::default(),
            started: Instant::now(),
            id_prefix: seed,
            next_id: AtomicU64::new(0),
        }
    }

    /// The configuration in force now. Whoever works with it keeps it to the end.
    pub(crate) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether somebody may have to be refused for load, as far as connections tell: half as many
    /// are open as the smallest cap. Half, because what is begun until then delays those who come
    /// after, and a connection of HTTP/2 holds several requests.
    pub(crate) fn may_refuse(&self) -> bool {
        let connections = self.connections.load(Ordering::Relaxed);
        2 * connections >= self.state().smallest_cap
    }

    /// The service that is mounted at this path.
    pub(crate) fn mount(&self, path: &str) -> Option<&Mount> {
        self.mounts.get()?.iter().find(|mount| mount.takes(path))
    }

    /// Requests of mounted services that run.
    pub(crate) fn mounted_running(&self) -> usize {
        self.mounts.get().map_or(0, |mounts| mounts.iter().map(|mount| (mount.running)()).sum())
    }

    /// Puts another configuration in force; streams that run keep theirs.
    pub(crate) fn reload(&self, settings: Settings) {
        self.places.set_limit(settings.limits.open_streams);
        self.metrics.open_streams_limit.set(gauge(settings.limits.open_streams));
        let before = self.state();
        let next = State::new(settings, Some(&before), &self.metrics);
        for gone in before.settings.upstreams.iter().map(|upstream| &upstream.name) {
            if next.settings.upstreams.iter().all(|upstream| upstream.name != *gone) {
                self.metrics.forget_upstream(gone);
            }
        }
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        self.metrics.reloaded("loaded");
    }

    /// Counts a worker's tasks from now on.
    pub(crate) fn watch_tasks(&self, tasks: TaskTracker) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(tasks);
    }

    /// Brings up to date what is counted only when somebody looks.
    pub(crate) fn before_scrape(&self) {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        self.metrics.tasks.set(gauge(tasks.iter().map(TaskTracker::len).sum()));
    }

    /// An id for a request that has none: unique in this process, and by chance in all others.
    pub(crate) fn new_request_id(&self) -> String {
        let count = self.next_id.fetch_add(1, Ordering::Relaxed);
        format!("{:016x}{count:016x}", self.id_prefix)
    }
}

impl State {
    fn new(settings: Settings, before: Option<&Self>, metrics: &Metrics) -> Self {
        let upstreams = settings
            .upstreams
            .iter()
            .map(|settings| {
                let known = before.and_then(|before| {
                    before.upstreams.iter().find(|known| {
                        known.settings.name == settings.name
                            && known.settings.origin == settings.origin
                    })
                });
                let fresh = || Upstream::new(Arc::clone(settings), metrics);
                known.map_or_else(fresh, |known| Upstream {
                    settings: Arc::clone(settings),
                    live: Arc::clone(&known.live),
                })
            })
            .collect();
        let keys = settings
            .keys
            .iter()
            .map(|settings| {
                let known = before.and_then(|before| {
                    before.keys.iter().find(|key| key.settings.name == settings.name)
                });
                let live = known.map(|key| Arc::clone(&key.live)).unwrap_or_default();
                Arc::new(KeyState { settings: Arc::clone(settings), live })
            })
            .collect();
        let smallest_cap = smallest_cap(&settings);
        Self { settings, upstreams, keys, smallest_cap }
    }

    /// Whether any upstream is well.
    pub(crate) fn has_well_upstream(&self, now: Instant) -> bool {
        self.upstreams.iter().any(|upstream| upstream.is_well(now))
    }
}

fn smallest_cap(settings: &Settings) -> usize {
    let of_key = |key: &Arc<Key>| match (key.requests_per_minute, key.tokens_per_minute) {
        (None, None) => key.open_streams,
        _ => 0,
    };
    let of_keys = settings.keys.iter().map(of_key);
    of_keys.fold(settings.limits.open_streams, usize::min)
}

fn gauge(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smallest(more: &str) -> usize {
        let surroundings = crate::Surroundings {
            variable: &|_| None,
            file: &|_| Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
        };
        let upstream = "[[upstream]]\nname = \"a\"\nurl = \"http://127.0.0.1:1\"\n";
        let text = format!("[limits]\nopen_streams = 100\n{upstream}{more}");
        smallest_cap(&Settings::parse("weir.toml", &text, surroundings).unwrap())
    }

    #[test]
    fn the_smallest_cap_is_the_servers_or_a_keys_and_a_rate_is_none_at_all() {
        let key = |name: &str, more: &str| {
            format!("[[key]]\nname = \"{name}\"\nsha256 = \"{}\"\n{more}\n", name.repeat(64))
        };
        assert_eq!(smallest(""), 100);
        assert_eq!(smallest(&key("a", "")), 100);
        let two = key("a", "open_streams = 7") + &key("b", "open_streams = 200");
        assert_eq!(smallest(&two), 7);
        assert_eq!(smallest(&(key("c", "requests_per_minute = 500") + &two)), 0);
        assert_eq!(smallest(&key("a", "tokens_per_minute = 500")), 0);
    }
}
