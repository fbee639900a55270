//! The page that a host with MCP Apps (SEP-1865) shows beside `view_media`: it fetches the file
//! piece by piece through the host and shows it. It loads nothing from anywhere.

use rmcp::model::{MetaObject, ReadResourceResult, Resource, ResourceContents};
use serde_json::json;

/// The page's name here, and the one under which agents of sanzaru know it.
pub(crate) const VIEWER: &str = "ui://weir/media-viewer.html";
const COMPATIBLE: &str = "ui://sanzaru/media-viewer.html";

/// The type of a page that a host shows.
const TYPE: &str = "text/html;profile=mcp-app";

const PAGE: &str = include_str!("viewer.html");

/// The resources that are listed.
pub(super) fn resources() -> Vec<Resource> {
    [VIEWER, COMPATIBLE]
        .map(|uri| {
            Resource::new(uri, "media-viewer")
                .with_title("Media viewer")
                .with_description("Shows a video, a picture or a sound of the media folders.")
                .with_mime_type(TYPE)
                .with_meta(meta())
        })
        .to_vec()
}

/// The page, under one of its names.
pub(super) fn read(uri: &str) -> Option<ReadResourceResult> {
    let known = [VIEWER, COMPATIBLE].contains(&uri);
    known.then(|| {
        let page = ResourceContents::text(PAGE, uri).with_mime_type(TYPE).with_meta(meta());
        ReadResourceResult::new(vec![page])
    })
}

/// What the host's policy must allow: bytes that the page was handed, and nothing else.
fn meta() -> MetaObject {
    let ui = json!({ "csp": { "resourceDomains": ["blob:"] }, "prefersBorder": false });
    MetaObject(serde_json::Map::from_iter([("ui".to_owned(), ui)]))
}
