//! Numbers that docs/gateway.md promises, where no other test has them.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::world::{
    DONE, Gateway, Log, PATIENCE, Upstream, chat, delta, settings_for, upstream_tables,
};
use crate::Server;
use crate::round::PER_ROUND;

/// Requests beyond the cap are told so within this. The promise is 50 ms, and the benchmark shows
/// what is reached; a test shares its machine with others.
const REFUSED_WITHIN: Duration = Duration::from_millis(500);

/// An upstream whose streams begin at once and end as soon as `release` lets them.
async fn held() -> (Upstream, Arc<Semaphore>) {
    let release = Arc::new(Semaphore::new(0));
    let of_upstream = Arc::clone(&release);
    let upstream = Upstream::start(move |mut peer| {
        let release = Arc::clone(&of_upstream);
        async move {
            peer.begin().await;
            peer.chunk(&delta("first")).await;
            release.acquire().await.ok()?.forget();
            peer.done().await
        }
    })
    .await;
    (upstream, release)
}

#[tokio::test]
async fn of_three_times_the_cap_one_third_is_carried_and_the_rest_is_refused_at_once() {
    const CAP: usize = 50;
    let (upstream, release) = held().await;
    let gateway = Gateway::before(&[&upstream], &format!("[limits]\nopen_streams = {CAP}\n"));
    let mut clients = JoinSet::new();
    for _ in 0..3 * CAP {
        let mut client = gateway.connect().await;
        clients.spawn(async move {
            let asked = Instant::now();
            client.send(&chat(true)).await;
            assert!(client.reads("\r\n\r\n").await);
            let head_after = asked.elapsed();
            (client.answer().await, head_after)
        });
    }
    let refused = async {
        let mut refused = Vec::new();
        while refused.len() < 2 * CAP {
            let (answer, head_after) = clients.join_next().await.unwrap().unwrap();
            assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
            refused.push(head_after);
        }
        refused
    };
    let refused = timeout(PATIENCE, refused).await.expect("two thirds are refused");
    let slowest = refused.iter().max().unwrap();
    assert!(*slowest < REFUSED_WITHIN, "{slowest:?}");
    // Those inside have noticed nothing.
    assert_eq!(clients.len(), CAP);
    release.add_permits(CAP);
    while let Some(carried) = clients.join_next().await {
        let (answer, _) = carried.unwrap();
        assert_eq!((answer.status, answer.whole), (200, true));
        assert!(answer.body.ends_with(DONE));
    }
    let name = "weir_gateway_upstream_requests_total{upstream=\"a\",result=\"ok\"}";
    gateway.metric_becomes(name, 50.0).await;
}

/// The order of events on one worker, which no speed of the machine changes: everybody waits in
/// the kernel when it starts.
#[tokio::test]
async fn refusals_do_not_wait_for_the_upstream_work_of_those_admitted_before() {
    const CAP: usize = 2 * PER_ROUND;
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = upstream.local_addr().unwrap();
    let settings = settings_for(
        1,
        &format!(
            "[limits]\nopen_streams = {CAP}\n[[upstream]]\nname = \"a\"\nurl = \"http://{url}\"\n"
        ),
    );
    let server = Server::bind(settings, None).unwrap();
    let clients: Vec<_> = (0..3 * CAP)
        .map(|_| {
            let mut client = std::net::TcpStream::connect(server.address()).unwrap();
            client.write_all(chat(true).as_bytes()).unwrap();
            client.set_nonblocking(true).unwrap();
            client
        })
        .collect();
    let _gateway = Gateway::run(server, Log::default());
    // The first round's worth may have gone before anybody was refused, and nobody more. The
    // health check connects, too, once.
    let mut begun = Vec::new();
    while begun.len() < PER_ROUND + 2 {
        begun.push(timeout(PATIENCE, upstream.accept()).await.expect("a connection").unwrap());
    }
    let told = |client: &std::net::TcpStream| {
        let mut first = [0; "HTTP/1.1 503".len()];
        client.peek(&mut first).is_ok_and(|_| first == *b"HTTP/1.1 503")
    };
    let refused = clients.iter().filter(|client| told(client)).count();
    assert_eq!(refused, 2 * CAP, "some still wait for what is not theirs");
}

/// On one worker, too, and with everybody there when it starts.
#[tokio::test]
async fn who_comes_first_goes_to_the_upstream_first() {
    const CLIENTS: usize = 4 * PER_ROUND;
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = upstream.local_addr().unwrap();
    let settings =
        settings_for(1, &format!("[[upstream]]\nname = \"a\"\nurl = \"http://{url}\"\n"));
    let server = Server::bind(settings, None).unwrap();
    let _clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let mut client = std::net::TcpStream::connect(server.address()).unwrap();
            let request = chat(true).replace("host: weir", &format!("x-number: {number}"));
            client.write_all(request.as_bytes()).unwrap();
            client
        })
        .collect();
    let _gateway = Gateway::run(server, Log::default());
    let mut order = Vec::new();
    while order.len() < CLIENTS {
        let (mut stream, _) = timeout(PATIENCE, upstream.accept()).await.unwrap().unwrap();
        let mut request = String::new();
        while !request.contains("\r\n\r\n") {
            let mut bytes = [0; 4096];
            match timeout(PATIENCE, stream.read(&mut bytes)).await.unwrap().unwrap() {
                0 => break,
                read => request.push_str(std::str::from_utf8(&bytes[..read]).unwrap()),
            }
        }
        // The health check connects, too.
        let number = request.lines().find_map(|line| line.strip_prefix("x-number: "));
        order.extend(number.map(|number| number.parse::<usize>().unwrap()));
    }
    // How many share a later round is the machine's affair, and in a round nobody waits for another:
    // the door's and the pace's own tests have the whole order.
    let (first, later) = order.split_at_mut(PER_ROUND);
    first.sort_unstable();
    later.sort_unstable();
    assert_eq!(first, (0..PER_ROUND).collect::<Vec<_>>());
    assert_eq!(later, (PER_ROUND..CLIENTS).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_place_at_an_upstream_comes_back_however_a_try_has_ended() {
    let upstream = Upstream::start(|mut peer| async move {
        match peer.number % 5 {
            // Hangs up; refuses; breaks off; says nothing until it is left; answers.
            0 => None,
            1 => peer.reply("500 Internal Server Error", "connection: close\r\n", "{}").await,
            2 => {
                peer.begin().await;
                peer.chunk(&delta("half")).await;
                None
            }
            3 => {
                peer.left().await;
                None
            }
            _ => peer.reply("200 OK", "connection: close\r\n", "{}").await,
        }
    })
    .await;
    let more = "[retry]\nattempts = 1\n[deadlines]\nupstream_head = \"100ms\"\n";
    let table = upstream_tables(&[&upstream]) + "open_streams = 1\n";
    let gateway = Gateway::start(&format!("{more}{table}"));
    for round in 0..4 {
        let mut client = gateway.connect().await;
        for expected in [502, 500, 200, 504, 200] {
            client.send(&chat(true)).await;
            let answer = client.answer().await;
            assert_eq!(answer.status, expected, "round {round}: {answer:?}");
            // The place is given back when the answer's end is accounted for, a turn later.
            let open = "weir_gateway_upstream_open_streams{upstream=\"a\"}";
            gateway.metric_becomes(open, 0.0).await;
        }
    }
}

#[tokio::test]
async fn a_pooled_connection_that_has_died_costs_no_answer_and_no_try() {
    // Every connection serves one request and is closed without a word about it.
    let upstream = Upstream::start(|mut peer| async move {
        peer.begin().await;
        peer.chunk(DONE).await;
        drop(peer.end().await);
        None
    })
    .await;
    let gateway = Gateway::before(&[&upstream], "[retry]\nattempts = 1\n");
    let mut client = gateway.connect().await;
    for _ in 0..20 {
        client.send(&chat(true)).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.body.as_str()), (200, DONE));
    }
    let usage = gateway.usage().await;
    assert_eq!(usage.len(), 20);
    assert!(usage.iter().all(|line| line["attempts"] == 1), "{usage:?}");
}

#[tokio::test]
async fn the_time_to_the_first_token_begins_when_the_request_arrives() {
    const WAIT: Duration = Duration::from_millis(300);
    let (upstream, release) = held().await;
    let limits = "[limits]\nopen_streams = 1\nqueue = 1\n";
    let gateway = Gateway::before(&[&upstream], limits);
    let mut first = gateway.streaming().await;
    assert!(first.reads("first").await);
    // This one waits for a place: no handler, and no upstream, knows of it meanwhile.
    let mut second = gateway.streaming().await;
    gateway.metric_becomes("weir_gateway_queue_length", 1.0).await;
    tokio::time::sleep(WAIT).await;
    release.add_permits(2);
    for client in [&mut first, &mut second] {
        assert!(client.answer().await.whole);
    }
    // This one's body comes late.
    let (head, body) =
        chat(true).split_once("\r\n\r\n").map(|(h, b)| (h.to_owned(), b.to_owned())).unwrap();
    let mut third = gateway.connect().await;
    third.send(&format!("{head}\r\n\r\n")).await;
    // Its time begins when it is accepted: these three, and the one that asks.
    gateway.metric_becomes("weir_gateway_connections", 4.0).await;
    tokio::time::sleep(WAIT).await;
    release.add_permits(1);
    third.send(&body).await;
    assert!(third.answer().await.whole);
    let usage = gateway.usage().await;
    let ttft: Vec<_> = usage.iter().map(|line| line["ttft_ms"].as_u64().unwrap()).collect();
    assert!(ttft[1] >= 300 && ttft[2] >= 300, "{ttft:?}");
}

#[tokio::test]
async fn what_a_cancelled_stream_has_used_is_billed() {
    let (upstream, _release) = held().await;
    let key = crate::new_key().unwrap();
    let text = format!(
        "{}[[key]]\nname = \"k\"\nsha256 = \"{}\"\ntokens_per_minute = 1\n",
        upstream_tables(&[&upstream]),
        key.hash
    );
    let gateway = Gateway::start(&text);
    let request = chat(true).replace("host: weir", &format!("authorization: Bearer {}", key.key));
    let mut client = gateway.connect().await;
    client.send(&request).await;
    assert!(client.reads("first").await);
    drop(client);
    gateway.metric_becomes("weir_gateway_streams_total{outcome=\"client_left\"}", 1.0).await;
    // One chunk was passed on, and one token a minute is all there is.
    let refused = gateway.ask(&request).await;
    assert!(refused.status == 429 && refused.body.contains("token_rate"), "{refused:?}");
    let usage = gateway.usage().await;
    assert_eq!((&usage[0]["chunks"], &usage[0]["outcome"]), (&1.into(), &"client_left".into()));
}
