//! What is decided about an answer before the request's body is read.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use rand::RngExt;
use tokio::time::Instant;

use crate::api::{Api, Problem};
use crate::faults::Faults;
use crate::profile::Profile;
use crate::seed::{Identity, Purpose, Seed};
use crate::worker::Shared;

/// Chooses a profile for one request, by name.
const PROFILE: &str = "x-weir-profile";
/// Sets one request's seed.
const SEED: &str = "x-weir-seed";
/// Sets one request's faults; `none` switches off those that happen by chance.
pub(crate) const FAULT: &str = "x-weir-fault";
/// How often the official clients have tried this request before.
const RETRY_COUNT: &str = "x-stainless-retry-count";

/// How one request shall be answered.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) api: Api,
    /// When the request arrived: all deadlines count from here.
    pub(crate) started: Instant,
    pub(crate) profile: Arc<Profile>,
    pub(crate) seed: Seed,
    pub(crate) faults: Faults,
    /// Draws the answer's ids.
    pub(crate) identity: Identity,
    pub(crate) request_id: String,
    /// How often the client says that it has tried this before.
    pub(crate) tries_before: Option<u32>,
}

impl Plan {
    /// Decides by the server's settings and the request's headers. A plan always comes back,
    /// so that even a refusal has its request id.
    pub(crate) fn new(
        shared: &Shared,
        api: Api,
        headers: &HeaderMap,
        started: Instant,
    ) -> (Self, Result<(), Problem>) {
        let seed = Seed::of_request(shared.settings.seed, shared.next_request());
        let mut plan = Self {
            api,
            started,
            profile: Arc::clone(&shared.settings.profile),
            seed,
            faults: Faults::default(),
            identity: Identity::new(seed),
            request_id: String::new(),
            tries_before: None,
        };
        let read = plan.read_headers(shared, headers);
        plan.identity = Identity::new(plan.seed);
        plan.request_id = plan.identity.id("req_", 24);
        (plan, read)
    }

    fn read_headers(&mut self, shared: &Shared, headers: &HeaderMap) -> Result<(), Problem> {
        if let Some(seed) = text(headers, SEED)? {
            let seed = seed.parse().map_err(|_| {
                refused(format!("{SEED}: `{seed}` is not a whole number from 0 to 2^64 - 1"))
            })?;
            self.seed = Seed::pinned(seed);
        }
        if let Some(name) = text(headers, PROFILE)? {
            let profiles = &shared.settings.profiles;
            self.profile = profiles.get(name).cloned().ok_or_else(|| {
                let known = profiles.keys().cloned().collect::<Vec<_>>().join(", ");
                refused(format!("{PROFILE}: unknown profile `{name}`; known are {known}"))
            })?;
        }
        self.faults = match text(headers, FAULT)? {
            Some(faults) => faults.parse().map_err(|error| refused(format!("{FAULT}: {error}")))?,
            None => self.faults_by_chance(shared),
        };
        self.tries_before = text(headers, RETRY_COUNT)?.and_then(|count| count.parse().ok());
        self.end_of_tries(self.tries_before.unwrap_or(0));
        Ok(())
    }

    /// Drops the faults when the request has been tried so often that they are over.
    pub(crate) fn end_of_tries(&mut self, tries_before: u32) {
        if self.faults.tries.is_some_and(|tries| tries_before >= tries) {
            self.faults = Faults::default();
        }
    }

    fn faults_by_chance(&self, shared: &Shared) -> Faults {
        let mut generator = self.seed.generator(Purpose::FAULTS);
        let mut faults = Faults::default();
        for by_chance in &shared.settings.faults {
            if generator.random_bool(by_chance.probability) {
                faults.merge(&by_chance.fault);
            }
        }
        faults
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    headers
        .get(name)
        .map(|value| value.to_str().map_err(|_| refused(format!("{name}: not plain text"))))
        .transpose()
}

fn refused(message: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, message)
}
