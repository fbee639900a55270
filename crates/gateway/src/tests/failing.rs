//! Upstreams that fail: what clients see, and who steps in.

use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use super::world::{DONE, Gateway, Peer, Upstream, chat, delta, post};

/// An upstream that answers well.
async fn well() -> Upstream {
    Upstream::start(|mut peer: Peer| async move {
        peer.begin().await;
        peer.chunk(&delta("well")).await;
        peer.done().await
    })
    .await
}

/// An upstream that answers every request with a status.
async fn refusing(status: &'static str, headers: &'static str) -> Upstream {
    Upstream::start(move |peer| peer.reply(status, headers, "{\"error\":{}}")).await
}

const A_FIRST: &str = "[[route]]\nmodel = \"*\"\nupstreams = [\"a\"]\nfallback = [\"b\"]\n";

/// What a client sees of a stream that its upstream cuts after one and a half events.
async fn cut(path: &'static str, clean: bool) -> super::world::Answer {
    let upstream = Upstream::start(move |mut peer| async move {
        peer.begin().await;
        peer.chunk(&delta("whole")).await;
        peer.chunk("data: {\"cho").await;
        // The reset must not overtake the bytes.
        tokio::time::sleep(Duration::from_millis(50)).await;
        if clean { peer.end().await } else { None }
    })
    .await;
    let gateway = Gateway::before(&[&upstream], "");
    let answer = gateway.ask(&post(path, "", "{\"model\":\"m\",\"stream\":true}")).await;
    gateway.metric_becomes("weir_gateway_streams_total{outcome=\"upstream_failed\"}", 1.0).await;
    answer
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_with_an_error_event_and_no_terminal_one() {
    for clean in [true, false] {
        let answer = cut("/v1/chat/completions", clean).await;
        let (whole, error) = answer.body.split_once("\n\n").unwrap();
        assert_eq!(format!("{whole}\n\n"), delta("whole"));
        let error: serde_json::Value =
            serde_json::from_str(error.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(error["error"]["code"], "broken");
        assert!(answer.whole && !answer.body.contains("[DONE]"));
    }
}

#[tokio::test]
async fn the_error_event_speaks_the_callers_dialect() {
    let answer = cut("/v1/messages", false).await;
    let opening = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\"";
    assert!(answer.body.contains(opening), "{}", answer.body);
    assert!(!answer.body.contains("message_stop"));
    let answer = cut("/v1/responses", false).await;
    assert!(answer.body.contains("event: error\ndata: {\"code\":\"broken\""), "{}", answer.body);
    assert!(answer.body.contains("\"sequence_number\":1"), "{}", answer.body);
}

#[tokio::test]
async fn an_answer_that_is_not_streamed_and_breaks_off_is_cut() {
    let upstream = Upstream::start(|mut peer| async move {
        peer.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":").await;
        None
    })
    .await;
    let gateway = Gateway::before(&[&upstream], "");
    let answer = gateway.ask(&chat(false)).await;
    assert!(!answer.whole, "{answer:?}");
    gateway.metric_becomes("weir_gateway_streams_total{outcome=\"upstream_failed\"}", 1.0).await;
}

#[tokio::test]
async fn another_upstream_steps_in_before_the_first_byte() {
    let silent = Upstream::start(|peer| async move {
        peer.left().await;
        None
    })
    .await;
    let closing = Upstream::start(|_| async { None }).await;
    let stillborn = Upstream::start(|mut peer| async move {
        peer.begin().await;
        peer.end().await
    })
    .await;
    let refusing = refusing("503 Service Unavailable", "").await;
    let dead = [
        super::world::upstream_tables(&[&silent]),
        super::world::upstream_tables(&[&closing]),
        super::world::upstream_tables(&[&stillborn]),
        super::world::upstream_tables(&[&refusing]),
    ];
    for table in dead {
        let second = well().await;
        let text = format!(
            "[deadlines]\nupstream_head = \"300ms\"\n{A_FIRST}{table}\
             [[upstream]]\nname = \"b\"\nurl = \"http://{}\"\n",
            second.address
        );
        let gateway = Gateway::start(&text);
        let answer = gateway.ask(&chat(true)).await;
        assert_eq!((answer.status, answer.body), (200, delta("well") + DONE), "{table}");
        gateway.metric_becomes("weir_gateway_failovers_total{upstream=\"a\"}", 1.0).await;
    }
}

#[tokio::test]
async fn a_killed_upstream_leaves_error_events_behind_and_new_requests_go_elsewhere() {
    let dying = Upstream::start(|mut peer| async move {
        peer.begin().await;
        peer.chunk(&delta("first")).await;
        peer.left().await;
        None
    })
    .await;
    let second = well().await;
    let gateway = Gateway::before(&[&dying, &second], A_FIRST);
    let mut clients = Vec::new();
    for _ in 0..50 {
        let mut client = gateway.streaming().await;
        assert!(client.reads("first").await);
        clients.push(client);
    }
    dying.kill().await;
    let asked = tokio::time::Instant::now();
    assert_eq!(gateway.ask(&chat(true)).await.body, delta("well") + DONE);
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    for mut client in clients {
        let answer = client.answer().await;
        assert!(answer.body.contains("\"code\":\"broken\""), "{answer:?}");
        assert!(!answer.body.contains("[DONE]"));
    }
}

#[tokio::test]
async fn the_last_refusal_passes_unchanged_and_x_should_retry_is_obeyed() {
    let upstream = refusing("529 Overloaded", "retry-after: 60\r\n").await;
    let gateway = Gateway::before(&[&upstream], "");
    let answer = gateway.ask(&chat(true)).await;
    assert_eq!((answer.status, answer.header("retry-after")), (529, Some("60")));
    assert_eq!(answer.body, "{\"error\":{}}");
    // 60 s are beyond the budget: nothing was tried again.
    assert_eq!(gateway.usage().await[0]["attempts"], 1);
    let upstream = refusing("500 Internal Server Error", "x-should-retry: false\r\n").await;
    let gateway = Gateway::before(&[&upstream], "");
    assert_eq!(gateway.ask(&chat(true)).await.status, 500);
    assert_eq!(gateway.usage().await[0]["attempts"], 1);
}

#[tokio::test]
async fn the_same_upstream_is_asked_again_after_the_time_it_asks_for() {
    let upstream = Upstream::start(|mut peer| async move {
        if peer.number == 0 {
            return peer.reply("429 Too Many Requests", "retry-after-ms: 300\r\n", "{}").await;
        }
        peer.begin().await;
        peer.done().await
    })
    .await;
    let gateway = Gateway::before(&[&upstream], "");
    let asked = tokio::time::Instant::now();
    assert_eq!(gateway.ask(&chat(true)).await.status, 200);
    assert!(asked.elapsed() >= Duration::from_millis(300));
    assert_eq!(gateway.usage().await[0]["attempts"], 2);
}

#[tokio::test]
async fn who_asks_to_be_left_alone_is_left_alone_while_there_are_others() {
    let busy = refusing("429 Too Many Requests", "retry-after: 30\r\n").await;
    let other = well().await;
    let gateway = Gateway::before(&[&busy, &other], "");
    for _ in 0..8 {
        assert_eq!(gateway.ask(&chat(true)).await.status, 200);
    }
    let asked = "weir_gateway_upstream_requests_total{upstream=\"a\",result=\"429\"}";
    gateway.metric_becomes(asked, 1.0).await;
    // Nobody else is there: what it says tells the client more than what we could.
    let gateway = Gateway::before(&[&busy], "");
    for _ in 0..2 {
        let answer = gateway.ask(&chat(true)).await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("30")));
    }
}

#[tokio::test]
async fn nothing_is_tried_again_after_the_first_byte() {
    let upstream = Upstream::start(|mut peer| async move {
        peer.begin().await;
        peer.chunk(&delta(&format!("try {}", peer.number))).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        None
    })
    .await;
    let second = well().await;
    let gateway = Gateway::before(&[&upstream, &second], A_FIRST);
    let answer = gateway.ask(&chat(true)).await;
    assert!(answer.body.starts_with(&delta("try 0")) && !answer.body.contains("well"));
    assert_eq!(gateway.usage().await[0]["attempts"], 1);
}

#[tokio::test]
async fn every_deadline_has_its_name() {
    let check = async |deadlines: &str,
                       code: &str,
                       stream: bool,
                       script: fn(&mut Peer) -> String| {
        let upstream = Upstream::start(move |mut peer| async move {
            let text = script(&mut peer);
            peer.write(&text).await;
            peer.left().await;
            None
        })
        .await;
        let more = format!("[retry]\nattempts = 1\n[deadlines]\n{deadlines}\n");
        let gateway = Gateway::before(&[&upstream], &more);
        let answer = gateway.ask(&chat(stream)).await;
        assert!(answer.body.contains(&format!("\"code\":\"{code}\"")), "{code}: {answer:?}");
        gateway
            .metric_becomes(&format!("weir_gateway_deadlines_total{{deadline=\"{code}\"}}"), 1.0)
            .await;
        answer.status
    };
    let nothing = |_: &mut Peer| String::new();
    let head =
        |_: &mut Peer| "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n".to_owned();
    let event = |_: &mut Peer| {
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{}", delta("x"))
    };
    assert_eq!(
        check("upstream_head = \"200ms\"", "upstream_head_deadline", true, nothing).await,
        504
    );
    assert_eq!(
        check("whole_answer = \"200ms\"", "whole_answer_deadline", false, nothing).await,
        504
    );
    assert_eq!(check("first_event = \"200ms\"", "first_event_deadline", true, head).await, 504);
    assert_eq!(check("idle = \"200ms\"", "idle_deadline", true, event).await, 200);
    assert_eq!(check("total = \"300ms\"", "total_deadline", true, event).await, 200);
    assert_eq!(check("total = \"300ms\"", "total_deadline", true, nothing).await, 504);
}

#[tokio::test]
async fn silence_is_broken_by_comments_from_acceptance_on_and_between_events() {
    let upstream = Upstream::start(|mut peer| async move {
        tokio::time::sleep(Duration::from_millis(350)).await;
        peer.begin().await;
        tokio::time::sleep(Duration::from_millis(150)).await;
        // Half an event, then silence: no comment may come between.
        peer.chunk("data: {\"cho").await;
        tokio::time::sleep(Duration::from_millis(250)).await;
        peer.chunk("ices\":[]}\n\n").await;
        peer.done().await
    })
    .await;
    let gateway = Gateway::before(&[&upstream], "[keep_alive]\nevery = \"100ms\"\n");
    let answer = gateway.ask(&chat(true)).await;
    let comments = answer.body.matches(": keep-alive\n\n").count();
    assert!((4..=8).contains(&comments), "{}", answer.body);
    let without = answer.body.replace(": keep-alive\n\n", "");
    assert_eq!(without, format!("data: {{\"choices\":[]}}\n\n{DONE}"));
    assert!(answer.whole);
    gateway.metric_becomes("weir_gateway_streams_total{outcome=\"complete\"}", 1.0).await;
}

#[tokio::test]
async fn a_refusal_after_the_first_comment_is_an_error_event() {
    let upstream = Upstream::start(|peer| async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        peer.reply("429 Too Many Requests", "x-should-retry: false\r\n", "{}").await
    })
    .await;
    let gateway = Gateway::before(&[&upstream], "[keep_alive]\nevery = \"100ms\"\n");
    let answer = gateway.ask(&chat(true)).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("\"type\":\"rate_limit_error\""), "{}", answer.body);
}

/// Some providers send comments while a request waits, and others while they think.
#[tokio::test]
async fn a_comment_is_no_event_for_any_deadline() {
    let murmuring = |first: &'static str| {
        Upstream::start(move |mut peer| async move {
            peer.begin().await;
            peer.chunk(first).await;
            for _ in 0..200 {
                peer.chunk(": waiting\n\n").await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            None
        })
    };
    let deadlines = "[deadlines]\nfirst_event = \"200ms\"\nidle = \"200ms\"\n";
    let (first, second) = (murmuring(": begun\n\n").await, well().await);
    let gateway = Gateway::before(&[&first, &second], &format!("{deadlines}{A_FIRST}"));
    let answer = gateway.ask(&chat(true)).await;
    assert_eq!(answer.body, delta("well") + DONE, "another one takes over");
    let begun: &'static str = delta("x").leak();
    let thinking = murmuring(begun).await;
    let gateway = Gateway::before(&[&thinking], deadlines);
    let answer = gateway.ask(&chat(true)).await;
    assert!(answer.body.contains("\"code\":\"idle_deadline\""), "{}", answer.body);
}

/// Connections that fill the backlog of a listener nobody accepts from: whoever comes after them is
/// never answered, as in a network that drops packets.
async fn backlog_filled() -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = socket.listen(0).unwrap();
    let mut filling = Vec::new();
    while let Ok(connected) =
        timeout(Duration::from_millis(100), TcpStream::connect(full.local_addr().unwrap())).await
    {
        filling.push(connected.unwrap());
    }
    (full, filling)
}

#[tokio::test]
async fn with_the_usual_deadlines_another_upstream_steps_in_for_one_that_is_not_reached() {
    let (full, _filling) = backlog_filled().await;
    let address = full.local_addr().unwrap();
    let second = well().await;
    let text = format!(
        "{A_FIRST}[[upstream]]\nname = \"a\"\nurl = \"http://{address}\"\n\
         [[upstream]]\nname = \"b\"\nurl = \"http://{}\"\n",
        second.address
    );
    let gateway = Gateway::start(&text);
    let answer = gateway.ask(&chat(true)).await;
    let answered = answer.body.replace(": keep-alive\n\n", "");
    assert_eq!((answer.status, answered), (200, delta("well") + DONE));
}

#[tokio::test]
async fn an_upstream_that_is_not_reached_holds_up_nobody_elses_health_check() {
    let (full, _filling) = backlog_filled().await;
    let other = well().await;
    let health = "health = { every = \"200ms\" }\n";
    let text = format!(
        "[deadlines]\nconnect = \"1h\"\n[[upstream]]\nname = \"a\"\nurl = \"http://{}\"\n{health}\
         [[upstream]]\nname = \"b\"\nurl = \"http://{}\"\n{health}",
        full.local_addr().unwrap(),
        other.address
    );
    let gateway = Gateway::start(&text);
    gateway.metric_becomes("weir_gateway_upstream_up{upstream=\"b\"}", 1.0).await;
    other.kill().await;
    gateway.metric_becomes("weir_gateway_upstream_up{upstream=\"b\"}", 0.0).await;
}

#[tokio::test]
async fn answers_that_break_off_open_the_breaker_too() {
    let dying = Upstream::start(|mut peer| async move {
        peer.begin().await;
        peer.chunk(&delta("x")).await;
        None
    })
    .await;
    let second = well().await;
    let text = format!(
        "{A_FIRST}{}breaker = {{ failures = 2 }}\n[[upstream]]\nname = \"b\"\nurl = \"http://{}\"\n",
        super::world::upstream_tables(&[&dying]),
        second.address
    );
    let gateway = Gateway::start(&text);
    for _ in 0..2 {
        let answer = gateway.ask(&chat(true)).await;
        assert!(answer.body.contains("\"code\":\"broken\""), "{}", answer.body);
    }
    assert_eq!(gateway.ask(&chat(true)).await.body, delta("well") + DONE);
    gateway.metric_becomes("weir_gateway_upstream_broken_total{upstream=\"a\"}", 2.0).await;
    gateway.metric_becomes("weir_gateway_failovers_total{upstream=\"a\"}", 1.0).await;
}

#[tokio::test]
async fn a_provider_that_says_that_it_failed_has_failed() {
    for (status, outcome) in
        [("500 Internal Server Error", "upstream_failed"), ("404 Not Found", "upstream_refused")]
    {
        let upstream = refusing(status, "").await;
        let gateway = Gateway::before(&[&upstream], "[retry]\nattempts = 1\n");
        gateway.ask(&chat(true)).await;
        let ended = format!("weir_gateway_streams_total{{outcome=\"{outcome}\"}}");
        gateway.metric_becomes(&ended, 1.0).await;
    }
}

#[tokio::test]
async fn an_open_breaker_spares_the_upstream_while_others_can_take_over() {
    let failing = refusing("500 Internal Server Error", "").await;
    let second = well().await;
    let breaker = "breaker = { failures = 2, open_for = \"300ms\" }\n";
    let text = format!(
        "{A_FIRST}{}{breaker}[[upstream]]\nname = \"b\"\nurl = \"http://{}\"\n",
        super::world::upstream_tables(&[&failing]),
        second.address
    );
    let gateway = Gateway::start(&text);
    let asked = "weir_gateway_upstream_requests_total{upstream=\"a\",result=\"5xx\"}";
    for _ in 0..4 {
        assert_eq!(gateway.ask(&chat(true)).await.status, 200);
    }
    gateway.metric_becomes(asked, 2.0).await;
    gateway.metric_becomes("weir_gateway_upstream_up{upstream=\"a\"}", 0.0).await;
    tokio::time::sleep(Duration::from_millis(350)).await;
    for _ in 0..3 {
        assert_eq!(gateway.ask(&chat(true)).await.status, 200);
    }
    // One request may try again.
    gateway.metric_becomes(asked, 3.0).await;
}

#[tokio::test]
async fn a_single_upstream_is_asked_however_often_it_has_failed() {
    let upstream = refusing("500 Internal Server Error", "").await;
    let breaker = "breaker = { failures = 1 }\n";
    let table = super::world::upstream_tables(&[&upstream]) + breaker;
    let gateway = Gateway::start(&format!("[retry]\nattempts = 1\n{table}"));
    for _ in 0..3 {
        assert_eq!(gateway.ask(&chat(true)).await.status, 500);
    }
}
