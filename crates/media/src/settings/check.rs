//! From `Config` to `Settings`: every check, every default.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use http::uri::{Authority, Uri};
use runtime::config_file::{ConfigError, Source};
use runtime::secret::Secret;
use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use super::{Folder, GuardSettings, Places, ProviderSettings, Settings, Surroundings};
use crate::config::{self, Config, Text};
use crate::limits::LimitError;
use crate::provider::openai::Base;
use crate::store::{S3Settings, SafeName};
use crate::upstream::Trust;

/// A check's answer; the error is boxed because it is large and rare.
type Checked<T> = Result<T, Box<ConfigError>>;

#[derive(Clone, Copy)]
struct Check<'a> {
    source: Source<'a>,
    surroundings: Surroundings<'a>,
}

pub(super) fn check(
    mut config: Config,
    source: Source<'_>,
    surroundings: Surroundings<'_>,
) -> Checked<Settings> {
    let check = Check { source, surroundings };
    let limits = std::mem::take(&mut config.limits);
    let ffmpeg = config.ffmpeg.take().map(|program| match program.components().count() {
        // A word alone is looked for where programs are.
        1 => program,
        _ => surroundings.folder.join(program),
    });
    Ok(Settings {
        places: check.places(&config)?,
        provider: config.provider.as_ref().map(|one| check.provider(one)).transpose()?,
        guard: check.guard(&config.guard)?,
        on_conflict: config.on_conflict,
        ffmpeg,
        trust: config.ca.as_ref().map(|ca| check.trust(ca)).transpose()?,
        limits: limits.check().map_err(|error| check.limit(&error))?,
    })
}

impl Check<'_> {
    fn path(self, written: &Path) -> PathBuf {
        self.surroundings.folder.join(written)
    }

    /// A folder that must be there.
    fn folder(self, key: &str, written: &Spanned<PathBuf>) -> Checked<PathBuf> {
        let folder = self.path(written.get_ref());
        if folder.is_dir() {
            return Ok(folder);
        }
        let message = format!("there is no folder {}", folder.display());
        Err(self.source.error(Some(written.span()), key, message, "make it, or name another one"))
    }

    fn places(self, config: &Config) -> Checked<Option<Places>> {
        let own = [
            ("media.videos", &config.videos),
            ("media.images", &config.images),
            ("media.audio", &config.audio),
        ];
        let first_own = own.iter().find_map(|(key, written)| Some((*key, written.as_ref()?)));
        let twice = |span, key, other| {
            let remedy = format!("leave out one of {key} and {other}: media are in one place");
            Err(self.source.error(Some(span), key, format!("{other} is there as well"), remedy))
        };
        match (&config.folder, first_own, &config.s3) {
            (None, None, None) => Ok(None),
            (Some(folder), Some((key, _)), _) => twice(folder.span(), "media.folder", key),
            (Some(folder), None, Some(_)) => twice(folder.span(), "media.folder", "media.s3"),
            (None, Some((key, own)), Some(_)) => twice(own.span(), key, "media.s3"),
            (Some(folder), None, None) => Ok(Some(Places::beneath(&self.path(folder.get_ref())))),
            (None, None, Some(s3)) => Ok(Some(Places::S3(Box::new(self.s3(s3)?)))),
            (None, Some(_), None) => {
                let mut folders = [None, None, None];
                for ((key, written), folder) in own.into_iter().zip(&mut folders) {
                    let path = written.as_ref().map(|it| self.folder(key, it)).transpose()?;
                    *folder = path.map(|path| Folder { path, make: false });
                }
                Ok(Some(Places::Folders(folders)))
            }
        }
    }

    fn s3(self, written: &config::S3) -> Checked<S3Settings> {
        let refuse = |text: &Text, key, message: &str, remedy: &str| {
            Err(self.source.error(Some(text.span()), key, message, remedy))
        };
        if written.bucket.get_ref().is_empty() {
            return refuse(&written.bucket, "media.s3.bucket", "it is empty", "name a bucket");
        }
        if let Some(endpoint) = &written.endpoint {
            let is_url = endpoint.get_ref().parse::<Uri>().is_ok_and(|uri| {
                matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none()
            });
            if !is_url {
                let remedy = "write it like \"http://127.0.0.1:9000\"";
                return refuse(endpoint, "media.s3.endpoint", "it is no http or https URL", remedy);
            }
        }
        let prefix = written.prefix.as_ref().map(|prefix| {
            let name = SafeName::parse(prefix.get_ref().trim_matches('/'));
            name.map(|name| name.to_string()).map_err(|error| {
                let remedy = "write it like \"team/media\"";
                self.source.error(Some(prefix.span()), "media.s3.prefix", error.to_string(), remedy)
            })
        });
        let secret = |key, variable: &Option<Text>| {
            variable.as_ref().map(|name| self.secret(key, name)).transpose()
        };
        let access_key_id = secret("media.s3.access_key_id_env", &written.access_key_id_env)?;
        let key = "media.s3.secret_access_key_env";
        let secret_access_key = secret(key, &written.secret_access_key_env)?;
        let half = match (&written.access_key_id_env, &written.secret_access_key_env) {
            (Some(one), None) => Some((one, "its other half, secret_access_key_env, is missing")),
            (None, Some(other)) => Some((other, "its other half, access_key_id_env, is missing")),
            _ => None,
        };
        if let Some((text, message)) = half {
            return refuse(text, "media.s3", message, "name the variables of both halves");
        }
        if let (Some(endpoint), None) = (&written.endpoint, &access_key_id) {
            let message = "there is no key for it, and only at Amazon can one be asked for";
            let remedy = "add access_key_id_env and secret_access_key_env";
            return refuse(endpoint, "media.s3.endpoint", message, remedy);
        }
        let scratch = written.scratch.as_ref();
        let scratch = scratch.map(|folder| self.folder("media.s3.scratch", folder)).transpose()?;
        Ok(S3Settings {
            endpoint: written.endpoint.as_ref().map(|endpoint| endpoint.get_ref().clone()),
            bucket: written.bucket.get_ref().clone(),
            region: written.region.clone().unwrap_or_else(|| S3Settings::REGION.to_owned()),
            prefix: prefix.transpose()?.unwrap_or_default(),
            access_key_id,
            secret_access_key,
            session_token: secret("media.s3.session_token_env", &written.session_token_env)?,
            virtual_host: written.virtual_host,
            scratch: scratch.unwrap_or_else(|| self.surroundings.temporary.to_owned()),
        })
    }

    fn provider(self, written: &config::Provider) -> Checked<ProviderSettings> {
        let url = written.base_url.as_ref();
        let base = Base::parse(url.map_or(Base::OPENAI, |url| url.get_ref())).map_err(|error| {
            let span = url.map(Spanned::span);
            self.source.error(span, "media.provider.base_url", error.to_string(), "")
        })?;
        let key = written.key_env.as_ref();
        let key = key.map(|name| self.header("media.provider.key_env", name)).transpose()?;
        if written.base_url.is_none() && key.is_none() {
            let remedy = "name a key_env, a base_url, or leave the table out";
            return Err(self.source.error(None, "media.provider", "it is empty", remedy));
        }
        Ok(ProviderSettings { base, key })
    }

    fn guard(self, written: &config::Guard) -> Checked<GuardSettings> {
        for host in &written.hosts {
            let bare = host.get_ref().strip_suffix(":*").unwrap_or(host.get_ref());
            if bare.parse::<Authority>().is_err() {
                let remedy = "write it like \"media.example.com\" or \"media.example.com:8000\"";
                let span = Some(host.span());
                return Err(self.source.error(span, "media.guard.hosts", "it is no host", remedy));
            }
        }
        for origin in &written.origins {
            let uri = origin.get_ref().parse::<Uri>();
            let is_origin = uri.is_ok_and(|uri| {
                matches!(uri.scheme_str(), Some("http" | "https")) && uri.path() == "/"
            });
            if !is_origin {
                let remedy = "write it like \"https://app.example.com\"";
                let span = Some(origin.span());
                return Err(self.source.error(
                    span,
                    "media.guard.origins",
                    "it is no origin",
                    remedy,
                ));
            }
        }
        let texts = |written: &[Text]| written.iter().map(|it| it.get_ref().clone()).collect();
        let key = written.key_env.as_ref();
        Ok(GuardSettings {
            hosts: texts(&written.hosts),
            origins: texts(&written.origins),
            key: key.map(|name| self.header("media.guard.key_env", name)).transpose()?,
        })
    }

    fn trust(self, written: &Spanned<PathBuf>) -> Checked<Trust> {
        Trust::file(&self.path(written.get_ref())).map_err(|error| {
            self.source.error(
                Some(written.span()),
                "media.ca",
                error.to_string(),
                "name a PEM file",
            )
        })
    }

    fn secret(self, key: &str, name: &Text) -> Checked<Secret> {
        self.source.secret(key, name, self.surroundings.variable)
    }

    fn header(self, key: &str, name: &Text) -> Checked<Secret> {
        self.source.header_secret(key, name, self.surroundings.variable)
    }

    fn limit(self, error: &LimitError) -> Box<ConfigError> {
        let LimitError { name, must } = error;
        let key = format!("media.limits.{name}");
        self.source.error(written_limit(self.source, name), &key, format!("it must be {must}"), "")
    }
}

/// Where a limit is written. Looked up only once one is refused: a value with its place would be a
/// nuisance everywhere else.
fn written_limit(source: Source<'_>, name: &str) -> Option<Range<usize>> {
    #[derive(Deserialize)]
    struct File {
        media: Media,
    }
    #[derive(Deserialize)]
    struct Media {
        limits: BTreeMap<String, Spanned<IgnoredAny>>,
    }
    let file: File = source.parse().ok()?;
    file.media.limits.get(name).map(Spanned::span)
}
