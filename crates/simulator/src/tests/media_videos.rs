//! Videos as jobs: create, wait, list, remix, delete.

use std::time::Duration;

use http::{Method, Request};
use serde_json::Value;
use tokio::time::sleep;

use crate::testing::{Heard, Stage, get, on_stage};

/// A job waits for 100 ms and works for another 100.
const SHORT: &str = r#"
    profile = "short"
    [profiles.short]
    ttft = "100ms"
    gap = "50ms"
    events = 3
"#;

const JSON: (&str, &str) = ("content-type", "application/json");
const MULTIPART: (&str, &str) = ("content-type", "multipart/form-data; boundary=b");

fn json(heard: &Heard) -> Value {
    serde_json::from_str(&heard.text()).unwrap()
}

async fn create(stage: &Stage, body: &str) -> Value {
    let heard = stage.post("/v1/videos", &[JSON], body).await;
    assert_eq!(heard.status, 200, "{}", heard.text());
    json(&heard)
}

async fn retrieve(stage: &Stage, id: &str) -> Heard {
    stage.send(get(&format!("/v1/videos/{id}"), &[])).await.unwrap()
}

async fn delete(stage: &Stage, id: &str) -> Heard {
    let request = Request::builder().method(Method::DELETE).uri(format!("/v1/videos/{id}"));
    stage.send(request.header("host", "weir").body(Default::default()).unwrap()).await.unwrap()
}

fn state(video: &Value) -> (&str, u64) {
    (video["status"].as_str().unwrap(), video["progress"].as_u64().unwrap())
}

#[test]
fn a_job_goes_on_as_a_text_answer_of_its_profile_would() {
    on_stage(SHORT, async |stage| {
        let heard = stage.post("/v1/videos", &[JSON], r#"{"prompt":"a river"}"#).await;
        let video = json(&heard);
        assert_eq!(state(&video), ("queued", 0));
        assert_eq!(heard.header("openai-poll-after-ms"), "200");
        let id = video["id"].as_str().unwrap();
        for (wait_ms, expected) in
            [(110, ("in_progress", 10)), (60, ("in_progress", 70)), (40, ("completed", 100))]
        {
            sleep(Duration::from_millis(wait_ms)).await;
            assert_eq!(state(&json(&retrieve(stage, id).await)), expected);
        }
        let done = retrieve(stage, id).await;
        assert_eq!(done.header("openai-poll-after-ms"), "");
        assert_eq!(json(&done)["completed_at"], video["created_at"].as_i64().unwrap() + 1);
    });
}

#[test]
fn a_video_is_created_alike_by_json_and_by_multipart() {
    on_stage(SHORT, async |stage| {
        let seed = ("x-weir-seed", "5");
        let by_json =
            r#"{"prompt":"a river","model":"sora-2-pro","seconds":"8","size":"1280x720"}"#;
        let by_json = stage.post("/v1/videos", &[JSON, seed], by_json).await.text();
        let part = |name: &str, value: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let by_parts = part("prompt", "a river")
            + &part("model", "sora-2-pro")
            + &part("seconds", "8")
            + &part("size", "1280x720")
            + "--b\r\nContent-Disposition: form-data; name=\"input_reference\"; \
               filename=\"a.webp\"\r\n\r\nRIFF....WEBP\r\n--b--\r\n";
        let by_parts = stage.post("/v1/videos", &[MULTIPART, seed], &by_parts).await.text();
        assert_eq!(by_json, by_parts);
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!("video_created", by_json);
        });
    });
}

#[test]
fn what_cannot_be_made_is_refused_and_the_field_named() {
    let text = on_stage(SHORT, async |stage| {
        let mut text = String::new();
        for body in [
            "{}",
            "[]",
            r#"{"prompt":""}"#,
            r#"{"prompt":"a","seconds":"5"}"#,
            r#"{"prompt":"a","size":"1x1"}"#,
            r#"{"prompt":"a [weir: explode]"}"#,
        ] {
            let heard = stage.post("/v1/videos", &[JSON], body).await;
            text += &format!("{body} -> {} {}\n", heard.status.as_u16(), heard.text());
        }
        let junk = "--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"input_reference\"; \
                    filename=\"a.png\"\r\n\r\njunk\r\n--b--\r\n";
        let heard = stage.post("/v1/videos", &[MULTIPART], junk).await;
        text += &format!("junk -> {} {}\n", heard.status.as_u16(), heard.text());
        for path in ["", "/content", "/remix"] {
            let heard = if path == "/remix" {
                stage.post("/v1/videos/video_x/remix", &[JSON], r#"{"prompt":"a"}"#).await
            } else {
                stage.send(get(&format!("/v1/videos/video_x{path}"), &[])).await.unwrap()
            };
            text += &format!("{path} -> {} {}\n", heard.status.as_u16(), heard.text());
        }
        for query in ["limit=0", "limit=101", "order=up", "after=video_x"] {
            let heard = stage.send(get(&format!("/v1/videos?{query}"), &[])).await.unwrap();
            text += &format!("{query} -> {} {}\n", heard.status.as_u16(), heard.text());
        }
        text
    });
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("videos_refused", text);
    });
}

#[test]
fn a_job_can_be_told_to_fail_and_to_be_slow_by_header_and_by_prompt() {
    on_stage(SHORT, async |stage| {
        let fault = ("x-weir-fault", "fail@40;slow-job=100ms");
        let by_header = stage.post("/v1/videos", &[JSON, fault], r#"{"prompt":"a"}"#).await;
        let by_prompt = r#"{"prompt":"a [weir: fail@40; slow-job=100ms]"}"#;
        let by_prompt = stage.post("/v1/videos", &[JSON], by_prompt).await;
        let ids =
            [by_header, by_prompt].map(|heard| json(&heard)["id"].as_str().unwrap().to_owned());
        for (wait_ms, expected) in [(170, ("in_progress", 35)), (20, ("failed", 40))] {
            sleep(Duration::from_millis(wait_ms)).await;
            for id in &ids {
                let video = json(&retrieve(stage, id).await);
                assert_eq!(state(&video), expected);
                let failed = expected.0 == "failed";
                assert_eq!(video["error"]["code"] == "video_generation_failed", failed);
            }
        }
        let content = stage.send(get(&format!("/v1/videos/{}/content", ids[0]), &[])).await;
        assert_eq!(content.unwrap().status, 404);
    });
}

#[test]
fn content_is_there_when_the_job_is_done_and_as_the_prompt_wished() {
    on_stage(SHORT, async |stage| {
        let video = create(stage, r#"{"prompt":"a [weir: bytes=150000; cut@9]"}"#).await;
        let path = format!("/v1/videos/{}/content", video["id"].as_str().unwrap());
        assert_eq!(stage.fetch(get(&path, &[])).await.unwrap().status, 404);
        sleep(Duration::from_millis(200)).await;
        let cut = stage.fetch(get(&path, &[])).await.unwrap();
        assert_eq!((cut.bytes().len(), cut.ended.0), (9, false));
        let whole = stage.fetch(get(&path, &[("x-weir-fault", "none")])).await.unwrap();
        assert_eq!((whole.bytes().len(), whole.ended.0), (150_000, true));
    });
}

#[test]
fn a_request_that_fails_on_purpose_creates_nothing() {
    on_stage(SHORT, async |stage| {
        let fault = ("x-weir-fault", "status=503");
        let heard = stage.post("/v1/videos", &[JSON, fault], r#"{"prompt":"a"}"#).await;
        assert_eq!(heard.status, 503);
        let list = stage.send(get("/v1/videos", &[])).await.unwrap();
        assert_eq!(json(&list)["data"].as_array().unwrap().len(), 0);
    });
}

#[test]
fn videos_are_listed_remixed_and_deleted() {
    on_stage("profile = \"instant\"", async |stage| {
        let mut ids = Vec::new();
        for prompt in ["one", "two", "three"] {
            let video = create(stage, &format!(r#"{{"prompt":"{prompt}","seconds":"12"}}"#)).await;
            ids.push(video["id"].as_str().unwrap().to_owned());
        }
        let list = async |query: &str| {
            let heard = stage.send(get(&format!("/v1/videos?{query}"), &[])).await.unwrap();
            let page = json(&heard);
            let data = page["data"].as_array().unwrap();
            let found = data.iter().map(|video| video["prompt"].as_str().unwrap().to_owned());
            (found.collect::<Vec<_>>().join(" "), page["has_more"].as_bool().unwrap())
        };
        assert_eq!(list("limit=2").await, ("three two".to_owned(), true));
        assert_eq!(list(&format!("after={}", ids[1])).await, ("one".to_owned(), false));
        assert_eq!(list("order=asc&limit=100").await, ("one two three".to_owned(), false));
        let path = format!("/v1/videos/{}/remix", ids[0]);
        let remix = json(&stage.post(&path, &[JSON], r#"{"prompt":"again"}"#).await);
        assert_eq!(remix["remixed_from_video_id"], ids[0].as_str());
        assert_eq!((&remix["prompt"], &remix["seconds"]), (&"again".into(), &"12".into()));
        let deleted = json(&delete(stage, &ids[0]).await);
        assert_eq!(
            (&deleted["deleted"], &deleted["object"]),
            (&true.into(), &"video.deleted".into())
        );
        assert_eq!(retrieve(stage, &ids[0]).await.status, 404);
        assert_eq!(delete(stage, &ids[0]).await.status, 404);
        assert_eq!(list("").await.0, "again three two");
    });
}
