//! Plain requests beside the tool calls: statistics, files behind a URL, bare transfers.

use tokio::time::Instant;

use crate::client::{
    Connection, Connector, Detail, FetchEnding, Lookup, Receiver, Request, RequestParts, StatusBody,
};
use crate::config::Header;
use crate::target_url::TargetUrl;

/// Takes a body's bytes as they come.
pub(crate) trait Bytes {
    /// Takes the next bytes; false ends the transfer.
    fn take(&mut self, data: &[u8]) -> bool;
}

impl<F: FnMut(&[u8]) -> bool> Bytes for F {
    fn take(&mut self, data: &[u8]) -> bool {
        self(data)
    }
}

/// The whole body of an answer, up to a bound.
pub(crate) async fn fetch_whole(
    connector: &Connector,
    method: &str,
    url: &TargetUrl,
    deadline: Instant,
    most: usize,
) -> Result<Vec<u8>, Detail> {
    let mut body = Vec::new();
    let request = plain_request(method, url, &[])?;
    transfer(connector, &request, &mut None, deadline, |data: &[u8]| {
        body.extend_from_slice(data);
        body.len() <= most
    })
    .await?;
    Ok(body)
}

/// A request without a body.
pub(crate) fn plain_request(
    method: &str,
    url: &TargetUrl,
    headers: &[Header],
) -> Result<Request, Detail> {
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|header| (header.name.clone(), header.value.expose().to_owned()))
        .collect();
    Request::new(&RequestParts {
        dialect: wire::Dialect::Text,
        method,
        scheme: if url.tls { "https" } else { "http" },
        authority: &url.authority(),
        path: &url.path,
        headers: &headers,
        body: bytes::Bytes::new(),
    })
    .map_err(|error| error.to_string().into())
}

/// Sends a request and hands the body of a 2xx answer to `sink`.
pub(crate) async fn transfer(
    connector: &Connector,
    request: &Request,
    kept: &mut Option<Connection>,
    deadline: Instant,
    sink: impl Bytes,
) -> Result<(), Detail> {
    let mut body = Body { sink, status: None, refused: false };
    let fetched = connector.fetch(request, kept, deadline, &mut body).await;
    if let Some(status) = body.status {
        return Err(status.detail());
    }
    match fetched.ending {
        FetchEnding::Whole => Ok(()),
        FetchEnding::NotConnected(detail)
        | FetchEnding::Cut(detail)
        | FetchEnding::Broken(detail) => Err(detail),
        FetchEnding::Deadline => Err("no answer in time".into()),
        FetchEnding::Refused => {
            Err("the answer is longer than it may be, or cannot be kept".into())
        }
    }
}

struct Body<S> {
    sink: S,
    status: Option<Box<StatusBody>>,
    refused: bool,
}

impl<S: Bytes> Receiver for Body<S> {
    fn head(&mut self, status: u16, fields: &Lookup<'_>, _at: Instant) {
        if !(200..300).contains(&status) {
            self.status = Some(Box::new(StatusBody::new(status, fields)));
        }
    }

    fn data(&mut self, data: &[u8], _at: Instant) {
        match &mut self.status {
            Some(status) => status.push(data),
            None if !self.refused => self.refused = !self.sink.take(data),
            None => {}
        }
    }

    fn satisfied_at(&self) -> Option<Instant> {
        None
    }

    fn refuses(&self) -> bool {
        self.refused
    }
}
