//! A media folder in an object storage that speaks S3.
//!
//! An object appears when its last byte is there, as a whole, which is what a store promises. What
//! is different from a disk: a folder is only a part of a name and need not exist, there are no
//! links, and parts of an upload that was killed stay invisible in the bucket until its life-cycle
//! rule for incomplete multipart uploads removes them.
//!
//! Of `object_store` we use the S3 client without its own HTTP client and TLS library: requests go
//! over our [`Upstream`], signatures are made by ring.

mod connector;
mod writer;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::aws::{AmazonS3, AmazonS3Builder, S3ConditionalPut, S3CopyIfNotExists};
use object_store::list::{PaginatedListOptions, PaginatedListStore as _};
use object_store::path::Path;
use object_store::{
    BackoffConfig, GetOptions, GetRange, ObjectMeta, ObjectStore as _, ObjectStoreExt as _,
    RetryConfig,
};
use runtime::secret::Secret;
use tokio_util::task::TaskTracker;

use self::connector::OverUpstream;
pub use self::writer::PART_BYTES;
pub(super) use self::writer::RemoteWriter;
use super::listing::{FileInfo, Listing, MAX_WALKED};
use super::{NameError, OnConflict, SafeName, StoreError, Target};
use crate::{Limits, Upstream};

/// How long one request is tried again. Its signature is made once, and ages.
const RETRY_TIME: Duration = Duration::from_secs(180);

/// Where an object storage is, and how to get in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Settings {
    /// The address, such as `http://127.0.0.1:9000`. Without one it is Amazon's, of the region.
    pub endpoint: Option<String>,
    /// The bucket.
    pub bucket: String,
    /// The region; many others than Amazon take any.
    pub region: String,
    /// What every key begins with, without slashes at its ends; empty for the whole bucket.
    pub prefix: String,
    /// The key's public half. Without it the machine's role is asked for one, at Amazon.
    pub access_key_id: Option<Secret>,
    /// The key's secret half.
    pub secret_access_key: Option<Secret>,
    /// The session's token, where keys are temporary.
    pub session_token: Option<Secret>,
    /// Whether the bucket is a part of the host's name and not of the path.
    pub virtual_host: bool,
    /// A local folder for unnamed copies of files that a decoder reads. Copies take as much of it
    /// as the files that are decoded at the same time, and vanish with their readers.
    pub scratch: PathBuf,
}

impl S3Settings {
    /// The region that signatures name when nobody says: Amazon's first, and the one that servers
    /// which are not Amazon's expect.
    pub const REGION: &str = "us-east-1";
}

/// A folder in an object storage. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct RemoteFolder {
    s3: Arc<AmazonS3>,
    prefix: String,
    scratch: Arc<std::path::Path>,
    /// What clears up after uploads that were given up.
    clearing: TaskTracker,
}

impl RemoteFolder {
    pub(super) fn open(
        settings: &S3Settings,
        upstream: &Upstream,
        limits: &Limits,
    ) -> Result<Self, StoreError> {
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&settings.bucket)
            .with_region(&settings.region)
            .with_virtual_hosted_style_request(settings.virtual_host)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_copy_if_not_exists(S3CopyIfNotExists::Multipart)
            // Hashing parts of megabytes once more, on a thread of the runtime, is no gain: we
            // hash the file ourselves, and TLS protects the way.
            .with_unsigned_payload(true)
            .with_retry(retries(limits))
            .with_http_connector(OverUpstream(upstream.clone()));
        if let Some(endpoint) = &settings.endpoint {
            builder = builder.with_endpoint(endpoint).with_allow_http(true);
        }
        if let Some(id) = &settings.access_key_id {
            builder = builder.with_access_key_id(id.expose());
        }
        if let Some(secret) = &settings.secret_access_key {
            builder = builder.with_secret_access_key(secret.expose());
        }
        if let Some(token) = &settings.session_token {
            builder = builder.with_token(token.expose());
        }
        let refuse = |reason: String| StoreError::Folder {
            folder: format!("s3://{}/{}", settings.bucket, settings.prefix),
            reason,
        };
        if settings.bucket.is_empty() {
            return Err(refuse("name a bucket".to_owned()));
        }
        let prefix = match settings.prefix.as_str() {
            "" => String::new(),
            prefix => {
                let name = SafeName::parse(prefix).map_err(|error| refuse(error.to_string()))?;
                format!("{name}/")
            }
        };
        let s3 = builder.build().map_err(|error| refuse(error.to_string()))?;
        let scratch = settings.scratch.as_path().into();
        Ok(Self { s3: Arc::new(s3), prefix, scratch, clearing: TaskTracker::new() })
    }

    /// A local folder for copies.
    pub(super) fn scratch(&self) -> &std::path::Path {
        &self.scratch
    }

    /// The key of a name. Both are written alike, so that other tools find the object.
    fn key(&self, name: &str) -> Result<Path, StoreError> {
        Path::parse(format!("{}{name}", self.prefix))
            .map_err(|_| NameError::ControlCharacter(name.to_owned()).into())
    }

    pub(super) async fn info(&self, name: &SafeName) -> Result<FileInfo, StoreError> {
        let fail = |error| StoreError::from_remote(error, name.as_str());
        let meta = self.s3.head(&self.key(name.as_str())?).await.map_err(fail)?;
        Ok(file_info(name.clone(), &meta))
    }

    /// The bytes of a part of a file, which must not have changed since `info` was read.
    pub(super) async fn read(
        &self,
        info: &FileInfo,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, object_store::Result<bytes::Bytes>>, StoreError> {
        if range.is_empty() {
            return Ok(futures_util::stream::empty().boxed());
        }
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            if_match: Some(info.etag.clone()),
            ..GetOptions::default()
        };
        let name = info.name.as_str();
        let answer = self.s3.get_opts(&self.key(name)?, options).await;
        let answer = answer.map_err(|error| StoreError::from_remote(error, name))?;
        Ok(answer.into_stream())
    }

    pub(super) async fn list(&self, listing: &Listing) -> Result<Vec<FileInfo>, StoreError> {
        let fail = |error| StoreError::from_remote(error, "the media folder");
        let delimiter = (!listing.goes_deeper()).then_some("/".into());
        let (mut found, mut seen, mut page_token) = (Vec::new(), 0, None);
        loop {
            let (delimiter, page_token_now) = (delimiter.clone(), page_token.take());
            let options = PaginatedListOptions {
                delimiter,
                page_token: page_token_now,
                ..PaginatedListOptions::default()
            };
            let page = self.s3.list_paginated(Some(&self.prefix), options).await.map_err(fail)?;
            seen += page.result.objects.len() + page.result.common_prefixes.len();
            for meta in page.result.objects {
                let name = meta.location.as_ref().strip_prefix(&self.prefix);
                let name = name.and_then(|name| SafeName::listed("", name));
                if let Some(name) = name.filter(|name| listing.wants(name)) {
                    found.push(file_info(name, &meta));
                }
            }
            match page.page_token {
                None => return Ok(listing.arrange(found)),
                Some(_) if seen >= MAX_WALKED => {
                    return Err(StoreError::Query(format!(
                        "the folder holds more than {MAX_WALKED} files; use a pattern without '**'"
                    )));
                }
                more => page_token = more,
            }
        }
    }

    pub(super) async fn remove(&self, name: &SafeName) -> Result<(), StoreError> {
        // S3 removes what is not there without a word.
        self.info(name).await?;
        let fail = |error| StoreError::from_remote(error, name.as_str());
        self.s3.delete(&self.key(name.as_str())?).await.map_err(fail)
    }

    /// Begins a new file.
    pub(super) async fn create(
        &self,
        target: Target,
        jobs: super::jobs::FileJobs,
    ) -> Result<RemoteWriter, StoreError> {
        let name = target.name.as_str();
        let key = self.key(name)?;
        if target.on_conflict == OnConflict::Error {
            // Told now rather than after the whole transfer. It is decided at the end.
            match self.s3.head(&key).await {
                Err(object_store::Error::NotFound { .. }) => {}
                Ok(_) => return Err(StoreError::Exists(name.to_owned())),
                Err(error) => return Err(StoreError::from_remote(error, name)),
            }
        }
        Ok(RemoteWriter::new(self.clone(), target, jobs))
    }

    /// Waits until what uploads left behind has been cleared up.
    pub(super) async fn cleared(&self) {
        self.clearing.close();
        self.clearing.wait().await;
        self.clearing.reopen();
    }
}

/// Requests that can be made twice are tried again as downloads are.
fn retries(limits: &Limits) -> RetryConfig {
    let backoff =
        BackoffConfig { init_backoff: limits.pause, max_backoff: limits.longest_pause, base: 2.0 };
    let max_retries = usize::try_from(limits.tries.saturating_sub(1)).unwrap_or(usize::MAX);
    RetryConfig { backoff, max_retries, retry_timeout: RETRY_TIME }
}

fn file_info(name: SafeName, meta: &ObjectMeta) -> FileInfo {
    let modified = jiff::Timestamp::new(
        meta.last_modified.timestamp(),
        i32::try_from(meta.last_modified.timestamp_subsec_nanos()).unwrap_or(0),
    );
    let etag = meta.e_tag.clone().unwrap_or_default();
    FileInfo { name, bytes: meta.size, modified: modified.unwrap_or_default(), etag }
}
