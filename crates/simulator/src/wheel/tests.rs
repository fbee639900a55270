use std::cell::RefCell;

use tokio::task::JoinSet;

use super::*;
use crate::testing::virtual_time;

/// Sleepers with these deadlines wake exactly then, in virtual time.
fn check(deadlines_ms: &[u64]) {
    let woken = virtual_time(async {
        let wheel = Rc::new(Wheel::new());
        let start = Instant::now();
        let woken = Rc::new(RefCell::new(Vec::new()));
        let mut tasks = JoinSet::new();
        for &deadline in deadlines_ms {
            let (wheel, woken) = (Rc::clone(&wheel), Rc::clone(&woken));
            tasks.spawn_local(async move {
                let mut alarm = Alarm::new(&wheel);
                alarm.until(start + Duration::from_millis(deadline)).await;
                woken.borrow_mut().push((deadline, start.elapsed()));
            });
        }
        tokio::select! {
            () = async { while tasks.join_next().await.is_some() {} } => {}
            never = wheel.drive() => match never {},
        }
        woken.take()
    });
    assert_eq!(woken.len(), deadlines_ms.len());
    for (deadline, at) in woken {
        assert_eq!(at, Duration::from_millis(deadline));
    }
}

#[test]
fn everybody_wakes_at_the_deadline() {
    check(&[0, 1, 2, 5, 5, 5, 140, 1100, 1100]);
}

#[test]
fn deadlines_beyond_a_round_wait_for_their_round() {
    check(&[4095, 4096, 4097, 8192, 60_000, 3_600_000, 3]);
}

#[test]
fn a_deadline_between_two_steps_is_never_early() {
    virtual_time(async {
        let wheel = Rc::new(Wheel::new());
        let deadline = Instant::now() + Duration::from_micros(1_500);
        let mut alarm = Alarm::new(&wheel);
        tokio::select! {
            now = alarm.until(deadline) => {
                assert!(now >= deadline && now <= deadline + STEP);
            }
            never = wheel.drive() => match never {},
        }
    });
}

#[test]
fn places_of_those_who_left_are_used_again() {
    virtual_time(async {
        let wheel = Rc::new(Wheel::new());
        for _ in 0..1000 {
            let mut alarm = Alarm::new(&wheel);
            let far = Instant::now() + Duration::from_secs(9);
            assert!(poll_fn(|context| Poll::Ready(alarm.poll(far, context).is_pending())).await);
        }
        assert_eq!(wheel.state.borrow().sleepers.len(), 1);
        // What they left behind is void and goes when its slot comes round.
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(10)) => {}
            never = wheel.drive() => match never {},
        }
        assert!(wheel.state.borrow().slots.iter().all(Vec::is_empty));
    });
}
