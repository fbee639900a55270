use std::borrow::Cow;
use std::cell::RefCell;

use results::Outcome;
use tokio::task::LocalSet;

use super::*;
use crate::arrival::Trace;
use crate::client::{Observer, StreamReport};

/// A target that answers every request after the same time, and notes who came when.
struct Timed {
    takes: Duration,
    epoch: Instant,
    requests: usize,
    came: RefCell<Vec<(u64, usize)>>,
}

impl Carrier for Timed {
    type Connection = ();

    async fn carry(
        &self,
        request: usize,
        _connection: &mut Option<()>,
        scheduled: Option<Instant>,
        observer: &impl Observer,
    ) -> StreamReport {
        let started_at = scheduled.unwrap_or_else(Instant::now);
        let at = u64::try_from((Instant::now() - self.epoch).as_millis()).unwrap();
        self.came.borrow_mut().push((at, request));
        sleep_until(Instant::now() + self.takes).await;
        observer.chunk(None);
        let ended_at = Instant::now();
        let total = Some(ended_at - started_at);
        StreamReport {
            outcome: Outcome::Ok,
            detail: Cow::Borrowed(""),
            started_at,
            ended_at,
            ttfb: total,
            ttft: total,
            streaming: None,
            total,
            ideal: None,
            status: Some(200),
            chunks: 1,
            bytes: 1,
            chars: 1,
            correct: None,
        }
    }

    fn requests(&self) -> usize {
        self.requests
    }
}

struct Bench {
    carrier: Rc<Timed>,
    recorder: Rc<Recorder>,
    gauges: Arc<Gauges>,
    begin: Instant,
}

fn bench(takes_ms: u64, requests: usize) -> Bench {
    let gauges = Arc::new(Gauges::new(1));
    let begin = Instant::now();
    let takes = Duration::from_millis(takes_ms);
    Bench {
        carrier: Rc::new(Timed { takes, epoch: begin, requests, came: RefCell::default() }),
        recorder: Rc::new(Recorder::new(Arc::clone(&gauges), 0, Duration::from_secs(1), None)),
        gauges,
        begin,
    }
}

const ALONE: Share = Share { worker: 0, workers: 1 };

impl Bench {
    fn closed(&self, users: u64, start: Start) -> ClosedLoop {
        ClosedLoop {
            users,
            start,
            repeat: Repeat::Times(1),
            think: Duration::ZERO,
            first_request: 0,
            begin: self.begin,
        }
    }

    async fn run_closed(&self, plan: ClosedLoop, share: Share) {
        let users = closed_loop(plan, share, &self.carrier, &self.recorder, |_| ());
        LocalSet::new().run_until(users).await.unwrap();
    }

    async fn run_open(&self, arrivals: &str, duration_ms: u64, max_open: u64) {
        let trace = Trace::parse(arrivals).unwrap();
        let arrival = crate::arrival::Arrival::Trace { file: "test".into() };
        let plan = OpenLoop {
            schedule: Schedule::new(&arrival, Some(&trace), 1).unwrap(),
            duration: Duration::from_millis(duration_ms),
            max_open,
            first_request: 0,
            begin: self.begin,
        };
        let streams = open_loop(plan, ALONE, &self.carrier, &self.recorder, &self.gauges, |_| ());
        LocalSet::new().run_until(streams).await.unwrap();
    }

    fn came_at(&self) -> Vec<u64> {
        self.carrier.came.borrow().iter().map(|(at, _)| *at).collect()
    }

    fn asked(&self) -> Vec<usize> {
        self.carrier.came.borrow().iter().map(|(_, request)| *request).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_holds_all_users_at_once() {
    let bench = bench(500, 1);
    bench.run_closed(bench.closed(50, Start::Burst), ALONE).await;
    assert_eq!(bench.came_at(), vec![0; 50]);
    assert_eq!(bench.gauges.open.peak(), 50);
    assert_eq!(bench.recorder.finish().outcomes.ok, 50);
}

#[tokio::test(start_paused = true)]
async fn a_spread_start_keeps_absolute_times() {
    let bench = bench(1, 1);
    let start = Start::Spread(Duration::from_millis(1000));
    bench.run_closed(bench.closed(4, start), ALONE).await;
    assert_eq!(bench.came_at(), [0, 250, 500, 750]);
}

#[tokio::test(start_paused = true)]
async fn two_workers_share_the_users_and_miss_none() {
    let bench = bench(1, 1);
    let start = Start::Spread(Duration::from_millis(1000));
    bench.run_closed(bench.closed(5, start), Share { worker: 1, workers: 2 }).await;
    assert_eq!(bench.came_at(), [200, 600]);
    let other = super::tests::bench(1, 1);
    other.run_closed(other.closed(5, start), Share { worker: 0, workers: 2 }).await;
    assert_eq!(other.came_at(), [0, 400, 800]);
}

#[tokio::test(start_paused = true)]
async fn a_user_thinks_from_the_end_of_an_answer() {
    let bench = bench(300, 1);
    let plan = ClosedLoop {
        repeat: Repeat::Times(3),
        think: Duration::from_millis(200),
        ..bench.closed(1, Start::Burst)
    };
    bench.run_closed(plan, ALONE).await;
    assert_eq!(bench.came_at(), [0, 500, 1000]);
    assert_eq!(bench.begin.elapsed(), Duration::from_millis(1300));
}

#[tokio::test(start_paused = true)]
async fn no_request_begins_after_the_duration_and_the_last_is_finished() {
    let bench = bench(300, 1);
    let plan = ClosedLoop {
        repeat: Repeat::For(Duration::from_millis(700)),
        ..bench.closed(1, Start::Burst)
    };
    bench.run_closed(plan, ALONE).await;
    assert_eq!(bench.came_at(), [0, 300, 600]);
    assert_eq!(bench.recorder.finish().outcomes.ok, 3);
}

#[tokio::test(start_paused = true)]
async fn prompts_go_round_from_the_seeded_offset() {
    let bench = bench(10, 5);
    let plan =
        ClosedLoop { repeat: Repeat::Times(2), first_request: 3, ..bench.closed(3, Start::Burst) };
    bench.run_closed(plan, ALONE).await;
    assert_eq!(bench.asked(), [3, 4, 0, 1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn an_open_loop_does_not_wait_for_answers() {
    let bench = bench(10_000, 1);
    bench.run_open("0\n0.1\n0.25\n5", 1000, 10).await;
    assert_eq!(bench.came_at(), [0, 100, 250]);
    assert_eq!(bench.gauges.open.peak(), 3);
}

#[tokio::test(start_paused = true)]
async fn arrivals_beyond_the_bound_are_refused_and_counted() {
    let bench = bench(1000, 1);
    bench.run_open("0\n0.1\n0.2\n1.15", 2000, 2).await;
    assert_eq!(bench.came_at(), [0, 100, 1150]);
    let tally = bench.recorder.finish();
    assert_eq!((tally.started, tally.refused, tally.outcomes.ok), (3, 1, 3));
}

/// A worker that was busy elsewhere for a second must not hide it: the stream that was due then
/// counts from when it was due.
#[tokio::test(start_paused = true)]
async fn latency_counts_from_the_scheduled_time() {
    let bench = bench(100, 1);
    tokio::time::advance(Duration::from_millis(1000)).await;
    bench.run_open("0\n0.5", 2000, 10).await;
    let ttft = bench.recorder.finish().ttft.summary_ms().unwrap();
    assert!((ttft.max - 1100.0).abs() < 2.0, "{ttft:?}");
    assert!((ttft.mean - 850.0).abs() < 2.0, "{ttft:?}");
}

#[tokio::test(start_paused = true)]
async fn dropping_the_loop_cuts_the_open_streams() {
    let bench = bench(10_000, 1);
    let plan = bench.closed(7, Start::Burst);
    let run = bench.run_closed(plan, ALONE);
    assert!(tokio::time::timeout(Duration::from_millis(50), run).await.is_err());
    let tally = bench.recorder.finish();
    assert_eq!((tally.started, tally.interrupted, tally.outcomes.total()), (7, 7, 0));
}
