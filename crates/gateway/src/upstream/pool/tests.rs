use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::JoinSet;

use super::*;
use crate::metrics::Metrics;
use crate::{Settings, Surroundings};

/// Longer than anything here takes, on a machine that does other work, too.
const PATIENCE: Duration = Duration::from_secs(20);

/// Requests that wait for one connection.
const WAITING: usize = 200;

fn pool(listener: &TcpListener) -> Rc<Pool> {
    let url = format!("http://{}", listener.local_addr().unwrap());
    let text = format!("[[upstream]]\nname = \"a\"\nurl = \"{url}\"\nhttp2 = true\n");
    let surroundings =
        Surroundings { variable: &|_| None, file: &|_| Err(std::io::ErrorKind::NotFound.into()) };
    let settings = Settings::parse("weir.toml", &text, surroundings).unwrap();
    let metrics = Metrics::new().upstream("a");
    Pool::new(Arc::clone(&settings.upstreams[0]), metrics, Tasks::default(), Rc::default())
}

/// A peer that allows `streams` on each of its connections.
async fn serve(listener: TcpListener, streams: u32) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(async move {
            let mut builder = h2::server::Builder::new();
            builder.max_concurrent_streams(streams);
            // Who has left meanwhile has no connection.
            let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else { return };
            while let Some(Ok(_)) = connection.accept().await {}
        });
    }
}

/// Goes to the end of the line of all that is ready.
async fn line_up() {
    let mut lined_up = false;
    poll_fn(|context| {
        if std::mem::replace(&mut lined_up, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// How often a task that is always ready had its turn between the first and the last that got
/// their seats, of [`WAITING`] who wait for one connection to be opened.
async fn turns_of_another(streams: u32) -> usize {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let pool = pool(&listener);
    let mut peer = JoinSet::new();
    peer.spawn(serve(listener, streams));
    let turns = Rc::<Cell<usize>>::default();
    let counted = Rc::clone(&turns);
    let mut others = JoinSet::new();
    others.spawn_local(async move {
        loop {
            counted.set(counted.get() + 1);
            line_up().await;
        }
    });
    let mut waiting = JoinSet::new();
    for _ in 0..WAITING {
        let (pool, turns) = (Rc::clone(&pool), Rc::clone(&turns));
        waiting.spawn_local(async move {
            let ready = pool.ready(false).await.map_err(|error| error.to_string());
            (turns.get(), ready.map(|ready| matches!(ready, Ready::Http2(_)).then_some(ready)))
        });
    }
    let all = timeout(PATIENCE, waiting.join_all()).await.expect("a connection");
    assert!(all.iter().all(|(_, ready)| matches!(ready, Ok(Some(_)))), "each has a seat");
    let seated = all.iter().map(|(turn, _)| *turn);
    seated.clone().max().unwrap() - seated.min().unwrap()
}

fn on_a_worker(test: impl Future<Output = ()>) {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    runtime.unwrap().block_on(test);
}

#[test]
fn all_who_wait_for_a_connection_go_on_as_soon_as_it_is_there() {
    on_a_worker(async {
        let turns = turns_of_another(1000).await;
        assert!(turns <= 2, "{turns} turns, and {WAITING} waited");
    });
}

#[test]
fn who_finds_no_room_on_the_new_connection_waits_for_the_next() {
    on_a_worker(async {
        // Two hundred seats on connections of fifty.
        turns_of_another(50).await;
    });
}

#[test]
fn who_waits_for_a_connection_that_fails_is_told_so_at_once() {
    on_a_worker(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let pool = pool(&listener);
        drop(listener);
        let mut waiting = JoinSet::new();
        for _ in 0..WAITING {
            let pool = Rc::clone(&pool);
            waiting.spawn_local(async move { pool.ready(false).await.is_err() });
        }
        let all = timeout(PATIENCE, waiting.join_all()).await.expect("an answer");
        assert!(all.into_iter().all(|failed| failed));
        // All of them shared the one try.
        assert_eq!(pool.failures.borrow().0, 1);
    });
}

#[test]
fn who_gives_up_opening_leaves_it_to_another() {
    on_a_worker(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let pool = pool(&listener);
        // Nobody speaks yet: the first to come waits for the peer's settings.
        let mut first = Box::pin(pool.ready(false));
        let mut context = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut context).is_pending() && pool.opening.get());
        let of_second = Rc::clone(&pool);
        let mut second = JoinSet::new();
        second.spawn_local(async move { of_second.ready(false).await.is_ok() });
        tokio::task::yield_now().await;
        drop(first);
        let mut peer = JoinSet::new();
        peer.spawn(serve(listener, 10));
        let opened = timeout(PATIENCE, second.join_next()).await.expect("a connection");
        assert!(opened.unwrap().unwrap());
        assert!(!pool.opening.get());
    });
}
