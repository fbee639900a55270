//! The whole server: in virtual time over in-memory pipes, and over real sockets.

mod errors;
mod faults;
mod grammar;
mod media_audio;
mod media_content;
mod media_images;
mod media_sockets;
mod media_videos;
mod schedule;
mod snapshots;
mod sockets;

/// The three dialects that stream: path and body of a request.
const DIALECTS: [(&str, &str); 3] = [
    (
        "/v1/chat/completions",
        r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}"#,
    ),
    (
        "/v1/messages",
        r#"{"model":"m","max_tokens":1000,"messages":[{"role":"user","content":"hi"}],"stream":true}"#,
    ),
    ("/v1/responses", r#"{"model":"m","input":"hi","stream":true}"#),
];

/// Three events: at 100, 150 and 200 ms.
const SHORT: &str = r#"
    profile = "short"
    [profiles.short]
    ttft = "100ms"
    gap = "50ms"
    events = 3
"#;

/// The same request, not streamed.
fn whole(body: &str) -> String {
    body.replace(r#","stream":true"#, "")
}
