//! `/v1/files`: upload, retrieve, content, list, delete.

use std::sync::Arc;

use serde::Serialize;
use wire::json::FieldError;

use super::content::{self, File};
use super::file_store::StoredFile;
use super::form::Form;
use super::{Ask, Upload, json, not_found};
use crate::answer::Answered;
use crate::api::Problem;

const PURPOSES: [&str; 6] = ["user_data", "assistants", "batch", "fine-tune", "vision", "evals"];

/// Most files of a page; also how many a page has unless the request says otherwise.
const MAX_PAGE: u32 = 10_000;

#[derive(Serialize)]
struct Description<'a> {
    id: &'a str,
    object: &'static str,
    bytes: usize,
    created_at: i64,
    expires_at: Option<i64>,
    filename: &'a str,
    purpose: &'static str,
    status: &'static str,
    status_details: Option<()>,
}

#[derive(Serialize)]
struct Page<'a> {
    object: &'static str,
    data: Vec<Description<'a>>,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
    has_more: bool,
}

#[derive(Serialize)]
struct Deleted<'a> {
    id: &'a str,
    object: &'static str,
    deleted: bool,
}

fn describe(file: &StoredFile) -> Description<'_> {
    Description {
        id: &file.id,
        object: "file",
        bytes: file.data.len(),
        created_at: file.created_at,
        expires_at: None,
        filename: &file.filename,
        purpose: file.purpose,
        status: "processed",
        status_details: None,
    }
}

/// `POST /v1/files`.
pub(super) async fn create(mut ask: Ask<'_>, upload: Upload<'_>) -> Answered {
    let read = |ask: &mut Ask<'_>| -> Result<StoredFile, Problem> {
        let form = Form::parse(&ask.head.headers, &upload)?;
        let file = form.file("file").ok_or(FieldError::Missing("file"))?;
        form.required("purpose")?;
        Ok(StoredFile {
            id: ask.plan.identity.id("file-", 22),
            created_at: ask.plan.identity.created(),
            filename: file.filename.clone().unwrap_or_default(),
            purpose: form.one_of("purpose", &PURPOSES)?,
            data: file.data.to_vec().into(),
        })
    };
    let file = read(&mut ask);
    drop(upload);
    match file {
        Err(problem) => ask.reject(problem),
        Ok(_) if ask.plan.faults.status.is_some() || ask.plan.faults.refuse => {
            ask.tell(Vec::new()).await
        }
        Ok(file) => {
            let file = ask.worker.shared.media.files.insert(file);
            ask.tell(json(&describe(&file))).await
        }
    }
}

/// `GET /v1/files/{id}`.
pub(super) async fn retrieve(ask: Ask<'_>, id: &str) -> Answered {
    match ask.worker.shared.media.files.get(id) {
        Some(file) => ask.tell(json(&describe(&file))).await,
        None => ask.reject(not_found("file", id)),
    }
}

/// `GET` or `HEAD /v1/files/{id}/content`.
pub(super) async fn content(ask: Ask<'_>, id: &str) -> Answered {
    let Some(file) = ask.worker.shared.media.files.get(id) else {
        return ask.reject(not_found("file", id));
    };
    let sent = File {
        source: Arc::new(file.data.clone()),
        media_type: "application/octet-stream",
        etag: Some(format!("\"{id}\"")),
        name: Some(file.filename.replace(['"', '\\'], "_")),
    };
    content::send(ask, sent).await
}

/// `GET /v1/files?limit&after&order&purpose`.
pub(super) async fn list(ask: Ask<'_>) -> Answered {
    let limit = match ask.query("limit").map(|limit| limit.parse::<u32>()) {
        None => MAX_PAGE,
        Some(Ok(limit)) if (1..=MAX_PAGE).contains(&limit) => limit,
        Some(_) => {
            let message = format!("expected an integer from 1 to {MAX_PAGE}");
            return ask.reject(FieldError::invalid("limit", message));
        }
    };
    let mut files = ask.worker.shared.media.files.all();
    if ask.query("order").is_none_or(|order| order == "desc") {
        files.reverse();
    }
    if let Some(after) = ask.query("after") {
        match files.iter().position(|file| file.id == after) {
            Some(at) => drop(files.drain(..=at)),
            None => return ask.reject(not_found("file", &after)),
        }
    }
    if let Some(purpose) = ask.query("purpose") {
        files.retain(|file| file.purpose == purpose);
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = files.len() > limit;
    files.truncate(limit);
    let body = json(&Page {
        object: "list",
        data: files.iter().map(|file| describe(file)).collect(),
        first_id: files.first().map(|file| file.id.as_str()),
        last_id: files.last().map(|file| file.id.as_str()),
        has_more,
    });
    ask.tell(body).await
}

/// `DELETE /v1/files/{id}`.
pub(super) async fn delete(ask: Ask<'_>, id: &str) -> Answered {
    if ask.worker.shared.media.files.remove(id) {
        ask.tell(json(&Deleted { id, object: "file", deleted: true })).await
    } else {
        ask.reject(not_found("file", id))
    }
}
