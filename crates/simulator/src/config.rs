//! What the user writes ([`Config`]) and what the server runs with ([`Settings`]).

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::faults::Faults;
use crate::media::{MAX_VIDEO_BYTES, MIN_VIDEO_BYTES};
use crate::profile::{Profile, ProfileError};

/// Where the server listens unless told otherwise.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:8100";

/// The profile unless told otherwise.
pub const DEFAULT_PROFILE: &str = "claude-sonnet-4";

/// The seed unless told otherwise.
pub const DEFAULT_SEED: u64 = 1;

/// How long running answers may take to finish after a shutdown was asked for, unless told
/// otherwise.
pub const DEFAULT_DRAIN: Duration = Duration::from_secs(10);

/// The configuration file, and on top of it what the command line says.
///
/// ```toml
/// listen = "127.0.0.1:8100"
/// profile = "slow"          # built-in, from below, or a file
/// seed = 7
/// drain = "10s"
/// video_bytes = 7691516
///
/// [profiles.slow]
/// ttft = "2s"
/// gap = { distribution = "gamma", mean = "100ms", cv = 0.5 }
/// events = 50
///
/// [[faults]]
/// fault = "cut@10"
/// probability = 0.01
/// ```
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address to listen on; port 0 takes a free one.
    pub listen: Option<SocketAddr>,
    /// Name of a profile, or path of a profile file.
    pub profile: Option<String>,
    /// The seed of everything random.
    pub seed: Option<u64>,
    /// How long running answers may take to finish after a shutdown was asked for.
    #[serde(default, deserialize_with = "crate::delay::optional")]
    pub drain: Option<Duration>,
    /// Worker threads, each with its own listener; by default one per processor.
    pub workers: Option<usize>,
    /// Exact length of every video in bytes; by default they are small, some 10 to 100 KB.
    pub video_bytes: Option<u64>,
    /// Profiles by name, in addition to the built-in ones.
    #[serde(default)]
    pub profiles: BTreeMap<String, Profile>,
    /// Faults that happen by chance.
    #[serde(default)]
    pub faults: Vec<FaultByChance>,
}

/// A fault that happens to some of the requests.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultByChance {
    /// What happens, in the form of the header `x-weir-fault`.
    #[serde(deserialize_with = "fault")]
    pub fault: Faults,
    /// To which share of the requests, 0 to 1; each request draws from its own seed.
    #[serde(deserialize_with = "probability")]
    pub probability: f64,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        reason: std::io::Error,
    },
    /// The configuration is not valid.
    #[error("the configuration {name} is not valid: {message}")]
    Invalid {
        /// Its file.
        name: String,
        /// What is wrong, with the line and a caret.
        message: String,
    },
    /// A profile file is not valid.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// No profile has this name.
    #[error("unknown profile `{name}`; known are {known}, or the path of a .toml file")]
    UnknownProfile {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The number of workers is out of range.
    #[error("{0} workers are not possible; 1 to {MAX_WORKERS} are")]
    Workers(usize),
    /// The length of videos is out of range.
    #[error(
        "a video of {0} bytes is not possible; {MIN_VIDEO_BYTES} to {MAX_VIDEO_BYTES} bytes are"
    )]
    VideoBytes(u64),
}

/// Most worker threads: more than that only add descriptors.
pub const MAX_WORKERS: usize = 1024;

/// What the server runs with: a [`Config`] in which everything is there and valid.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) profile: Arc<Profile>,
    pub(crate) profiles: BTreeMap<String, Arc<Profile>>,
    pub(crate) seed: u64,
    pub(crate) drain: Duration,
    pub(crate) workers: usize,
    pub(crate) video_bytes: Option<u64>,
    pub(crate) faults: Vec<FaultByChance>,
}

impl Config {
    /// Reads a configuration from TOML; `name` is its file, for the error.
    ///
    /// # Errors
    /// Names the line, what was found and what is known.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error: toml::de::Error| ConfigError::Invalid {
            name: name.to_owned(),
            message: error.to_string().trim_end().to_owned(),
        })
    }

    /// Reads a configuration file.
    ///
    /// # Errors
    /// When it cannot be read or is not valid.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        Self::from_toml(&path.display().to_string(), &read(path)?)
    }
}

impl Settings {
    /// Checks a configuration and fills in what it leaves open. Reads the profile's file, if it
    /// names one, and nothing else; no port is touched.
    ///
    /// # Errors
    /// Says what is wrong and what is known.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let mut profiles: BTreeMap<String, Arc<Profile>> =
            Profile::all_built_in().into_iter().map(|(name, own)| (name, Arc::new(own))).collect();
        profiles.extend(config.profiles.into_iter().map(|(name, own)| (name, Arc::new(own))));
        let name = config.profile.as_deref().unwrap_or(DEFAULT_PROFILE);
        let profile = match profiles.get(name) {
            Some(profile) => Arc::clone(profile),
            None => Arc::new(profile_file(name, &profiles)?),
        };
        let workers = config.workers.unwrap_or_else(runtime::workers::per_core);
        if !(1..=MAX_WORKERS).contains(&workers) {
            return Err(ConfigError::Workers(workers));
        }
        if let Some(bytes) = config.video_bytes
            && !(MIN_VIDEO_BYTES..=MAX_VIDEO_BYTES).contains(&bytes)
        {
            return Err(ConfigError::VideoBytes(bytes));
        }
        Ok(Self {
            listen: match config.listen {
                Some(listen) => listen,
                None => DEFAULT_LISTEN.parse().expect("a literal address"),
            },
            profile,
            profiles,
            seed: config.seed.unwrap_or(DEFAULT_SEED),
            drain: config.drain.unwrap_or(DEFAULT_DRAIN),
            workers,
            video_bytes: config.video_bytes,
            faults: config.faults,
        })
    }

    /// The address to listen on, as asked for: the port may be 0.
    #[must_use]
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// The profile of requests that name none.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The seed of everything random.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

fn profile_file(
    name: &str,
    profiles: &BTreeMap<String, Arc<Profile>>,
) -> Result<Profile, ConfigError> {
    let path = Path::new(name);
    if path.extension().is_none_or(|extension| extension != "toml") {
        let known = profiles.keys().cloned().collect::<Vec<_>>().join(", ");
        return Err(ConfigError::UnknownProfile { name: name.to_owned(), known });
    }
    Ok(Profile::from_toml(name, &read(path)?)?)
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path)
        .map_err(|reason| ConfigError::Unreadable { path: path.to_owned(), reason })
}

fn fault<'de, D: Deserializer<'de>>(from: D) -> Result<Faults, D::Error> {
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

fn probability<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let probability = f64::deserialize(from)?;
    if (0.0..=1.0).contains(&probability) {
        Ok(probability)
    } else {
        Err(D::Error::custom(format!("{probability} is not between 0 and 1")))
    }
}
