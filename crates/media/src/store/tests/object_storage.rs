//! A server that speaks S3 and is not ours: moto, from PyPI.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use runtime::secret::Secret;

use crate::Upstream;
use crate::store::S3Settings;
use crate::upstream::body;

/// How long the server may take until it listens; generous for a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The server. Ended when dropped.
pub(super) struct Server {
    child: Child,
    url: String,
}

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
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let python = repository.join(".test-tools/venv/bin/python");
        assert!(python.exists(), "no Python here: run cargo xtask test, which installs it");
        let mut child = Command::new(python)
            .args(["-m", "moto.server", "--host", "127.0.0.1", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let log = child.stderr.take().expect("stderr is piped");
        let (sender, urls) = sync_channel(1);
        // It reads on to the end, so that the server never waits for its log to be read.
        std::thread::spawn(move || {
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                if let Some(url) = line.split_whitespace().find(|it| it.starts_with("http://")) {
                    let _ = sender.try_send(url.to_owned());
                }
            }
        });
        let mut server = Self { child, url: String::new() };
        server.url = urls.recv_timeout(START_LIMIT).expect("moto logs the address it listens on");
        server
    }

    pub(super) fn settings(&self) -> S3Settings {
        settings(&self.url)
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
        let uri = format!("{}/weir-media{query}", self.url);
        let authorization = "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, \
                             SignedHeaders=host, Signature=0";
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("authorization", authorization)
            .body(body(""))
            .unwrap();
        let response = upstream.send(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
