//! When events leave, exactly, in virtual time.

use std::time::Duration;

use super::{DIALECTS, SHORT, whole};
use crate::testing::on_stage;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The times of a streamed chat answer's content events under a profile.
fn content_times(profile: &str) -> (Vec<Duration>, u64) {
    let config = format!("profile = \"p\"\n[profiles.p]\n{profile}");
    let heard = on_stage(&config, async |stage| {
        let (path, body) = DIALECTS[0];
        stage.post(path, &[], body).await
    });
    let times = heard
        .events()
        .into_iter()
        .filter(|(_, data)| data.contains(r#""delta":{"content":"#))
        .map(|(at, _)| at)
        .collect();
    (times, heard.header("x-weir-ideal-us").parse().unwrap())
}

#[test]
fn a_stream_of_57_seconds_is_exact_to_the_last_event() {
    let (times, ideal_us) = content_times("ttft = \"1100ms\"\ngap = \"140ms\"\nevents = 401");
    let expected: Vec<Duration> = (0..401).map(|event| ms(1100 + 140 * event)).collect();
    assert_eq!(times, expected);
    assert_eq!(ideal_us, 57_100_000);
}

#[test]
fn a_coarse_timer_rounds_every_delay_up() {
    let (times, ideal_us) =
        content_times("ttft = \"20ms\"\ngap = \"31ms\"\nevents = 3\ntick = \"15ms\"");
    assert_eq!(times, [ms(30), ms(75), ms(120)]);
    assert_eq!(ideal_us, 120_000);
}

#[test]
fn load_stretches_delays_but_not_the_ideal() {
    let config = format!("{SHORT}\nload = {{ free_streams = 1, growth_per_stream = 0.5 }}");
    on_stage(&config, async |stage| {
        let (path, body) = DIALECTS[0];
        let (left, right) = tokio::join!(stage.post(path, &[], body), stage.post(path, &[], body));
        // The second one finds one stream too many when it begins, and both ever after.
        let ends = [left.frames.last().unwrap().0, right.frames.last().unwrap().0];
        assert_eq!(ends, [ms(100 + 75 + 75), ms(150 + 75 + 75)]);
        assert_eq!(left.header("x-weir-ideal-us"), "200000");
        assert_eq!(right.header("x-weir-ideal-us"), "200000");
    });
}

#[test]
fn head_and_opening_leave_at_once_and_nothing_is_late() {
    for (path, body) in DIALECTS {
        on_stage(SHORT, async |stage| {
            let heard = stage.post(path, &[], body).await;
            assert_eq!((heard.head_after, heard.frames[0].0), (Duration::ZERO, Duration::ZERO));
            assert_eq!(heard.ended, (true, ms(200)), "{path}");
            let stats = stage.stats().await;
            assert_eq!(stats["lateness_ms"]["count"], 3);
            assert_eq!(stats["lateness_ms"]["max"], 0.0);
            assert_eq!(stats["finished"], 1);
        });
    }
}

#[test]
fn an_answer_in_one_piece_takes_as_long_as_its_stream() {
    for (path, body) in DIALECTS {
        on_stage(SHORT, async |stage| {
            let heard = stage.post(path, &[], &whole(body)).await;
            assert_eq!(heard.head_after, ms(200), "{path}");
            assert_eq!(heard.header("x-weir-ideal-us"), "200000");
        });
    }
}

#[test]
fn embeddings_wait_for_the_first_event_and_lists_for_nothing() {
    on_stage(SHORT, async |stage| {
        let heard = stage.post("/v1/embeddings", &[], r#"{"model":"m","input":"hi"}"#).await;
        assert_eq!(heard.head_after, ms(100));
        let list = http::Request::get("/v1/models").body(Default::default()).unwrap();
        assert_eq!(stage.send(list).await.unwrap().head_after, Duration::ZERO);
    });
}

#[test]
fn headers_choose_profile_and_seed_for_one_request() {
    on_stage(SHORT, async |stage| {
        let (path, body) = DIALECTS[0];
        let quick = stage.post(path, &[("x-weir-profile", "quick")], body).await;
        assert_eq!(quick.ended, (true, ms(6_560)));
        let seeded = [("x-weir-seed", "7")];
        let first = stage.post(path, &seeded, body).await;
        let again = stage.post(path, &seeded, body).await;
        let other = stage.post(path, &[], body).await;
        assert_eq!(first.text(), again.text());
        assert_ne!(first.text(), other.text());
        assert_eq!(first.header("x-request-id"), again.header("x-request-id"));
    });
}

#[test]
fn a_server_with_the_same_seed_repeats_itself() {
    let three = || {
        on_stage(&format!("seed = 9\n{SHORT}"), async |stage| {
            let mut texts = Vec::new();
            for (path, body) in DIALECTS {
                texts.push(stage.post(path, &[], body).await.text());
            }
            texts
        })
    };
    assert_eq!(three(), three());
}
