//! What was asked for, before it is checked: flags and scenario files say the same words.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use results::{Ideal, RunKind, Slo};
use serde::{Deserialize, Deserializer, de};

use crate::arrival::{Arrival, Start};
use crate::capacity::Bounds;
use crate::ladder::Ladder;
use crate::notation::{NotationError, duration, optional_bytes, optional_duration};
use crate::secret::Secret;
use wire::Dialect;

/// Everything that flags or a scenario file may say; what is not said is `None` or empty.
///
/// The keys of a scenario file are the flags' names without their dashes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// What a scenario file is for, in a sentence.
    pub description: Option<String>,
    /// The run's name.
    pub name: Option<String>,
    /// The dialect.
    #[serde(deserialize_with = "crate::dialect::optional")]
    pub api: Option<Dialect>,
    /// The model to ask for.
    pub model: Option<String>,
    /// The prompt, or `@FILE`.
    pub prompt: Option<String>,
    /// A file of prompts, one JSON value a line.
    pub prompts: Option<PathBuf>,
    /// The most tokens to ask for.
    pub max_tokens: Option<u64>,
    /// Headers to send beside our own, or instead of them.
    pub header: Vec<Header>,
    /// The environment variable that holds the key. Reading it is the command line's part.
    pub api_key_env: Option<String>,
    /// The key itself, never from a file.
    #[serde(skip)]
    pub api_key: Option<Secret>,
    /// A file with the whole body of the requests, written `@FILE` or `FILE`.
    pub body: Option<PathBuf>,
    /// Users of each level.
    pub ladder: Option<Ladder>,
    /// Closed loop: how users start.
    pub start: Option<Start>,
    /// How requests arrive.
    pub arrival: Option<Arrival>,
    /// How long requests arrive (open loop) or users repeat (closed loop).
    #[serde(deserialize_with = "optional_duration")]
    pub duration: Option<Duration>,
    /// Open loop: most streams that may be open at once.
    pub max_open: Option<u64>,
    /// Closed loop: requests that each user makes.
    pub requests_per_user: Option<u64>,
    /// Closed loop: pause between two requests of a user.
    #[serde(deserialize_with = "optional_duration")]
    pub think: Option<Duration>,
    /// Chunks that a complete stream needs.
    pub min_chunks: Option<u64>,
    /// Body bytes that a complete stream needs.
    #[serde(deserialize_with = "optional_bytes")]
    pub min_bytes: Option<u64>,
    /// Deadline for the first chunk.
    #[serde(deserialize_with = "optional_duration")]
    pub timeout_first: Option<Duration>,
    /// Deadline between two chunks.
    #[serde(deserialize_with = "optional_duration")]
    pub timeout_idle: Option<Duration>,
    /// Deadline for the whole stream.
    #[serde(deserialize_with = "optional_duration")]
    pub timeout_total: Option<Duration>,
    /// A gap longer than this is a stall.
    #[serde(deserialize_with = "optional_duration")]
    pub stall: Option<Duration>,
    /// The predicates of the SLO.
    #[serde(deserialize_with = "predicates")]
    pub slo: Vec<Slo>,
    /// Search the highest level that meets the SLO, instead of climbing a ladder.
    pub find_capacity: Option<Bounds>,
    /// Profile of the embedded simulator.
    pub profile: Option<String>,
    /// Seed of everything random in tester and embedded simulator.
    pub seed: Option<u64>,
    /// The ideal course of every answer, where the target does not announce it.
    #[serde(deserialize_with = "optional_ideal")]
    pub ideal: Option<Ideal>,
    /// A PEM file of certificates to trust beside the system's.
    pub cacert: Option<PathBuf>,
    /// Take any certificate.
    pub insecure: Option<bool>,
    /// Speak HTTP/2 without TLS, with prior knowledge.
    pub http2: Option<bool>,
    /// The monthly price of one server.
    pub server_cost: Option<f64>,
    /// Users to plan replicas for.
    pub plan_users: Option<u64>,
}

impl Config {
    /// This configuration with everything it does not say taken from `base`.
    ///
    /// Headers join, the nearer one winning by name; predicates replace the base's altogether.
    /// What says how the load arrives (ladder or search, closed or open loop) replaces what
    /// excludes it.
    #[must_use]
    pub fn over(self, mut base: Self) -> Self {
        if self.find_capacity.is_some() {
            base.ladder = None;
        }
        if self.ladder.is_some() {
            base.find_capacity = None;
        }
        if self.arrival.as_ref().is_some_and(|arrival| *arrival != Arrival::Burst) {
            (base.ladder, base.find_capacity, base.start) = (None, None, None);
            (base.requests_per_user, base.think) = (None, None);
        }
        if self.requests_per_user.is_some() {
            base.duration = None;
        }
        if self.duration.is_some() {
            base.requests_per_user = None;
        }
        if self.body.is_some() || self.prompt.is_some() || self.prompts.is_some() {
            (base.body, base.prompt, base.prompts) = (None, None, None);
        }
        let kept = base
            .header
            .into_iter()
            .filter(|old| !self.header.iter().any(|new| new.name.eq_ignore_ascii_case(&old.name)));
        let header = kept.chain(self.header.iter().cloned()).collect();
        Self {
            description: self.description.or(base.description),
            name: self.name.or(base.name),
            api: self.api.or(base.api),
            model: self.model.or(base.model),
            prompt: self.prompt.or(base.prompt),
            prompts: self.prompts.or(base.prompts),
            max_tokens: self.max_tokens.or(base.max_tokens),
            header,
            api_key_env: self.api_key_env.or(base.api_key_env),
            api_key: self.api_key.or(base.api_key),
            body: self.body.or(base.body),
            ladder: self.ladder.or(base.ladder),
            start: self.start.or(base.start),
            arrival: self.arrival.or(base.arrival),
            duration: self.duration.or(base.duration),
            max_open: self.max_open.or(base.max_open),
            requests_per_user: self.requests_per_user.or(base.requests_per_user),
            think: self.think.or(base.think),
            min_chunks: self.min_chunks.or(base.min_chunks),
            min_bytes: self.min_bytes.or(base.min_bytes),
            timeout_first: self.timeout_first.or(base.timeout_first),
            timeout_idle: self.timeout_idle.or(base.timeout_idle),
            timeout_total: self.timeout_total.or(base.timeout_total),
            stall: self.stall.or(base.stall),
            slo: if self.slo.is_empty() { base.slo } else { self.slo },
            find_capacity: self.find_capacity.or(base.find_capacity),
            profile: self.profile.or(base.profile),
            seed: self.seed.or(base.seed),
            ideal: self.ideal.or(base.ideal),
            cacert: self.cacert.or(base.cacert),
            insecure: self.insecure.or(base.insecure),
            http2: self.http2.or(base.http2),
            server_cost: self.server_cost.or(base.server_cost),
            plan_users: self.plan_users.or(base.plan_users),
        }
    }
}

/// A header to send, written `K: V`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name, in lower case.
    pub name: String,
    /// Its value.
    pub value: Secret,
}

/// Headers that describe the message's own framing: the client alone sets them.
const OWN_HEADERS: [&str; 8] = [
    "accept-encoding",
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "te",
    "transfer-encoding",
    "upgrade",
];

impl FromStr for Header {
    type Err = NotationError;

    /// The value is not repeated in an error: it may be a key.
    fn from_str(text: &str) -> Result<Self, NotationError> {
        let shown = text.split(':').next().filter(|name| name.len() < text.len()).unwrap_or("");
        let error = |reason: &str| NotationError::new("header", shown, reason);
        let (name, value) = text.split_once(':').ok_or_else(|| error("write 'Name: value'"))?;
        let name = name.trim().to_ascii_lowercase();
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(error("the name holds a character that names cannot"));
        }
        if OWN_HEADERS.contains(&name.as_str()) {
            return Err(error("this header describes the framing and is set by weir itself"));
        }
        let value = value.trim();
        if !value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte)) {
            return Err(error("the value holds a character that is not printable ASCII"));
        }
        Ok(Self { name, value: Secret::new(value) })
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Reads `first=1100ms,gap=140ms`.
///
/// # Errors
/// When one of the two is missing or no duration.
pub fn parse_ideal(text: &str) -> Result<Ideal, NotationError> {
    let error = || NotationError::new("ideal", text, "write first=1100ms,gap=140ms");
    let (first, gap) = text.split_once(',').ok_or_else(error)?;
    let millis = |part: &str, name: &str| {
        let value = part.trim().strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
        Ok(results::units::millis(duration(value.ok_or_else(error)?)?))
    };
    Ok(Ideal { first_ms: millis(first, "first")?, gap_ms: millis(gap, "gap")? })
}

/// Predicates about something that streams have.
fn predicates<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Slo>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        One(String),
        Many(Vec<String>),
    }
    let texts = match Written::deserialize(deserializer)? {
        Written::One(text) => vec![text],
        Written::Many(texts) => texts,
    };
    let parse = |text: &String| Slo::parse_for(RunKind::Streams, text).map_err(de::Error::custom);
    texts.iter().map(parse).collect()
}

fn optional_ideal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Ideal>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_ideal(&text).map(Some).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(toml: &str) -> Config {
        toml::from_str(toml).unwrap()
    }

    #[test]
    fn a_flag_wins_over_the_scenario_and_the_rest_stays() {
        let scenario = config("ladder = '1,2'\nmodel = 'm'\nslo = ['complete >= 90%']");
        let flags = config("ladder = '3'\nslo = 'success >= 99%'");
        let both = flags.over(scenario);
        assert_eq!(both.ladder.unwrap().levels(), [3]);
        assert_eq!(both.model.as_deref(), Some("m"));
        assert_eq!(both.slo.iter().map(Slo::to_string).collect::<Vec<_>>(), ["success >= 99%"]);
    }

    #[test]
    fn a_search_replaces_a_ladder_and_an_open_loop_replaces_users() {
        let base = || config("ladder = '1,2'\nrequests-per-user = 3\nthink = '1s'");
        assert_eq!(config("find-capacity = '1..9'").over(base()).ladder, None);
        let open = config("arrival = 'poisson=5/s'\nduration = '10s'").over(base());
        assert_eq!((open.ladder, open.requests_per_user, open.think), (None, None, None));
    }

    #[test]
    fn headers_join_by_name() {
        let base = config("header = ['X-One: 1', 'X-Two: 2']");
        let both = config("header = ['x-two: 3']").over(base);
        let shown: Vec<_> =
            both.header.iter().map(|h| (h.name.as_str(), h.value.expose())).collect();
        assert_eq!(shown, [("x-one", "1"), ("x-two", "3")]);
    }

    #[test]
    fn headers_that_cannot_be_sent_are_refused_without_their_value() {
        for wrong in [
            "sk-secret",
            ": sk-secret",
            "a b: sk-secret",
            "host: sk-secret",
            "x: sk-secret\r\ny: z",
        ] {
            let message = wrong.parse::<Header>().unwrap_err().to_string();
            assert!(!message.contains("sk-secret"), "{message}");
        }
    }

    #[test]
    fn an_ideal_has_both_parts() {
        let ideal = parse_ideal("first=1100ms,gap=140ms").unwrap();
        assert_eq!((ideal.first_ms, ideal.gap_ms), (1100.0, 140.0));
        for wrong in ["", "first=1s", "gap=1s,first=1s", "first=1,gap=1"] {
            assert!(parse_ideal(wrong).is_err(), "{wrong}");
        }
    }
}
