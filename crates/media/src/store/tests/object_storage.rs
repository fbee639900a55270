//! A server that speaks S3, as the store's tests ask it.

#[expect(unreachable_pub, reason = "it is a part of another crate's library")]
#[path = "../../../../integration-tests/src/object_storage.rs"]
mod started;

use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use runtime::secret::Secret;

use self::started::{AUTHORIZATION, ObjectStorage};
use crate::Upstream;
use crate::store::S3Settings;
use crate::upstream::body;

/// The server. Ended when dropped.
pub(super) struct Server(ObjectStorage);

pub(super) fn settings(url: &str) -> S3Settings {
    S3Settings {
        endpoint: Some(url.to_owned()),
        bucket: "weir-media".to_owned(),
        region: S3Settings::REGION.to_owned(),
        prefix: "media/videos".to_owned(),
        access_key_id: Some(Secret::new("key")),
        secret_access_key: Some(Secret::new("secret")),
        session_token: None,
        virtual_host: false,
        scratch: std::env::temp_dir(),
    }
}

impl Server {
    pub(super) fn start() -> Self {
        Self(ObjectStorage::start().unwrap())
    }

    pub(super) fn settings(&self) -> S3Settings {
        settings(&self.0.url)
    }

    /// Makes the bucket, which a store does not.
    pub(super) async fn make_bucket(&self, upstream: &Upstream) {
        let (status, text) = self.ask(upstream, Method::PUT, "").await;
        assert_eq!(status, StatusCode::OK, "{text}");
    }

    /// What the server knows of uploads that were neither completed nor given up.
    pub(super) async fn unfinished_uploads(&self, upstream: &Upstream) -> String {
        let (status, text) = self.ask(upstream, Method::GET, "?uploads").await;
        assert_eq!(status, StatusCode::OK, "{text}");
        text
    }

    async fn ask(&self, upstream: &Upstream, method: Method, query: &str) -> (StatusCode, String) {
        let uri = format!("{}/weir-media{query}", self.0.url);
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("authorization", AUTHORIZATION)
            .body(body(""))
            .unwrap();
        let response = upstream.send(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8_lossy(&bytes).into_owned())
    }
}
