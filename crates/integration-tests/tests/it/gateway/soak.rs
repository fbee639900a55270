//! Thousands of streams that end in every way, and what they leave behind: nothing.
//!
//! A quarter of a minute in every test run; `cargo xtask test --only soak --long 30m` for as long as
//! one likes.

use std::cell::Cell;
use std::fs;
use std::time::Duration;

use integration_tests::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::{PATIENCE, stat};

/// How long, unless `WEIR_SOAK` says otherwise (`90s`, `30m`).
const LENGTH: Duration = Duration::from_secs(15);

/// Looks at what is left behind, evenly spread over the length.
const ROUNDS: u32 = 10;

/// Rounds after which buffers, pools and allocators have their size.
const WARM: usize = 3;

/// Clients at once.
const CLIENTS: u64 = 100;

/// Answers long enough to leave them in every phase: 60 ms.
const PROFILE: &str =
    "[short]\nttft = \"20ms\"\ngap = \"2ms\"\nevents = 20\nchars_per_event = 7.69\n";

/// What the upstream does, drawn with equal chances.
const FAULTS: [&str; 8] =
    ["", "", "", "slow-headers=40ms", "slow-first=40ms", "stall@9=40ms", "cut@9", "status=500"];

const PATHS: [&str; 3] = ["/v1/messages", "/v1/chat/completions", "/v1/responses"];

/// A linear congruential generator (Knuth's MMIX): the same departures in every run.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        let at = self.below(u64::try_from(all.len()).unwrap());
        all[usize::try_from(at).unwrap()]
    }
}

/// How streams ended, as their clients saw it.
#[derive(Default)]
struct Seen {
    ended: Cell<u64>,
    left: Cell<u64>,
    /// Without a fault of the upstream's, and begun, but not whole.
    broken: Cell<u64>,
}

/// Asks again and again until `end`; stays for the answer, or leaves at any moment of it.
async fn come_and_go(address: &str, mut draws: Draws, end: Instant, seen: &Seen) {
    while Instant::now() < end {
        let patience = match draws.below(2) {
            0 => Duration::from_millis(draws.below(80)),
            _ => PATIENCE,
        };
        let (path, fault) = (draws.one_of(&PATHS), draws.one_of(&FAULTS));
        let body = "{\"model\":\"m\",\"max_tokens\":99,\"stream\":true,\
                    \"input\":\"a\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}";
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: weir\r\ncontent-type: application/json\r\n\
             connection: close\r\nx-weir-fault: {fault}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let stream = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            // A reset is one of the ways in which an answer may end.
            let _ = stream.read_to_end(&mut answer).await;
            answer
        };
        let count = match timeout_at(Instant::now() + patience, stream).await {
            Ok(answer) => {
                let begun = answer.starts_with(b"HTTP/1.1 200");
                if begun && fault.is_empty() && !is_whole(&answer) {
                    seen.broken.set(seen.broken.get() + 1);
                }
                &seen.ended
            }
            Err(_) => &seen.left,
        };
        count.set(count.get() + 1);
    }
}

/// Whether a stream has the end of its dialect.
fn is_whole(answer: &[u8]) -> bool {
    let answer = String::from_utf8_lossy(answer);
    ["event: message_stop", "data: [DONE]", "event: response.completed"]
        .iter()
        .any(|end| answer.contains(end))
}

/// What a server holds while it has nothing to do.
#[derive(Debug, Clone, Copy)]
struct Idle {
    memory_kib: u64,
    descriptors: u64,
    tasks: u64,
}

async fn idle(gateway: &Server) -> Idle {
    let began = Instant::now();
    // The connection that asks is one of them.
    while gateway.metric("weir_gateway_connections").unwrap() > 1.0 {
        assert!(began.elapsed() < PATIENCE, "connections stay open");
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(gateway.metric("weir_gateway_open_streams").unwrap(), 0.0);
    let tasks = format!("{:.0}", gateway.metric("weir_gateway_tasks").unwrap());
    let status = fs::read_to_string(format!("/proc/{}/status", gateway.pid())).unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let descriptors = fs::read_dir(format!("/proc/{}/fd", gateway.pid())).unwrap().count();
    Idle {
        memory_kib: memory.trim().trim_end_matches(" kB").parse().unwrap(),
        descriptors: u64::try_from(descriptors).unwrap(),
        tasks: tasks.parse().unwrap(),
    }
}

fn length() -> Duration {
    #[expect(clippy::disallowed_methods, reason = "a test, told by whoever runs it")]
    let asked = std::env::var("WEIR_SOAK");
    let Ok(asked) = asked else { return LENGTH };
    stress::notation::duration(&asked).unwrap_or_else(|error| panic!("WEIR_SOAK: {error}"))
}

#[tokio::test]
async fn streams_that_come_and_go_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("short.toml");
    fs::write(&profile, PROFILE.replace("[short]\n", "")).unwrap();
    let simulator = Server::simulator(["--profile", profile.to_str().unwrap()]).unwrap();
    let gateway = Server::gateway(["--upstream", &simulator.url, "--http2"]).unwrap();
    let address = gateway.url.strip_prefix("http://").unwrap().to_owned();
    let (seen, round) = (std::rc::Rc::new(Seen::default()), length() / ROUNDS);
    let mut looks = Vec::new();
    for number in 0..u64::from(ROUNDS) {
        let (clients, end) = (LocalSet::new(), Instant::now() + round);
        for client in 0..CLIENTS {
            let (address, seen) = (address.clone(), std::rc::Rc::clone(&seen));
            let draws = Draws(number * CLIENTS + client);
            clients.spawn_local(async move { come_and_go(&address, draws, end, &seen).await });
        }
        clients.await;
        let left_behind = idle(&gateway).await;
        println!("{} ended, {} left: {left_behind:?}", seen.ended.get(), seen.left.get());
        looks.push(left_behind);
    }
    assert!(seen.ended.get() > 500 && seen.left.get() > 500, "too few to learn from");
    assert_eq!(seen.broken.get(), 0, "answers broke that nothing but others' leaving could break");
    // The most of the warm rounds against the least of the last ones: what grows, shows.
    let (warm, late) = (&looks[..WARM], &looks[looks.len() - WARM..]);
    let grown = |what: fn(&Idle) -> u64| {
        (warm.iter().map(what).max().unwrap(), late.iter().map(what).min().unwrap())
    };
    let (before, after) = grown(|look| look.memory_kib);
    assert!(after <= before + before / 8, "{before} KiB, then {after} KiB");
    let (before, after) = grown(|look| look.descriptors);
    assert!(after <= before, "{before} descriptors, then {after}");
    let (before, after) = grown(|look| look.tasks);
    assert!(after <= before, "{before} tasks, then {after}");
    assert_eq!(stat(&simulator, "active"), 0);
}
