//! A server that speaks S3 and is not ours: moto, from PyPI. Needs the standard library only, so that
//! the unit tests of `media`, on which this crate depends, take this very file in.

use std::io::{BufRead, BufReader, Error, Result};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// How long it may take until it listens; generous for a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The `authorization` of a request that is no object's, such as making a bucket: the server looks
/// for the region in it and believes the rest.
pub const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, \
                                 SignedHeaders=host, Signature=0";

/// The server. Ended when dropped.
#[derive(Debug)]
pub struct ObjectStorage {
    child: Child,
    /// Its address, such as `http://127.0.0.1:9000`, without a final slash.
    pub url: String,
}

impl ObjectStorage {
    /// Starts it on a free port, without any bucket.
    ///
    /// # Errors
    /// When it is not installed, or does not say where it listens within [`START_LIMIT`].
    pub fn start() -> Result<Self> {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let python = repository.join(".test-tools/venv/bin/python");
        if !python.exists() {
            return Err(Error::other("no Python here: run cargo xtask test, which installs it"));
        }
        let mut child = Command::new(python)
            .args(["-m", "moto.server", "--host", "127.0.0.1", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let log = child.stderr.take().ok_or_else(|| Error::other("stderr is piped"))?;
        let mut storage = Self { child, url: String::new() };
        let (sender, urls) = sync_channel(1);
        // It reads on to the end, so that the server never waits for its log to be read.
        std::thread::spawn(move || {
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                if let Some(url) = line.split_whitespace().find(|it| it.starts_with("http://")) {
                    let _ = sender.try_send(url.to_owned());
                }
            }
        });
        let silent = |_| Error::other("moto never said where it listens");
        storage.url = urls.recv_timeout(START_LIMIT).map_err(silent)?;
        Ok(storage)
    }
}

impl Drop for ObjectStorage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
