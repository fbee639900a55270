use std::sync::{Mutex, PoisonError, mpsc};

use super::*;

/// What a job waits for; open once the sender is gone.
type Gate = Arc<Mutex<mpsc::Receiver<()>>>;

fn gate() -> (mpsc::Sender<()>, Gate) {
    let (open, gate) = mpsc::channel();
    (open, Arc::new(Mutex::new(gate)))
}

fn wait_at(gate: &Gate) {
    let gate = gate.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(gate.recv().is_err(), "the gate opens by closing the channel");
}

fn pool(running: usize, waiting: usize) -> CpuPool {
    CpuPool::new(NonZeroUsize::new(running).unwrap(), waiting)
}

async fn until(reached: impl Fn() -> bool) {
    while !reached() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_job_returns_its_result() {
    assert_eq!(pool(1, 0).run(|_| 6 * 7).await, Ok(42));
}

#[test]
fn its_bounds_are_those_of_the_limits() {
    let limits = Limits { cpu_jobs: 3, waiting_cpu_jobs: 5, ..Limits::default() };
    let pool = CpuPool::within(&limits);
    assert_eq!((pool.running, pool.waiting), (3, 5));
    let usual = CpuPool::within(&Limits::default());
    let of_cores = CpuPool::of_cores();
    assert_eq!((usual.running, usual.waiting), (of_cores.running, of_cores.waiting));
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_takes_a_job_again_later() {
    let pool = pool(1, 1);
    let (open, gate) = gate();
    let mut jobs = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let (pool, gate) = (pool.clone(), Arc::clone(&gate));
        jobs.spawn(async move { pool.run(move |_| wait_at(&gate)).await });
    }
    until(|| pool.places.available_permits() == 0).await;
    assert_eq!(pool.run(|_| ()).await, Err(PoolError::Full { waiting: 1 }));
    drop(open);
    while let Some(ended) = jobs.join_next().await {
        assert_eq!(ended.unwrap(), Ok(()));
    }
    assert_eq!(pool.run(|_| ()).await, Ok(()));
}

#[tokio::test]
async fn jobs_run_in_the_order_of_their_arrival() {
    let pool = pool(1, 20);
    let (open, gate) = gate();
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut jobs = tokio::task::JoinSet::new();
    for number in 0..20 {
        let free = pool.places.available_permits();
        let (its_pool, gate, order) = (pool.clone(), Arc::clone(&gate), Arc::clone(&order));
        jobs.spawn(async move {
            let job = move |_: &Stop| {
                wait_at(&gate);
                order.lock().unwrap().push(number);
            };
            its_pool.run(job).await
        });
        until(|| pool.places.available_permits() < free).await;
    }
    drop(open);
    while let Some(ended) = jobs.join_next().await {
        ended.unwrap().unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn no_more_jobs_run_at_once_than_the_pool_is_wide() {
    let pool = pool(3, 100);
    let running = Arc::new(Mutex::new((0, 0)));
    let mut jobs = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (pool, running) = (pool.clone(), Arc::clone(&running));
        jobs.spawn(async move {
            let job = move |_: &Stop| {
                let mut now = running.lock().unwrap();
                *now = (now.0 + 1, now.1.max(now.0 + 1));
                drop(now);
                std::thread::yield_now();
                running.lock().unwrap().0 -= 1;
            };
            pool.run(job).await
        });
    }
    while let Some(ended) = jobs.join_next().await {
        ended.unwrap().unwrap();
    }
    let (left, peak) = *running.lock().unwrap();
    assert!(left == 0 && (1..=3).contains(&peak), "{peak} at once");
}

#[tokio::test]
async fn who_leaves_the_queue_frees_the_place_and_the_job_never_runs() {
    let pool = pool(1, 1);
    let (open, gate) = gate();
    let mut first = Box::pin(pool.run(move |_| wait_at(&gate)));
    assert!(futures_util::poll!(&mut first).is_pending());
    let mut second = Box::pin(pool.run(|_| panic!("nobody waits for this")));
    assert!(futures_util::poll!(&mut second).is_pending());
    assert_eq!(pool.places.available_permits(), 0);
    drop(second);
    assert_eq!(pool.places.available_permits(), 1);
    drop(open);
    first.await.unwrap();
}

#[tokio::test]
async fn who_leaves_a_running_job_stops_it_and_its_thread_is_free_only_then() {
    let pool = pool(1, 0);
    let (ended, end) = mpsc::channel();
    let mut job = Box::pin(pool.run(move |stop: &Stop| {
        while !stop.requested() {
            std::thread::yield_now();
        }
        ended.send(()).unwrap();
    }));
    assert!(futures_util::poll!(&mut job).is_pending());
    assert_eq!(pool.busy(), 1);
    drop(job);
    end.recv().unwrap();
    until(|| pool.busy() == 0).await;
    assert_eq!(pool.run(|_| 1).await, Ok(1));
}

#[tokio::test]
async fn a_job_that_panics_is_an_error_and_the_pool_goes_on() {
    let pool = pool(1, 0);
    assert_eq!(pool.run(|_| panic!("junk")).await, Err::<(), _>(PoolError::Died));
    assert_eq!(pool.run(|_| 1).await, Ok(1));
}

#[tokio::test]
async fn an_admitted_job_waits_where_others_are_refused_and_runs_in_its_turn() {
    let pool = pool(1, 0);
    let (open, gate) = gate();
    let mut running = Box::pin(pool.run(move |_| wait_at(&gate)));
    assert!(futures_util::poll!(&mut running).is_pending());
    assert_eq!(pool.run(|_| ()).await, Err(PoolError::Full { waiting: 0 }));
    let mut admitted = Box::pin(pool.run_admitted(|_| 1));
    assert!(futures_util::poll!(&mut admitted).is_pending());
    assert_eq!(pool.busy(), 1, "it waits like the others");
    drop(open);
    running.await.unwrap();
    assert_eq!(admitted.await, Ok(1));
}
