//! Files as clients fetch them: parts, faults, the witness.

use std::fmt::Write as _;
use std::time::Duration;

use http::{Method, Request};
use md5::{Digest as _, Md5};
use ring::digest::{SHA256, digest};

use crate::testing::{Fetched, Stage, get, on_stage};

/// Videos of the length of the document that Weir repeats.
const BYTES: usize = 7_691_516;
const LARGE: &str = "profile = \"instant\"\nvideo_bytes = 7691516";

/// The least length, so that many can be fetched in a test.
const SMALL_BYTES: usize = 131_072;
const SMALL: &str = "profile = \"instant\"\nvideo_bytes = 131072";

const CONTENT: &str = "/v1/videos/vid_weir/content";

async fn fetch(stage: &Stage, path: &str, headers: &[(&str, &str)]) -> Fetched {
    stage.fetch(get(path, headers)).await.unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_known_video_needs_no_creation_and_its_digests_are_published() {
    on_stage(LARGE, async |stage| {
        let fetched = fetch(stage, CONTENT, &[]).await;
        let bytes = fetched.bytes();
        assert_eq!((fetched.status.as_u16(), bytes.len()), (200, BYTES));
        assert_eq!(fetched.header("content-length"), BYTES.to_string());
        assert_eq!(fetched.header("content-type"), "video/mp4");
        assert_eq!(fetched.header("accept-ranges"), "bytes");
        let stats = stage.stats().await;
        let video = &stats["media"]["videos"][0];
        assert_eq!(
            (video["id"].as_str(), video["bytes"].as_u64()),
            (Some("vid_weir"), Some(7_691_516))
        );
        assert_eq!(video["md5"], hex(&Md5::digest(&bytes)));
        assert_eq!(video["sha256"], hex(digest(&SHA256, &bytes).as_ref()));
        assert_eq!(video["requests"], 1);
        let transfers = &stats["media"]["transfers"];
        assert_eq!((transfers["finished"].as_u64(), transfers["cut"].as_u64()), (Some(1), Some(0)));
        assert_eq!(
            (transfers["open"].as_u64(), transfers["peak_open"].as_u64()),
            (Some(0), Some(1))
        );
        assert_eq!(transfers["bytes"], 7_691_516);
    });
}

#[test]
fn the_metrics_count_transfers_as_the_statistics_do() {
    on_stage(SMALL, async |stage| {
        fetch(stage, CONTENT, &[]).await;
        fetch(stage, CONTENT, &[("x-weir-fault", "cut@70000")]).await;
        let stats = stage.stats().await;
        let transfers = &stats["media"]["transfers"];
        assert_eq!((&transfers["finished"], &transfers["cut"]), (&1.into(), &1.into()));
        let metrics = stage.send(get("/metrics", &[])).await.unwrap().text();
        let told = |name: &str, count: &str| {
            let line = format!("weir_simulator_{name} {}", transfers[count]);
            assert!(metrics.lines().any(|it| it == line), "{line} in {metrics}");
        };
        for outcome in ["started", "finished", "cut"] {
            told(&format!("transfers_total{{outcome=\"{outcome}\"}}"), outcome);
        }
        told("transferred_bytes_total", "bytes");
        told("open_transfers", "open");
        told("peak_open_transfers", "peak_open");
    });
}

#[test]
fn the_same_seed_and_id_give_the_same_bytes_and_others_do_not() {
    let bytes_of = |config: &str, path: &str| {
        on_stage(config, async |stage| fetch(stage, path, &[]).await.bytes())
    };
    let first = bytes_of(SMALL, CONTENT);
    assert_eq!(first.len(), SMALL_BYTES);
    assert_eq!(first, bytes_of(SMALL, CONTENT));
    assert_ne!(first, bytes_of(SMALL, "/v1/videos/vid_weir-2/content"));
    assert_ne!(first, bytes_of(&format!("{SMALL}\nseed = 2"), CONTENT));
}

#[test]
fn every_part_of_a_file_is_the_part_that_was_asked_for() {
    on_stage(SMALL, async |stage| {
        let whole = fetch(stage, CONTENT, &[]).await;
        let etag = whole.header("etag").to_owned();
        let whole = whole.bytes();
        for (range, start, end) in [
            ("bytes=0-0", 0, 1),
            ("bytes=100-65535", 100, 65_536),
            ("bytes=100000-", 100_000, SMALL_BYTES),
            ("bytes=-5", SMALL_BYTES - 5, SMALL_BYTES),
        ] {
            let part = fetch(stage, CONTENT, &[("range", range), ("if-range", &etag)]).await;
            assert_eq!(part.status, 206, "{range}");
            assert_eq!(part.bytes(), &whole[start..end], "{range}");
            assert_eq!(part.header("content-length"), (end - start).to_string());
            let content_range = format!("bytes {start}-{}/{SMALL_BYTES}", end - 1);
            assert_eq!(part.header("content-range"), content_range);
            assert_eq!(part.header("etag"), etag);
        }
        let changed = [("range", "bytes=5-"), ("if-range", "\"other\"")];
        let part = fetch(stage, CONTENT, &changed).await;
        assert_eq!((part.status.as_u16(), part.bytes().len()), (200, SMALL_BYTES));
        let part = fetch(stage, CONTENT, &[("range", "bytes=131072-")]).await;
        assert_eq!((part.status.as_u16(), part.header("content-range")), (416, "bytes */131072"));
    });
}

#[test]
fn head_tells_everything_but_the_bytes() {
    on_stage(SMALL, async |stage| {
        let request = |method| Request::builder().method(method).uri(CONTENT).header("host", "w");
        let head = request(Method::HEAD).body(Default::default()).unwrap();
        let head = stage.fetch(head).await.unwrap();
        let whole = fetch(stage, CONTENT, &[]).await;
        assert_eq!((head.status.as_u16(), head.bytes().len()), (200, 0));
        for name in ["content-length", "content-type", "etag", "accept-ranges"] {
            assert_eq!(head.header(name), whole.header(name), "{name}");
        }
        let put = request(Method::PUT).body(Default::default()).unwrap();
        let put = stage.fetch(put).await.unwrap();
        assert_eq!((put.status.as_u16(), put.header("allow")), (405, "GET, HEAD"));
    });
}

/// What a client sees of a fault.
async fn line(stage: &Stage, fault: &str, original: &[u8]) -> String {
    let request = get(CONTENT, &[("x-weir-fault", fault)]);
    let Some(fetched) = stage.fetch(request).await else { return "no answer".to_owned() };
    let mut line = format!("{} after {}", fetched.status.as_u16(), fetched.head_after.as_millis());
    for name in ["retry-after", "content-length"] {
        if !fetched.header(name).is_empty() {
            write!(line, ", {name} {}", fetched.header(name)).unwrap();
        }
    }
    let bytes = fetched.bytes();
    if fetched.header("content-type") == "application/json" {
        line += ", error";
    } else {
        write!(line, ", {} bytes", bytes.len()).unwrap();
        let differing: Vec<usize> =
            (0..bytes.len()).filter(|&at| bytes[at] != original[at]).collect();
        if !differing.is_empty() {
            write!(line, " (altered: {differing:?})").unwrap();
        }
        let (mut received, mut last) = (0, None);
        for (at, frame) in &fetched.frames {
            // How much was there before each pause of a second.
            if last.is_none_or(|last| *at - last >= Duration::from_secs(1)) {
                write!(line, ", {received} before {}", at.as_millis()).unwrap();
            }
            (received, last) = (received + frame.len(), Some(*at));
        }
    }
    let (properly, at) = fetched.ended;
    write!(line, ", {} {}", at.as_millis(), if properly { "end" } else { "CUT" }).unwrap();
    line
}

#[test]
fn every_fault_looks_as_it_should_in_a_file() {
    let faults = [
        "none",
        "status=503",
        "status=429;retry-after=7",
        "refuse",
        "slow-headers=2s",
        "slow-first=2s",
        "stall@0=1s",
        "stall@50000=1s;stall@100000=2s",
        "cut@0",
        "cut@70000",
        "cut@131072",
        "cut@131073",
        "end@0",
        "end@70000",
        "error@70000",
        "malformed@70000",
        "empty",
        "announce=131100",
        "announce=100",
        "announce=131100;cut@70000",
        "pace=65536",
        "fail@50;slow-job=3s",
    ];
    let table = on_stage(SMALL, async |stage| {
        let original = fetch(stage, CONTENT, &[]).await.bytes();
        let mut table = String::new();
        for fault in faults {
            writeln!(table, "{fault:32} {}", line(stage, fault, &original).await).unwrap();
        }
        let stats = stage.stats().await;
        for count in ["started", "finished", "cut", "open"] {
            writeln!(table, "transfers {count} {}", stats["media"]["transfers"][count]).unwrap();
        }
        for count in ["finished", "faulted", "cancelled"] {
            let counts = &stats["endpoints"]["video_content"];
            writeln!(table, "requests {count} {}", counts[count]).unwrap();
        }
        table
    });
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("media_content_faults", table);
    });
}

#[test]
fn the_id_can_say_what_goes_wrong_for_a_number_of_tries() {
    on_stage(SMALL, async |stage| {
        let path = "/v1/videos/vid_weir%7Ecut%4050000%3Btries%3D2/content";
        for (expected, whole) in [(50_000, false), (50_000, false), (SMALL_BYTES, true)] {
            let fetched = fetch(stage, path, &[]).await;
            assert_eq!((fetched.bytes().len(), fetched.ended.0), (expected, whole));
        }
        // A client that counts the tries of each request on its own gets on, too.
        let path = "/v1/videos/vid_weir~cut@50000;tries=1;/content";
        for whole in [false, true] {
            let fetched = fetch(stage, path, &[("x-stainless-retry-count", "0")]).await;
            assert_eq!(fetched.ended.0, whole);
        }
        let bytes = "/v1/videos/vid_weir~bytes=200000/content";
        assert_eq!(fetch(stage, bytes, &[]).await.bytes().len(), 200_000);
        let header = [("x-weir-fault", "status=500;tries=1")];
        for status in [500, 200] {
            assert_eq!(fetch(stage, "/v1/videos/vid_weir-3/content", &header).await.status, status);
        }
    });
}

#[test]
fn an_interrupted_file_can_be_resumed_to_its_end() {
    on_stage(SMALL, async |stage| {
        let path = "/v1/videos/vid_weir~cut@50000;tries=2/content";
        let expected = fetch(stage, path, &[("x-weir-fault", "none")]).await;
        let etag = expected.header("etag").to_owned();
        // The count of tries began with the whole file above.
        let mut all = Vec::new();
        while all.len() < SMALL_BYTES {
            let range = format!("bytes={}-", all.len());
            let part = fetch(stage, path, &[("range", &range), ("if-range", &etag)]).await;
            assert_eq!(part.status, 206);
            all.extend(part.bytes());
        }
        assert_eq!(all, expected.bytes());
    });
}

#[test]
fn other_files_of_a_video_are_pictures() {
    on_stage(SMALL, async |stage| {
        for (variant, kind, mark) in [
            ("thumbnail", "image/webp", &b"RIFF"[..]),
            ("spritesheet", "image/jpeg", &b"\xFF\xD8\xFF"[..]),
        ] {
            let path = format!("{CONTENT}?variant={variant}");
            let fetched = fetch(stage, &path, &[]).await;
            assert_eq!((fetched.status.as_u16(), fetched.header("content-type")), (200, kind));
            assert!(fetched.bytes().starts_with(mark), "{variant}");
            assert_eq!(fetched.bytes(), fetch(stage, &path, &[]).await.bytes());
        }
        let other = fetch(stage, "/v1/videos/vid_weir/content?variant=sound", &[]).await;
        assert_eq!(other.status, 400);
    });
}
