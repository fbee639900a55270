//! What the environment says about media.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use media::Limits;
use media::provider::openai::Base;
use media::settings::{Folder, Places, ProviderSettings};
use media::store::{Kind, S3Settings};
use runtime::secret::Secret;

/// How many windows of a recording are listened to at once, as sanzaru's users write it.
const WINDOWS: &str = "SANZARU_TRANSCRIBE_MAX_CONCURRENCY";

/// What the environment says. Read once, at the start.
#[derive(Debug, Default)]
pub(super) struct Environment {
    media: Option<PathBuf>,
    /// Video, image, audio.
    folders: [Option<PathBuf>; 3],
    base_url: Option<String>,
    api_key: Option<String>,
    storage: Option<String>,
    windows: Option<String>,
    s3: S3Variables,
}

/// Where an object storage is: the bucket in a variable of ours, the rest as every tool of Amazon's
/// reads it.
#[derive(Debug, Default)]
struct S3Variables {
    bucket: Option<String>,
    prefix: Option<String>,
    endpoint: Option<String>,
    region: Option<String>,
    access_key_id: Option<Secret>,
    secret_access_key: Option<Secret>,
    session_token: Option<Secret>,
}

impl Environment {
    /// Reads it. An empty variable is none.
    pub(super) fn read() -> Self {
        Self::from(|name| env::var_os(name).filter(|value| !value.is_empty()))
    }

    pub(super) fn from(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let path = |name: &str| variable(name).map(PathBuf::from);
        let text = |name: &str| variable(name).and_then(|value| value.into_string().ok());
        let secret = |name: &str| text(name).map(Secret::new);
        Self {
            media: path("WEIR_MEDIA_PATH").or_else(|| path("SANZARU_MEDIA_PATH")),
            folders: ["VIDEO_PATH", "IMAGE_PATH", "AUDIO_PATH"].map(path),
            base_url: text("OPENAI_BASE_URL"),
            api_key: text("OPENAI_API_KEY"),
            storage: text("STORAGE_BACKEND"),
            windows: text(WINDOWS),
            s3: S3Variables {
                bucket: text("WEIR_S3_BUCKET"),
                prefix: text("WEIR_S3_PREFIX"),
                endpoint: text("AWS_ENDPOINT_URL_S3").or_else(|| text("AWS_ENDPOINT_URL")),
                region: text("AWS_REGION").or_else(|| text("AWS_DEFAULT_REGION")),
                access_key_id: secret("AWS_ACCESS_KEY_ID"),
                secret_access_key: secret("AWS_SECRET_ACCESS_KEY"),
                session_token: secret("AWS_SESSION_TOKEN"),
            },
        }
    }

    /// Where media are: as `STORAGE_BACKEND` says, a folder of its own for each kind before one for
    /// all.
    ///
    /// # Errors
    /// When the backend is unknown, or there is no bucket.
    pub(super) fn places(&self) -> anyhow::Result<Option<Places>> {
        match self.storage.as_deref() {
            None | Some("local") => {}
            Some("s3") => return self.s3.places().map(Some),
            Some(other) => bail!(
                "STORAGE_BACKEND={other} is not supported here: set it to local or s3, or unset it"
            ),
        }
        let media = self.media.as_deref();
        let mut folders = Kind::ALL.map(|kind| Some(Folder::beneath(media?, kind)));
        for (folder, own) in folders.iter_mut().zip(&self.folders) {
            if let Some(own) = own {
                *folder = Some(Folder { path: own.clone(), make: false });
            }
        }
        Ok(folders.iter().any(Option::is_some).then_some(Places::Folders(folders)))
    }

    /// How many windows of a recording are listened to at once, as far as it says. More than can be is
    /// taken as the most, since sanzaru has no such bound.
    ///
    /// # Errors
    /// When it is no number above zero.
    pub(super) fn windows(&self) -> anyhow::Result<Option<usize>> {
        let Some(text) = self.windows.as_deref() else { return Ok(None) };
        match text.trim().parse::<usize>() {
            Ok(windows) if windows > 0 => Ok(Some(windows.min(Limits::MOST_WINDOWS))),
            _ => bail!("{WINDOWS}={text} is no number above zero"),
        }
    }

    /// The provider, when a key or an address says that there is one.
    ///
    /// # Errors
    /// When the address is none.
    pub(super) fn provider(&self) -> anyhow::Result<Option<ProviderSettings>> {
        if self.base_url.is_none() && self.api_key.is_none() {
            return Ok(None);
        }
        let base = self.base_url.as_deref().unwrap_or(Base::OPENAI);
        let base = Base::parse(base).context("OPENAI_BASE_URL")?;
        Ok(Some(ProviderSettings { base, key: self.api_key.clone().map(Secret::new) }))
    }
}

impl S3Variables {
    fn places(&self) -> anyhow::Result<Places> {
        let bucket = self.bucket.clone().ok_or_else(|| {
            anyhow!("STORAGE_BACKEND=s3 needs a bucket: name one by WEIR_S3_BUCKET")
        })?;
        let has_key = self.access_key_id.is_some() && self.secret_access_key.is_some();
        if self.endpoint.is_some() && !has_key {
            bail!(
                "AWS_ENDPOINT_URL needs a key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY \
                 (only Amazon gives one by the machine's role)"
            );
        }
        Ok(Places::S3(Box::new(S3Settings {
            endpoint: self.endpoint.clone(),
            bucket,
            region: self.region.clone().unwrap_or_else(|| S3Settings::REGION.to_owned()),
            prefix: self.prefix.clone().unwrap_or_default().trim_matches('/').to_owned(),
            access_key_id: self.access_key_id.clone(),
            secret_access_key: self.secret_access_key.clone(),
            session_token: self.session_token.clone(),
            virtual_host: false,
            scratch: env::temp_dir(),
        })))
    }
}
