//! What somebody wrote: the `[media]` table of a TOML file. [`Settings`](crate::Settings) is what we
//! make of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use crate::limits::LimitsConfig;
use crate::store::OnConflict;

/// A text together with its place in the file, so that a refusal can point at it.
pub type Text = Spanned<String>;

/// The file. Its other tables belong to somebody else: `weir serve` has its own in the same file.
#[derive(Debug, Deserialize)]
pub(crate) struct File {
    pub(crate) media: Option<Config>,
    #[serde(flatten)]
    pub(crate) others: BTreeMap<String, IgnoredAny>,
}

/// The `[media]` table. Everything has a default; unknown keys are refused. Paths are relative to
/// the file's folder.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// A folder with videos/, images/ and audio/, which are made when missing.
    pub folder: Option<Spanned<PathBuf>>,
    /// The folder of videos, which must be there. Not beside `folder`.
    pub videos: Option<Spanned<PathBuf>>,
    /// The folder of pictures, likewise.
    pub images: Option<Spanned<PathBuf>>,
    /// The folder of sound, likewise.
    pub audio: Option<Spanned<PathBuf>>,
    /// An object storage in place of folders.
    pub s3: Option<S3>,
    /// What happens when a name is taken and the caller does not say.
    pub on_conflict: OnConflict,
    /// The program that encodes MP3.
    pub ffmpeg: Option<PathBuf>,
    /// A PEM file of certificates to trust instead of the system's, for the provider and the object
    /// storage.
    pub ca: Option<Spanned<PathBuf>>,
    /// Who makes the media. Without it the environment says.
    pub provider: Option<Provider>,
    /// Who may ask over HTTP.
    pub guard: Guard,
    /// The bounds.
    pub limits: LimitsConfig,
}

/// An object storage that speaks S3.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3 {
    /// The bucket.
    pub bucket: Text,
    /// The address, such as `http://127.0.0.1:9000`. Default: Amazon's, of the region.
    pub endpoint: Option<Text>,
    /// The region. Default: us-east-1.
    pub region: Option<String>,
    /// What all keys begin with; videos/, images/ and audio/ follow. Default: nothing.
    pub prefix: Option<Text>,
    /// The environment variable that holds the key's public half.
    pub access_key_id_env: Option<Text>,
    /// The environment variable that holds its secret half. Without the two the machine's role is
    /// asked for a key, at Amazon.
    pub secret_access_key_env: Option<Text>,
    /// The environment variable that holds the session's token, where keys are temporary.
    pub session_token_env: Option<Text>,
    /// Whether the bucket is a part of the host's name and not of the path.
    #[serde(default)]
    pub virtual_host: bool,
    /// A local folder for copies that decoders read. Default: the system's for temporary files.
    pub scratch: Option<Spanned<PathBuf>>,
}

/// Who makes the media, over the OpenAI-compatible wire.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// The base URL, as the official SDKs take it. Default: OpenAI's.
    pub base_url: Option<Text>,
    /// The environment variable that holds the key. Without it none is sent.
    pub key_env: Option<Text>,
}

/// Who may ask over HTTP. The command line goes before it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Guard {
    /// Hosts that are answered for, each `HOST` or `HOST:PORT`. Default: this machine's own names
    /// on a loopback address, any elsewhere.
    pub hosts: Vec<Text>,
    /// Pages that may ask, each `https://HOST` or `https://HOST:PORT`. Default: this machine's, and
    /// those of the host that is asked.
    pub origins: Vec<Text>,
    /// The environment variable that holds the key that clients must show.
    pub key_env: Option<Text>,
}
