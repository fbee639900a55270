//! The client over cleartext HTTP/2: many users share a few connections, through the `h2` crate.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use h2::client::SendRequest;
use http::{Method, Request};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep_until};

use crate::measured::{Measured, Stream};
use crate::scan::{Found, Lines};
use crate::target::{BODY, Target};

/// Bytes that may be on their way on one stream, and on one connection: never the limit here.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 1 << 30;

type Shared = Rc<RefCell<Measured>>;

/// Holds one stream for each user, and returns when all have ended.
///
/// # Errors
/// When a connection cannot be opened.
pub(crate) fn load(
    target: &Target,
    users: u32,
    spread: Duration,
    connections: u32,
) -> Result<Measured> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = Rc::new(RefCell::new(Measured::new()));
    let all = run(target, users, spread, connections, Rc::clone(&measured));
    runtime.block_on(LocalSet::new().run_until(all))?;
    Ok(measured.replace(Measured::new()))
}

async fn run(
    target: &Target,
    users: u32,
    spread: Duration,
    connections: u32,
    measured: Shared,
) -> Result<()> {
    let mut drivers = JoinSet::new();
    let mut senders = Vec::new();
    for _ in 0..connections {
        senders.push(connect(target, users, &mut drivers).await?);
    }
    let begin = Instant::now();
    let mut streams = JoinSet::new();
    for (user, sender) in (0..users).zip(senders.iter().cycle()) {
        let at = begin + spread * user / users;
        streams.spawn_local(user_at(at, sender.clone(), target.clone(), Rc::clone(&measured)));
    }
    while let Some(ended) = streams.join_next().await {
        ended.context("a user's task")?;
    }
    Ok(())
}

/// Opens one connection; its driver runs until the set is dropped.
async fn connect(
    target: &Target,
    users: u32,
    drivers: &mut JoinSet<()>,
) -> Result<SendRequest<Bytes>> {
    let socket = TcpStream::connect(target.address).await.context("connect")?;
    socket.set_nodelay(true)?;
    let mut builder = h2::client::Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_max_send_streams(usize::try_from(users)?);
    let (sender, connection) = builder.handshake(socket).await.context("HTTP/2 handshake")?;
    drivers.spawn_local(async move {
        // Its error is that of every stream on it, and counted there.
        let _ = connection.await;
    });
    Ok(sender)
}

async fn user_at(at: Instant, sender: SendRequest<Bytes>, target: Target, measured: Shared) {
    sleep_until(at).await;
    let mut stream = Stream::start(Instant::now());
    match answer(sender, &target, &mut stream, &measured).await {
        Ok(()) => measured.borrow_mut().whole(&stream, Instant::now()),
        Err(error) => measured.borrow_mut().broken(format!("{error:#}")),
    }
}

async fn answer(
    sender: SendRequest<Bytes>,
    target: &Target,
    stream: &mut Stream,
    measured: &Shared,
) -> Result<()> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://{}{}", target.address, target.path))
        .header("content-type", "application/json")
        .body(())?;
    let mut sender = sender.ready().await.context("no free stream")?;
    let (response, mut body) = sender.send_request(request, false)?;
    body.send_data(Bytes::from_static(BODY.as_bytes()), true)?;
    let response = response.await?;
    ensure!(response.status() == http::StatusCode::OK, "HTTP {}", response.status());
    let mut body = response.into_body();
    let mut lines = Lines::default();
    let mut done = false;
    while let Some(data) = body.data().await {
        let data = data?;
        let now = Instant::now();
        let mut measured = measured.borrow_mut();
        measured.received(data.len());
        lines.push(&data, &mut |found| match found {
            Found::Chunk => measured.chunk(stream, now),
            Found::Done => done = true,
        })?;
        drop(measured);
        body.flow_control().release_capacity(data.len())?;
    }
    ensure!(done, "ended without its terminal event");
    Ok(())
}
