//! Who is not let in, and how it is told.

use super::world::{Gateway, Upstream, chat, post};

#[tokio::test]
async fn nothing_here_is_told_in_the_callers_dialect() {
    let upstream =
        Upstream::start(|peer| async move { peer.reply("200 OK", "", "{}").await }).await;
    let gateway = Gateway::before(&[&upstream], "");
    assert_eq!(gateway.get("/v1/none").await.status, 404);
    assert_eq!(gateway.get("/v1/chat/completions").await.status, 405);
    let answer = gateway.ask(&post("/v1/messages", "", "{}")).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("\"type\":\"invalid_request_error\""), "{}", answer.body);
    assert_eq!(gateway.ask(&chat(true)).await.status, 200);
}
