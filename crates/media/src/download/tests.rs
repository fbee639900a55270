//! Transfers over pipes in memory, in virtual time: every wait is exact.

mod scripted;

use std::time::Duration;

use http::header;
use tokio::time::Instant;

use self::scripted::{Answer, World, file_bytes, film_bytes};
use super::*;
use crate::store::StoreError;

#[tokio::test(start_paused = true)]
async fn a_file_arrives_whole_with_its_length_and_digests() {
    let world = World::new(vec![Answer::whole(&file_bytes())]).await;
    let mut request = world.request();
    request.target.with_md5 = true;
    let (written, progress) = world.fetch(request).await;
    let written = written.unwrap();
    assert_eq!(written.name.as_str(), "clip.mp4");
    assert_eq!(written.bytes, 300_000);
    assert_eq!(written.sha256, scripted::sha256(&file_bytes()));
    assert_eq!(written.md5.unwrap().to_string().len(), 32);
    assert!(world.file() == file_bytes());
    let last = Progress::Received { bytes: 300_000, total: NonZeroU64::new(300_000) };
    assert_eq!(progress.last(), Some(&last));
    assert!(!progress.iter().any(|it| matches!(it, Progress::Queued { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_cut_transfer_goes_on_where_it_broke() {
    let bytes = file_bytes();
    let rest = Answer::part(&bytes, 100_000).tag("\"v1\"");
    let world = World::new(vec![Answer::whole(&bytes).tag("\"v1\"").cut(100_000), rest]).await;
    let written = world.fetch(world.request()).await.0.unwrap();
    assert_eq!(written.sha256, scripted::sha256(&bytes));
    assert!(world.file() == bytes);
    let asked = world.asked();
    assert!(!asked[0].contains("range:"), "{}", asked[0]);
    assert!(asked[1].contains("\r\nrange: bytes=100000-\r\n"), "{}", asked[1]);
    assert!(asked[1].contains("\r\nif-range: \"v1\"\r\n"), "{}", asked[1]);
}

#[tokio::test(start_paused = true)]
async fn a_cut_transfer_without_a_strong_tag_begins_again() {
    let bytes = file_bytes();
    for tag in [None, Some("W/\"v1\"")] {
        let tagged = |answer: Answer| tag.map_or(answer.clone(), |tag| answer.tag(tag));
        let first = tagged(Answer::whole(&bytes).cut(100_000));
        let world = World::new(vec![first, tagged(Answer::whole(&bytes))]).await;
        world.fetch(world.request()).await.0.unwrap();
        assert!(world.file() == bytes);
        assert!(!world.asked()[1].contains("range:"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_changed_meanwhile_is_fetched_from_its_beginning() {
    let (old, new) = (file_bytes(), vec![7; 250_000]);
    let first = Answer::whole(&old).tag("\"v1\"").cut(100_000);
    let world = World::new(vec![first, Answer::whole(&new).tag("\"v2\"")]).await;
    let written = world.fetch(world.request()).await.0.unwrap();
    assert_eq!(written.bytes, 250_000);
    assert!(world.file() == new);
}

#[tokio::test(start_paused = true)]
async fn a_part_that_nobody_asked_for_is_thrown_away() {
    let bytes = file_bytes();
    let answers = vec![
        Answer::whole(&bytes).tag("\"v1\"").cut(100_000),
        Answer::part(&bytes, 50_000).tag("\"v1\""),
        Answer::whole(&bytes).tag("\"v1\""),
    ];
    let world = World::new(answers).await;
    world.fetch(world.request()).await.0.unwrap();
    assert!(world.file() == bytes);
}

#[tokio::test(start_paused = true)]
async fn a_transfer_that_breaks_for_good_leaves_the_old_file_and_nothing_else() {
    let answers = vec![Answer::whole(&file_bytes()).cut(150_000); 5];
    let world = World::new(answers).await;
    world.put("clip.mp4", b"the good old file");
    let error = world.fetch(world.request()).await.0.unwrap_err();
    assert_eq!(error.to_string(), "the transfer was cut after 150000 bytes of 300000");
    assert_eq!(world.asked().len(), 5, "as many tries as the limit says");
    assert_eq!(world.file(), b"the good old file");
    world.only_holds(&["clip.mp4"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_announces_a_wrong_length_is_found_out() {
    let mut short = Answer::whole(&file_bytes()).tag("\"v1\"");
    short.head = short.head.replace("content-length: 300000", "content-length: 300001");
    let world = World::new(vec![short; 5]).await;
    let error = world.fetch(world.request()).await.0.unwrap_err();
    assert!(matches!(error, DownloadError::Cut { total: Some(300_001), .. }), "{error}");
    world.only_holds(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_short_file_that_ends_cleanly_is_fetched_again_from_its_first_byte() {
    let bytes = film_bytes();
    let short = Answer::whole(&bytes[..1000]).tag("\"v1\"");
    let world = World::new(vec![short, Answer::whole(&bytes).tag("\"v1\"")]).await;
    let written = world.fetch(world.film_request()).await.0.unwrap();
    assert_eq!(written.sha256, scripted::sha256(&bytes));
    assert!(world.file() == bytes);
    assert!(!world.asked()[1].contains("range:"), "{}", world.asked()[1]);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_stays_short_leaves_the_old_file_and_nothing_else() {
    let world = World::new(vec![Answer::whole(&film_bytes()[..1000]); 5]).await;
    world.put("clip.mp4", b"the good old file");
    let error = world.fetch(world.film_request()).await.0.unwrap_err();
    let expected = "the upstream sent no whole file: box 'mdat' says 299984 bytes, 984 came";
    assert_eq!(error.to_string(), expected);
    assert_eq!(world.asked().len(), 5, "as many tries as the limit says");
    assert_eq!(world.file(), b"the good old file");
    world.only_holds(&["clip.mp4"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_large_file_that_stays_short_costs_no_more_tries_than_a_small_one() {
    let mut film = film_bytes();
    film.resize(3 << 20, 7);
    film[16..20].copy_from_slice(&(5_u32 << 20).to_be_bytes());
    let world = World::new(vec![Answer::whole(&film); 5]).await;
    let error = world.fetch(world.film_request()).await.0.unwrap_err();
    assert!(matches!(error, DownloadError::NotWhole(_)), "{error}");
    assert_eq!(world.asked().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_cut_file_is_checked_across_its_tries() {
    let bytes = film_bytes();
    for cut in [5, 20, 100_000] {
        let rest = Answer::part(&bytes, cut).tag("\"v1\"");
        let world = World::new(vec![Answer::whole(&bytes).tag("\"v1\"").cut(cut), rest]).await;
        world.fetch(world.film_request()).await.0.unwrap();
        assert!(world.file() == bytes, "cut after {cut}");
    }
    // Another file than before begins with its own first box.
    let first = Answer::whole(&bytes).tag("\"v1\"").cut(100_000);
    let world = World::new(vec![first, Answer::whole(&bytes).tag("\"v2\"")]).await;
    world.fetch(world.film_request()).await.0.unwrap();
    assert!(world.file() == bytes);
}

#[tokio::test(start_paused = true)]
async fn what_begins_as_no_such_file_is_not_read_to_its_end() {
    let page = Answer::whole(b"<html><body>maintenance</body></html>").stall(30);
    let world = World::new(vec![page; 5]).await;
    let (outcome, progress) = world.fetch(world.film_request()).await;
    let expected = "the upstream sent no whole file: it does not begin as MP4 does";
    assert_eq!(outcome.unwrap_err().to_string(), expected);
    assert!(!progress.iter().any(|it| matches!(it, Progress::Received { .. })), "{progress:?}");
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_is_no_file() {
    let bytes = file_bytes();
    let world = World::new(vec![Answer::whole(b""), Answer::whole(&bytes)]).await;
    world.fetch(world.request()).await.0.unwrap();
    assert!(world.file() == bytes);
    let world = World::new(vec![Answer::whole(b""); 5]).await;
    let error = world.fetch(world.request()).await.0.unwrap_err();
    assert_eq!(error.to_string(), "the upstream sent an empty file");
    world.only_holds(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_file_with_another_digest_than_promised_does_not_land() {
    let digest = "repr-digest: sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:\r\n";
    let world = World::new(vec![Answer::whole(&file_bytes()).header(digest)]).await;
    world.put("clip.mp4", b"old");
    let error = world.fetch(world.request()).await.0.unwrap_err();
    assert!(matches!(error, DownloadError::Digest), "{error}");
    assert_eq!(world.file(), b"old");
    world.only_holds(&["clip.mp4"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_body_ends_at_the_idle_deadline_and_goes_on() {
    let bytes = file_bytes();
    let stalled = Answer::whole(&bytes).tag("\"v1\"").stall(100_000);
    let world = World::new(vec![stalled, Answer::part(&bytes, 100_000)]).await;
    let start = Instant::now();
    let (written, progress) = world.fetch(world.request()).await;
    written.unwrap();
    let Some(Progress::Pausing { pause }) =
        progress.iter().find(|it| matches!(it, Progress::Pausing { .. }))
    else {
        panic!("no pause in {progress:?}");
    };
    // Timers of the runtime have a resolution of one millisecond.
    let expected = Limits::default().idle + *pause;
    let took = start.elapsed();
    assert!(took >= expected && took <= expected + Duration::from_millis(2), "{took:?}");
    assert!(world.file() == bytes);
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_never_answers_meets_the_head_deadline() {
    let world = World::new(vec![Answer::silence(); 5]).await;
    let start = Instant::now();
    let error = world.fetch(world.request()).await.0.unwrap_err();
    assert_eq!(error.to_string(), "the upstream did not answer within 60 s");
    assert!(start.elapsed() >= 5 * Limits::default().upstream_head);
}

#[tokio::test(start_paused = true)]
async fn a_trickle_ends_at_the_total_deadline() {
    let world =
        World::new(vec![Answer::whole(&file_bytes()).trickle(Duration::from_secs(20))]).await;
    let start = Instant::now();
    let error = world.fetch(world.request()).await.0.unwrap_err();
    assert_eq!(error.to_string(), "the download took longer than 1800 s");
    let over = start.elapsed() - Limits::default().total;
    assert!(over <= Duration::from_millis(2), "{over:?}");
    world.only_holds(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn errors_that_pass_are_tried_again_with_the_pause_that_is_asked_for() {
    let bytes = file_bytes();
    let busy = Answer::status(429, "").header("retry-after: 7\r\n");
    let answers = vec![Answer::status(503, ""), busy, Answer::whole(&bytes)];
    let world = World::new(answers).await;
    let start = Instant::now();
    world.fetch(world.request()).await.0.unwrap();
    let took = start.elapsed();
    assert!(took >= Duration::from_secs(7) && took < Duration::from_secs(8), "{took:?}");
    assert!(world.file() == bytes);
}

#[tokio::test(start_paused = true)]
async fn a_longer_pause_than_the_limit_is_not_waited_for() {
    let world = World::new(vec![Answer::status(429, "").header("retry-after: 61\r\n")]).await;
    let start = Instant::now();
    let error = world.fetch(world.request()).await.0.unwrap_err();
    let asked = Some(Duration::from_secs(61));
    assert!(
        matches!(error, DownloadError::Refused { status: 429, retry_after, .. } if retry_after == asked)
    );
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_stays_is_told_at_once_with_the_upstreams_reason() {
    let body = r#"{"error": {"message": "no such\n video", "type": "invalid_request_error"}}"#;
    let world = World::new(vec![Answer::status(404, body)]).await;
    let error = world.fetch(world.request()).await.0.unwrap_err();
    assert_eq!(error.to_string(), "the upstream answered 404: no such video");
    assert_eq!(world.asked().len(), 1);
    world.only_holds(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn progress_tries_count_anew_once_a_try_has_brought_a_mebibyte() {
    let bytes = vec![3; 9 << 20];
    let part = |from: usize| {
        let answer = if from == 0 { Answer::whole(&bytes) } else { Answer::part(&bytes, from) };
        answer.tag("\"v1\"").cut(1 << 20)
    };
    let answers = (0..9).map(|part_number| part(part_number << 20)).collect();
    let world = World::new(answers).await;
    world.fetch(world.request()).await.0.unwrap();
    assert_eq!(world.asked().len(), 9, "more tries than the limit, and each one brought something");
    assert!(world.file() == bytes);
}

#[tokio::test(start_paused = true)]
async fn a_key_does_not_follow_a_redirection_to_another_host() {
    let bytes = file_bytes();
    let away = Answer::status(302, "").header("location: http://storage.test/x\r\n");
    let home = Answer::status(307, "").header("location: /elsewhere\r\n");
    let world = World::new(vec![home, away, Answer::whole(&bytes)]).await;
    let mut request = world.request();
    request.headers.insert(header::AUTHORIZATION, "Bearer secret".parse().unwrap());
    world.fetch(request).await.0.unwrap();
    let asked = world.asked();
    assert!(asked[0].contains("Bearer secret"));
    assert!(asked[1].starts_with("GET /elsewhere") && asked[1].contains("Bearer secret"));
    assert!(asked[2].contains("host: storage.test") && !asked[2].contains("Bearer secret"));
}

#[tokio::test(start_paused = true)]
async fn redirections_in_a_circle_end() {
    let answer = Answer::status(302, "").header("location: /again\r\n");
    let world = World::new(vec![answer; 6]).await;
    let error = world.fetch(world.request()).await.0.unwrap_err();
    assert_eq!(error.to_string(), "the upstream redirected too often");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_says_it_is_too_large_is_not_fetched() {
    let limits = Limits { file_bytes: 299_999, ..Limits::default() };
    let world = World::with_limits(vec![Answer::whole(&file_bytes())], limits).await;
    let (outcome, progress) = world.fetch(world.request()).await;
    let too_large = matches!(outcome, Err(DownloadError::Store(StoreError::TooLarge { .. })));
    assert!(too_large && progress.is_empty(), "{progress:?}");
    let limits = Limits { file_bytes: 300_000, ..Limits::default() };
    let world = World::with_limits(vec![Answer::whole(&file_bytes())], limits).await;
    world.fetch(world.request()).await.0.unwrap();
}

#[tokio::test(start_paused = true)]
async fn dropping_a_download_closes_its_connection_and_removes_its_file() {
    let world = World::new(vec![Answer::whole(&file_bytes()).stall(290_000)]).await;
    let started = tokio::time::timeout(Duration::from_secs(1), world.fetch(world.request())).await;
    assert!(started.is_err(), "the transfer stands still");
    // Virtual time: what is done within this second is done at once.
    tokio::time::timeout(Duration::from_secs(1), world.connection_closed()).await.unwrap();
    world.only_holds(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_past_the_limit_of_transfers_waits_in_turn_and_says_so() {
    let limits = Limits { transfers: 1, ..Limits::default() };
    let slow = Answer::whole(&file_bytes()).stall(290_000);
    let world = World::with_limits(vec![slow, Answer::whole(&file_bytes())], limits).await;
    let first = tokio::time::timeout(Duration::from_secs(5), world.fetch(world.request()));
    let second = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.fetch(world.request()).await
    };
    let (first, (second, progress)) = tokio::join!(first, second);
    assert!(first.is_err());
    second.unwrap();
    assert_eq!(progress.first(), Some(&Progress::Queued { ahead: 0 }));
}

#[test]
fn the_future_of_a_waiting_download_is_small() {
    let limits = Limits::default();
    let upstream = Upstream::in_memory(&limits, || Err(std::io::ErrorKind::NotFound.into()));
    let downloads = Downloads::new(upstream, Admission::new(&limits), &limits);
    let size = |store: &Store, request| {
        size_of_val(&downloads.fetch(store, request, Caller::ALONE, |_| {}))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let world = runtime.block_on(World::new(Vec::new()));
    let size = size(&world.store, world.request());
    assert!(size <= 1024, "{size} bytes");
}
