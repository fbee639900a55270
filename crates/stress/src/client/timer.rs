//! One timer for each stream, whose deadline moves with every chunk and costs nothing to move.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep};

/// Ready once `deadline` has passed (to tokio's resolution of one millisecond).
///
/// The timer is touched only when it fires or when the deadline has moved *before* it: a
/// deadline that moves on with every chunk leaves it alone, and when it fires too early it is set
/// to where the deadline is by then.
pub(super) fn poll_until(
    mut sleep: Pin<&mut Sleep>,
    deadline: Instant,
    context: &mut Context<'_>,
) -> Poll<()> {
    if sleep.deadline() > deadline {
        sleep.as_mut().reset(deadline);
    }
    while sleep.as_mut().poll(context).is_ready() {
        if sleep.deadline() >= deadline {
            return Poll::Ready(());
        }
        sleep.as_mut().reset(deadline);
    }
    Poll::Pending
}

/// Runs `future` until `deadline`; `None` if that comes first.
pub(super) async fn until<F: Future>(
    mut sleep: Pin<&mut Sleep>,
    deadline: Instant,
    future: F,
) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => poll_until(sleep.as_mut(), deadline, context).map(|()| None),
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_moves_on_is_met_where_it_ended_up() {
        let start = Instant::now();
        let mut sleep = pin!(tokio::time::sleep_until(start + Duration::from_millis(100)));
        let deadline = std::cell::Cell::new(start + Duration::from_millis(100));
        let mover = async {
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_millis(40)).await;
                deadline.set(Instant::now() + Duration::from_millis(100));
            }
            std::future::pending::<()>().await;
        };
        let mut mover = pin!(mover);
        poll_fn(|context| {
            let _ = mover.as_mut().poll(context);
            poll_until(sleep.as_mut(), deadline.get(), context)
        })
        .await;
        assert_eq!(start.elapsed().as_millis(), 500);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_moves_forward_is_met_earlier() {
        let start = Instant::now();
        let mut sleep = pin!(tokio::time::sleep_until(start + Duration::from_secs(60)));
        let never = std::future::pending::<()>();
        assert_eq!(until(sleep.as_mut(), start + Duration::from_millis(7), never).await, None);
        assert_eq!(start.elapsed().as_millis(), 7);
        assert_eq!(until(sleep, start, async { 1 }).await, Some(1));
    }
}
