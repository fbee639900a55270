//! Work that may wait: blocking jobs on threads that give way to those that serve connections.
//!
//! A runtime has a core to itself as long as nobody else wants it. Hashing and writing files want
//! all cores at once, and the kernel would share time evenly between one thread that answers
//! everybody and sixteen that each move one file. With their priority lowered, a thread that wakes
//! up to answer takes its core from them at once, and they have it back a moment later.

use std::cell::Cell;

use tokio::task::JoinHandle;

/// The nice value of threads that run such jobs: what `nice(1)` gives to a command when nothing
/// else is said. One such thread weighs a tenth of a normal one (110 to 1024, the kernel's
/// `sched_prio_to_weight`), so that jobs still go on beside other busy processes, which they would
/// hardly do at 19 (15 to 1024).
pub const NICE: i32 = 10;

thread_local! {
    static LOWERED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a job on a thread for blocking work, with its priority lowered to [`NICE`]. To be called in
/// a runtime; the caller bounds how many run at once.
///
/// The thread keeps the low priority: without privileges it cannot be raised again. What else uses
/// the runtime's threads for blocking work (looking up names, say) may find itself on one. The
/// runtime's own threads keep theirs, unless a task calls `block_in_place`, which would hand its
/// queue to such a thread: nobody here does.
///
/// Elsewhere than on Linux, where a priority belongs to the whole process, nothing is lowered.
pub fn spawn<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    tokio::task::spawn_blocking(move || {
        give_way();
        job()
    })
}

/// Lowers the calling thread's priority to [`NICE`], once: of a thread for jobs, or of one of a runtime
/// that others are to go before (`on_thread_start`). Refusals are of no account: the work goes on all
/// the same.
pub fn give_way() {
    if LOWERED.replace(true) {
        return;
    }
    // On Linux, process 0 is the calling thread alone (setpriority(2), "C library/kernel
    // differences").
    #[cfg(target_os = "linux")]
    if let Ok(now) = rustix::process::getpriority_process(None)
        && now < NICE
        && let Err(error) = rustix::process::setpriority_process(None, NICE)
    {
        tracing::debug!(%error, "a thread's priority stays as it is");
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use rustix::process::{getpriority_process, setpriority_process};
    use tokio::runtime::Builder;

    use super::*;

    fn nice() -> i32 {
        getpriority_process(None).unwrap()
    }

    #[test]
    fn a_job_has_the_low_priority_and_the_threads_of_the_runtime_keep_theirs() {
        let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let normal = nice();
        assert!(normal < NICE, "the tests themselves run with a nice value of {normal}");
        runtime.block_on(async {
            assert_eq!(spawn(nice).await.unwrap(), NICE);
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..16 {
                tasks.spawn(async {
                    let job = spawn(nice).await.unwrap();
                    (job, nice())
                });
            }
            while let Some(seen) = tasks.join_next().await {
                assert_eq!(seen.unwrap(), (NICE, normal));
            }
        });
        assert_eq!(nice(), normal);
    }

    #[test]
    fn a_runtimes_threads_can_give_way() {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).on_thread_start(give_way).build().unwrap();
        let seen = runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            tasks.spawn(async { (nice(), spawn(nice).await.unwrap()) });
            tasks.join_next().await.unwrap().unwrap()
        });
        assert_eq!(seen, (NICE, NICE));
    }

    #[test]
    fn a_thread_that_is_lower_still_is_not_raised() {
        let (sender, seen) = mpsc::channel();
        thread::spawn(move || {
            setpriority_process(None, NICE + 5).unwrap();
            give_way();
            sender.send(nice()).unwrap();
        });
        assert_eq!(seen.recv().unwrap(), NICE + 5);
    }
}
