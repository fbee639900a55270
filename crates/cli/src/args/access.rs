//! How a target is reached beside its URL, for all stress commands.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use stress::config::Header;
use stress::secret::Secret;

use crate::exit_code::Failure;

/// What a request to the target carries, and whose certificates are trusted.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Access {
    /// Request header (repeatable)
    #[arg(long, value_name = "'K: V'")]
    pub header: Vec<String>,
    /// Environment variable that holds the API key
    #[arg(long, value_name = "VAR")]
    pub api_key_env: Option<String>,
    /// Certificate authorities to trust, as PEM, beside the system's
    #[arg(long, value_name = "FILE")]
    pub cacert: Option<PathBuf>,
    /// Accept any certificate
    #[arg(long)]
    pub insecure: bool,
}

impl Access {
    /// The headers.
    ///
    /// # Errors
    /// When one is not written as a header is.
    pub(crate) fn headers(&self) -> Result<Vec<Header>, Failure> {
        let headers = self.header.iter().map(|text| text.parse::<Header>());
        headers
            .collect::<Result<_, _>>()
            .map_err(|error| Failure::usage(anyhow!("--header: {error}")))
    }
}

/// The key in the environment variable that `--api-key-env`, or a scenario's `api_key_env`, names.
///
/// # Errors
/// When it is not set, or blank.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line is the one that reads the environment"
)]
pub(crate) fn api_key(variable: &str) -> Result<Secret, Failure> {
    match std::env::var(variable) {
        Ok(key) if !key.trim().is_empty() => Ok(Secret::new(key.trim())),
        _ => Err(Failure::environment(anyhow!(
            "the environment variable {variable}, named by --api-key-env, is not set"
        ))),
    }
}
