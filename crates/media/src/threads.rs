//! Where transfers run: on threads of their own, so that short calls are not among them.
//!
//! A transfer's turn on a thread copies a hundred kilobytes. With dozens of them ready, a short call
//! that runs on the same threads waits for a turn of each; on threads of its own, which have the higher
//! priority, it waits for none. So everything that moves bytes of an upstream runs here: its
//! connections, and what passes their bytes to a file.

use std::future::pending;

use tokio::runtime::Handle;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// The threads of transfers. The default is to have none of one's own: transfers run where they are
/// asked for. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Threads(Option<Handle>);

impl Threads {
    /// The threads of this runtime.
    #[must_use]
    pub fn of(runtime: Handle) -> Self {
        Self(Some(runtime))
    }

    /// Has work done there, to its end. Dropping the future stops the work: at the latest when it next
    /// waits for something it is dropped there.
    ///
    /// # Panics
    /// When the work does.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let Some(runtime) = &self.0 else { return work.await };
        let working = AbortOnDropHandle::new(TaskTracker::new().spawn_on(work, runtime));
        match working.await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The process ends, and with it whoever waits here.
                Err(_) => pending().await,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::oneshot;

    use super::*;

    fn runtime() -> Runtime {
        Builder::new_multi_thread().worker_threads(1).thread_name("its-own").build().unwrap()
    }

    async fn name() -> String {
        thread::current().name().unwrap_or_default().to_owned()
    }

    #[test]
    fn work_is_done_on_its_own_threads_where_there_are_any() {
        let (ours, theirs) = (runtime(), runtime());
        let threads = Threads::of(theirs.handle().clone());
        let here = thread::current().name().map(str::to_owned);
        assert_eq!(ours.block_on(threads.run(name())), "its-own");
        assert_eq!(Some(ours.block_on(Threads::default().run(name()))), here);
    }

    #[test]
    fn who_leaves_stops_the_work() {
        let (ours, theirs) = (runtime(), runtime());
        let threads = Threads::of(theirs.handle().clone());
        let (held, dropped) = oneshot::channel::<()>();
        let (begins, begun) = oneshot::channel();
        ours.block_on(async {
            let work = threads.run(async move {
                begins.send(()).unwrap();
                pending::<()>().await;
                drop(held);
            });
            tokio::select! {
                () = work => unreachable!("it never ends"),
                told = begun => told.unwrap(),
            }
            assert!(tokio::time::timeout(Duration::MAX, dropped).await.unwrap().is_err());
        });
    }

    #[test]
    #[should_panic(expected = "a test of what happens then")]
    fn a_panic_comes_to_whoever_waits() {
        let (ours, theirs) = (runtime(), runtime());
        let threads = Threads::of(theirs.handle().clone());
        ours.block_on(threads.run(async { panic!("a test of what happens then") }));
    }
}
