//! Pictures: generated, edited, streamed, and as the output of a response.

use std::io::Cursor;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::{DynamicImage, ImageFormat, ImageReader};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::SHORT;
use crate::testing::{Heard, Stage, get, on_stage};

const JSON: (&str, &str) = ("content-type", "application/json");
const GENERATIONS: &str = "/v1/images/generations";

async fn generate(stage: &Stage, request: Value) -> Heard {
    stage.post(GENERATIONS, &[JSON], &request.to_string()).await
}

fn picture(base64: &Value) -> (ImageFormat, DynamicImage) {
    let file = STANDARD.decode(base64.as_str().unwrap()).unwrap();
    let reader = ImageReader::new(Cursor::new(file)).with_guessed_format().unwrap();
    (reader.format().unwrap(), reader.decode().unwrap())
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// An answer with its pictures left out.
fn without_pictures(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("b64_json\":\"") {
        out += before;
        out += "b64_json\":\"…";
        rest = &after[after.find('"').unwrap()..];
    }
    out + rest
}

#[test]
fn pictures_are_real_and_as_they_were_asked_for() {
    on_stage(SHORT, async |stage| {
        for (size, format, expected, width, height) in [
            ("auto", "png", ImageFormat::Png, 1024, 1024),
            ("1536x1024", "jpeg", ImageFormat::Jpeg, 1536, 1024),
            ("640x360", "webp", ImageFormat::WebP, 640, 360),
        ] {
            let request =
                json!({"prompt": "a river", "size": size, "output_format": format, "n": 2});
            let heard = generate(stage, request).await;
            assert_eq!(heard.head_after, Duration::from_millis(100));
            let answer = parsed(&heard.text());
            assert_eq!(answer["output_format"], format);
            assert_eq!(answer["data"].as_array().unwrap().len(), 2);
            let pictures = [0, 1].map(|index| picture(&answer["data"][index]["b64_json"]));
            for (found, image) in &pictures {
                assert_eq!((*found, image.width(), image.height()), (expected, width, height));
            }
            assert_ne!(pictures[0].1, pictures[1].1);
        }
    });
}

#[test]
fn the_same_seed_gives_the_same_picture() {
    on_stage(SHORT, async |stage| {
        let body = r#"{"prompt":"a","size":"64x64"}"#;
        let of =
            async |seed| stage.post(GENERATIONS, &[JSON, ("x-weir-seed", seed)], body).await.text();
        assert_eq!(of("1").await, of("1").await);
        assert_ne!(of("1").await, of("2").await);
    });
}

#[test]
fn a_transparent_picture_is_transparent() {
    on_stage(SHORT, async |stage| {
        let request = json!({"prompt": "a", "size": "64x64", "background": "transparent"});
        let answer = parsed(&generate(stage, request).await.text());
        assert_eq!(answer["background"], "transparent");
        let image = picture(&answer["data"][0]["b64_json"]).1.to_rgba8();
        assert_eq!((image.get_pixel(0, 0)[3], image.get_pixel(0, 32)[3]), (0, 255));
    });
}

#[test]
fn partial_pictures_come_before_the_whole_one_each_in_its_time() {
    on_stage(SHORT, async |stage| {
        let request = json!({"prompt": "a", "size": "64x64", "stream": true, "partial_images": 2});
        let heard = generate(stage, request).await;
        let events = heard.events();
        let times: Vec<_> = events.iter().map(|(at, _)| at.as_millis()).collect();
        assert_eq!(times, [100, 150, 200]);
        let events: Vec<Value> = events.iter().map(|(_, data)| parsed(data)).collect();
        let grey = |event: &Value| {
            let image = picture(&event["b64_json"]).1.to_rgb8();
            image.pixels().filter(|pixel| pixel.0 == [128; 3]).count()
        };
        assert!(grey(&events[0]) > grey(&events[1]) && grey(&events[1]) > grey(&events[2]));
        let text = without_pictures(&heard.text());
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!("images_streamed", text);
        });
    });
}

#[test]
fn what_cannot_be_made_is_refused_and_the_field_named() {
    let text = on_stage(SHORT, async |stage| {
        let mut text = String::new();
        for body in [
            r#"{}"#,
            r#"{"prompt":"a","size":"4000x10"}"#,
            r#"{"prompt":"a","size":"3840x3840"}"#,
            r#"{"prompt":"a","n":11}"#,
            r#"{"prompt":"a","background":"transparent","output_format":"jpeg"}"#,
            r#"{"prompt":"a","stream":true,"partial_images":4}"#,
            r#"{"prompt":"a","response_format":"url"}"#,
        ] {
            let heard = stage.post(GENERATIONS, &[JSON], body).await;
            text += &format!("{body} -> {} {}\n", heard.status.as_u16(), heard.text());
        }
        text
    });
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("images_refused", text);
    });
}

/// A body of parts: name, file name, data.
fn multipart(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, filename, data) in parts {
        let filename = filename.map_or(String::new(), |name| format!("; filename=\"{name}\""));
        let head =
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"{filename}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(data);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    body
}

#[test]
fn an_edit_needs_real_pictures_and_a_mask_that_fits() {
    on_stage(SHORT, async |stage| {
        let png = |side: &str| {
            let size = format!("{side}x{side}");
            async move {
                let request = json!({"prompt": "a", "size": size});
                let answer = parsed(&generate(stage, request).await.text());
                STANDARD.decode(answer["data"][0]["b64_json"].as_str().unwrap()).unwrap()
            }
        };
        let (small, large) = (png("16").await, png("32").await);
        let edit = async |parts: &[(&str, Option<&str>, &[u8])]| {
            let kind = ("content-type", "multipart/form-data; boundary=b");
            let request = http::Request::post("/v1/images/edits").header("host", "weir");
            let body = http_body_util::Full::new(multipart(parts).into());
            let heard =
                stage.send(request.header(kind.0, kind.1).body(body).unwrap()).await.unwrap();
            let answer = parsed(&heard.text());
            let reason = answer["error"]["message"].as_str().unwrap_or("fine").to_owned();
            (heard.status.as_u16(), reason)
        };
        let prompt = ("prompt", None, &b"a"[..]);
        let fine = (200, "fine".to_owned());
        let refused = |reason: &str| (400, reason.to_owned());
        let image = ("image[]", Some("a.png"), small.as_slice());
        assert_eq!(edit(&[prompt, image, image]).await, fine);
        assert_eq!(edit(&[prompt, image, ("mask", Some("m.png"), &small)]).await, fine);
        assert_eq!(
            edit(&[prompt, image, ("mask", Some("m.png"), &large)]).await,
            refused("invalid value for 'mask': expected the size of the first picture")
        );
        assert_eq!(edit(&[prompt]).await, refused("missing required parameter: 'image'"));
        assert_eq!(
            edit(&[prompt, ("image", Some("a.png"), b"junk")]).await,
            refused("invalid value for 'image': expected a PNG, JPEG or WEBP picture")
        );
        let many = [&[prompt][..], &[image; 17]].concat();
        assert_eq!(
            edit(&many).await,
            refused("invalid value for 'image': expected at most 16, got 17")
        );
    });
}

#[test]
fn every_fault_looks_as_it_should_in_streamed_pictures() {
    let table = on_stage(SHORT, async |stage| {
        let request = json!({"prompt": "a", "size": "8x8", "stream": true, "partial_images": 2});
        let mut table = String::new();
        for fault in [
            "none",
            "status=500",
            "slow-headers=1s",
            "slow-first=1s",
            "stall@0=1s",
            "stall@1=1s",
            "cut@0",
            "cut@1",
            "cut@3",
            "end@2",
            "error@1",
            "malformed@2",
            "empty",
            "cut@9",
        ] {
            let headers = [JSON, ("x-weir-fault", fault)];
            let heard = stage.post(GENERATIONS, &headers, &request.to_string()).await;
            let status = heard.status.as_u16();
            table += &format!("{fault:16} {status} after {}", heard.head_after.as_millis());
            let is_stream = heard.header("content-type").starts_with("text/event-stream");
            for (at, data) in heard.events().into_iter().filter(|_| is_stream) {
                let kind = match serde_json::from_str::<Value>(&data) {
                    Ok(event) if event["error"].is_object() => "error".to_owned(),
                    Ok(event) => event["type"].as_str().unwrap_or("?").to_owned(),
                    Err(_) => "malformed".to_owned(),
                };
                let kind = kind.strip_prefix("image_generation.").unwrap_or(&kind);
                table += &format!(", {} {kind}", at.as_millis());
            }
            let (properly, at) = heard.ended;
            table += &format!(", {} {}\n", at.as_millis(), if properly { "end" } else { "CUT" });
        }
        let stats = stage.stats().await;
        table + &format!("{}\n", stats["endpoints"]["images"])
    });
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("images_faults", table);
    });
}

const WITH_TOOL: &str = r#"{"model":"m","input":"draw a river",
    "tools":[{"type":"image_generation","size":"64x32","output_format":"webp"}]"#;

async fn respond(stage: &Stage, more: &str) -> Heard {
    stage.post("/v1/responses", &[JSON], &format!("{WITH_TOOL}{more}}}")).await
}

#[test]
fn a_picture_in_the_background_is_there_after_its_time() {
    on_stage(SHORT, async |stage| {
        let heard = respond(stage, r#","background":true"#).await;
        let first = parsed(&heard.text());
        assert_eq!((&first["status"], &first["background"]), (&json!("queued"), &json!(true)));
        assert_eq!(first["output"], json!([]));
        let path = format!("/v1/responses/{}", first["id"].as_str().unwrap());
        let mut last = Value::Null;
        for (wait_ms, status) in [(120, "in_progress"), (90, "completed")] {
            sleep(Duration::from_millis(wait_ms)).await;
            last = parsed(&stage.send(get(&path, &[])).await.unwrap().text());
            assert_eq!(last["status"], status);
        }
        let call = &last["output"][0];
        assert_eq!(call["type"], "image_generation_call");
        let (format, image) = picture(&call["result"]);
        assert_eq!((format, image.width(), image.height()), (ImageFormat::WebP, 64, 32));
        let again = stage.send(get(&path, &[])).await.unwrap();
        assert_eq!(parsed(&again.text()), last);
    });
}

#[test]
fn a_picture_is_waited_for_when_it_is_not_made_in_the_background() {
    on_stage(SHORT, async |stage| {
        let heard = respond(stage, "").await;
        assert_eq!(heard.head_after, Duration::from_millis(200));
        let answer = parsed(&heard.text());
        assert_eq!(answer["output"][0]["status"], "completed");
        // It can be followed by another one.
        let id = answer["id"].as_str().unwrap();
        let following = respond(stage, &format!(r#","previous_response_id":"{id}""#)).await;
        assert_eq!(following.status, 200);
    });
}

#[test]
fn a_streamed_picture_tells_how_it_is_made() {
    on_stage(SHORT, async |stage| {
        let body = WITH_TOOL.replace("\"size\"", "\"partial_images\":1,\"size\"");
        let body = format!("{body},\"stream\":true}}");
        let heard = stage.post("/v1/responses", &[JSON], &body).await;
        let mut kinds = String::new();
        for (number, (at, data)) in heard.events().iter().enumerate() {
            let event = parsed(data);
            assert_eq!(event["sequence_number"], number);
            kinds += &format!("{} {}\n", at.as_millis(), event["type"].as_str().unwrap());
        }
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!("response_image_streamed", kinds);
        });
    });
}

#[test]
fn a_response_in_the_background_can_fail_or_be_cancelled() {
    on_stage(SHORT, async |stage| {
        let body = r#"{"model":"m","input":"a [weir: fail@50]","background":true}"#;
        let failing = parsed(&stage.post("/v1/responses", &[JSON], body).await.text());
        let body = r#"{"model":"m","input":"a","background":true}"#;
        let other = parsed(&stage.post("/v1/responses", &[JSON], body).await.text());
        let done = parsed(&stage.post("/v1/responses", &[JSON], body).await.text());
        let path = |response: &Value| format!("/v1/responses/{}", response["id"].as_str().unwrap());
        let cancel = async |response: &Value| {
            stage.post(&format!("{}/cancel", path(response)), &[], "").await
        };
        assert_eq!(parsed(&cancel(&other).await.text())["status"], "cancelled");
        sleep(Duration::from_millis(200)).await;
        let status = async |response: &Value| {
            let now = parsed(&stage.send(get(&path(response), &[])).await.unwrap().text());
            (now["status"].as_str().unwrap().to_owned(), now["output"].as_array().unwrap().len())
        };
        assert_eq!(status(&failing).await, ("failed".to_owned(), 0));
        assert_eq!(status(&other).await, ("cancelled".to_owned(), 0));
        assert_eq!(parsed(&cancel(&done).await.text())["status"], "completed");
        assert_eq!(status(&done).await, ("completed".to_owned(), 1));
        assert_eq!(cancel(&json!({"id": "resp_x"})).await.status, 404);
    });
}
