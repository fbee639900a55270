//! Answers with a file: whole or a part of it, with what shall go wrong.

use std::sync::Arc;

use http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
};
use http::{HeaderValue, Method, Response, StatusCode};

use super::range::Part;
use super::source::Shareable;
use super::{Ask, Transfer};
use crate::answer::{Answered, before_the_answer};
use crate::api::Problem;
use crate::body::Body;
use crate::faults::BreakageKind;
use crate::stats::Outcome;

/// A file to be sent.
pub(crate) struct File {
    pub(crate) source: Shareable,
    pub(crate) media_type: &'static str,
    /// With its quotes; the same as long as the bytes are the same.
    pub(crate) etag: Option<String>,
    pub(crate) name: Option<String>,
}

/// Sends a file, or the part of it that the request asks for. Counts as a transfer.
pub(crate) async fn send(mut ask: Ask<'_>, file: File) -> Answered {
    if let Some(early) = before_the_answer(&ask.plan, &mut ask.in_flight).await {
        return early;
    }
    let faults = std::mem::take(&mut ask.plan.faults);
    if faults.breakage.is_some_and(|breakage| breakage.kind == BreakageKind::Error) {
        ask.in_flight.set_outcome(Outcome::Faulted);
        let message = "simulated fault: an error instead of the file";
        let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, message);
        return Ok(ask.plan.api.error(&problem, &ask.plan.request_id));
    }
    let length = file.source.length();
    let part = match &file.etag {
        Some(etag) => Part::of(&ask.head.headers, etag, length),
        None => Part::Whole,
    };
    let (start, end) = match part {
        Part::Whole => (0, length),
        Part::Slice(start, end) => (start, end),
        Part::Unsatisfiable => {
            let problem = Problem::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                format!("the range begins behind the last of {length} bytes"),
            );
            let mut answered = ask.reject(problem)?;
            set(&mut answered, CONTENT_RANGE, &format!("bytes */{length}"));
            return Ok(answered);
        }
    };
    let (api, request_id) = (ask.plan.api, std::mem::take(&mut ask.plan.request_id));
    let took = ask.plan.started.elapsed();
    let announced = faults.media.announce.map_or(end - start, u64::from);
    let chunked = faults.breakage.is_some_and(|breakage| breakage.kind == BreakageKind::End)
        && faults.media.announce.is_none();
    let only_head = ask.head.method == Method::HEAD;
    let body = if faults.empty || only_head {
        let wrong = !faults.is_none();
        ask.in_flight.set_outcome(if wrong { Outcome::Faulted } else { Outcome::Finished });
        Body::whole(Vec::new())
    } else {
        let open = ask.worker.shared.media.transfers.begin();
        let source = Arc::clone(&file.source);
        let transfer = Transfer::new(ask.in_flight, open, source, (start, end), faults.clone());
        Body::Transfer(Box::new(transfer))
    };
    let mut response = api.json(body, &request_id);
    api.add_processing_time(response.headers_mut(), took);
    set(&mut response, CONTENT_TYPE, file.media_type);
    if !chunked && (!faults.empty || only_head) {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(announced));
    }
    if let Some(etag) = &file.etag {
        set(&mut response, ETAG, etag);
        set(&mut response, ACCEPT_RANGES, "bytes");
    }
    if let Some(name) = &file.name {
        set(&mut response, CONTENT_DISPOSITION, &format!("attachment; filename=\"{name}\""));
    }
    if let Part::Slice(start, end) = part {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        set(&mut response, CONTENT_RANGE, &format!("bytes {start}-{}/{length}", end - 1));
    }
    Ok(response)
}

/// Sets a header; a value that no header can have (it comes from a client) is left out.
fn set(response: &mut Response<Body>, name: http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
