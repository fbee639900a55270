//! OpenAI responses that exist already are found where they were made.

use std::sync::{Arc, Mutex};

use super::world::{Answer, Gateway, Upstream, post, upstream_tables};

/// An upstream that makes responses, knows those whose id begins with its name, and keeps account
/// of the requests it gets: `METHOD PATH`.
struct Maker {
    upstream: Upstream,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Maker {
    async fn start(name: &'static str) -> Self {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&asked);
        let upstream = Upstream::start(move |mut peer| {
            let line = peer.head.lines().next().unwrap_or_default();
            let line = line.trim_end_matches(" HTTP/1.1").to_owned();
            kept.lock().unwrap().push(line.clone());
            async move {
                let id = format!("{name}-{}", peer.number);
                if line != "POST /v1/responses" {
                    let known = line.contains(&format!("/v1/responses/{name}-"));
                    let status = if known { "200 OK" } else { "404 Not Found" };
                    return peer.reply(status, "", &format!("{{\"from\":\"{name}\"}}")).await;
                }
                if peer.body.contains("\"stream\":true") {
                    peer.begin().await;
                    let event = |kind: &str| {
                        format!(
                            "event: {kind}\ndata: {{\"type\":\"{kind}\",\"response\":{{\"id\":\"{id}\"}}}}\n\n"
                        )
                    };
                    peer.chunk(&event("response.created")).await;
                    peer.chunk(&event("response.completed")).await;
                    return peer.end().await;
                }
                peer.reply("200 OK", "", &format!("{{\"id\":\"{id}\"}}")).await
            }
        })
        .await;
        Self { upstream, asked }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

async fn send(gateway: &Gateway, method: &str, path: &str, headers: &str) -> Answer {
    let request =
        format!("{method} {path} HTTP/1.1\r\nhost: weir\r\n{headers}content-length: 0\r\n\r\n");
    gateway.ask(&request).await
}

fn ask(more: &str) -> String {
    post("/v1/responses", "", &format!("{{\"model\":\"m\",\"input\":\"i\"{more}}}"))
}

/// Two upstreams that share the work; `a` gets what comes first.
const A_FIRST: &str = "[[route]]\nmodel = \"*\"\nupstreams = [\"a\"]\nfallback = [\"b\"]\n";
const B_FIRST: &str = "[[route]]\nmodel = \"*\"\nupstreams = [\"b\"]\nfallback = [\"a\"]\n";

#[tokio::test]
async fn a_response_is_read_cancelled_and_deleted_where_it_was_made() {
    let (a, b) = (Maker::start("a").await, Maker::start("b").await);
    let gateway = Gateway::before(&[&a.upstream, &b.upstream], B_FIRST);
    let whole = gateway.ask(&ask("")).await.body;
    assert_eq!(whole, "{\"id\":\"b-0\"}");
    let streamed = gateway.ask(&ask(",\"stream\":true")).await.body;
    assert!(streamed.contains("\"b-1\""), "{streamed}");
    b.asked();
    for id in ["b-0", "b-1"] {
        let path = format!("/v1/responses/{id}");
        for (method, path) in [
            ("GET", path.clone()),
            ("GET", format!("{path}?include[]=output")),
            ("GET", format!("{path}/input_items")),
            ("POST", format!("{path}/cancel")),
            ("DELETE", path),
        ] {
            let answer = send(&gateway, method, &path, "").await;
            assert_eq!((answer.status, answer.body.as_str()), (200, "{\"from\":\"b\"}"));
            assert_eq!(b.asked(), [format!("{method} {path}")]);
        }
    }
    assert_eq!(a.asked(), [""; 0], "nobody else was asked");
    for (method, path) in [("PUT", "/v1/responses/b-0"), ("GET", "/v1/responses/b-0/cancel")] {
        assert_eq!(send(&gateway, method, path, "").await.status, 405, "{method} {path}");
    }
    for path in ["/v1/responses/", "/v1/responses/b-0/other", "/v1/responses/b%2D0"] {
        assert_eq!(send(&gateway, "GET", path, "").await.status, 404, "{path}");
    }
    assert_eq!(b.asked(), [""; 0]);
}

#[tokio::test]
async fn a_response_whose_maker_nobody_remembers_is_looked_for_in_order() {
    let (a, b) = (Maker::start("a").await, Maker::start("b").await);
    let gateway = Gateway::before(&[&a.upstream, &b.upstream], "[retry]\nattempts = 1\n");
    let answer = send(&gateway, "GET", "/v1/responses/b-7", "").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "{\"from\":\"b\"}"));
    assert_eq!((a.asked().len(), b.asked().len()), (1, 1));
    assert_eq!(send(&gateway, "GET", "/v1/responses/a-7", "").await.status, 200);
    assert_eq!((a.asked().len(), b.asked().len()), (1, 0));
    // Everybody is asked once, and the last one's own answer is passed on.
    let answer = send(&gateway, "GET", "/v1/responses/c-7", "").await;
    assert_eq!((answer.status, answer.body.as_str()), (404, "{\"from\":\"b\"}"));
    assert_eq!((a.asked().len(), b.asked().len()), (1, 1));
}

#[tokio::test]
async fn a_response_is_there_for_the_key_that_it_was_made_for_and_for_no_other() {
    let a = Maker::start("a").await;
    let keys = [crate::new_key().unwrap(), crate::new_key().unwrap()];
    let tables = ["one", "two"].iter().zip(&keys).fold(String::new(), |text, (name, key)| {
        text + &format!("[[key]]\nname = \"{name}\"\nsha256 = \"{}\"\n", key.hash)
    });
    let gateway = Gateway::start(&format!("{}{tables}", upstream_tables(&[&a.upstream])));
    let headers = keys.each_ref().map(|key| format!("authorization: Bearer {}\r\n", key.key));
    let made = post("/v1/responses", &headers[0], "{\"model\":\"m\"}");
    assert_eq!(gateway.ask(&made).await.body, "{\"id\":\"a-0\"}");
    a.asked();
    assert_eq!(send(&gateway, "GET", "/v1/responses/a-0", "").await.status, 401);
    let other = send(&gateway, "DELETE", "/v1/responses/a-0", &headers[1]).await;
    assert!(other.status == 404 && other.body.contains("no such response"), "{other:?}");
    assert_eq!(a.asked(), [""; 0]);
    assert_eq!(send(&gateway, "DELETE", "/v1/responses/a-0", &headers[0]).await.status, 200);
}

#[tokio::test]
async fn a_conversation_goes_on_where_it_was_begun() {
    let (a, b) = (Maker::start("a").await, Maker::start("b").await);
    let gateway = Gateway::before(&[&a.upstream, &b.upstream], B_FIRST);
    assert_eq!(gateway.ask(&ask("")).await.body, "{\"id\":\"b-0\"}");
    // From now on others go to the other upstream.
    let text = upstream_tables(&[&a.upstream, &b.upstream]);
    gateway.handle.reload(super::world::settings(&format!("{A_FIRST}{text}"))).unwrap();
    assert_eq!(gateway.ask(&ask("")).await.body, "{\"id\":\"a-0\"}");
    let next = gateway.ask(&ask(",\"previous_response_id\":\"b-0\"")).await.body;
    assert_eq!(next, "{\"id\":\"b-1\"}");
    let unknown = gateway.ask(&ask(",\"previous_response_id\":\"c-0\"")).await.body;
    assert_eq!(unknown, "{\"id\":\"a-1\"}");
}
