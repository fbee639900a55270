use std::pin::{Pin, pin};

use futures_util::FutureExt;

use super::*;

const ONE: Caller = Caller(1);
const TWO: Caller = Caller(2);

type Entering<'a> = Pin<Box<dyn Future<Output = Result<Permit, Busy>> + 'a>>;

/// Asks, and looks once whether the permit is there.
fn ask(gate: &Gate, caller: Caller, units: u64) -> (Entering<'_>, Option<Result<Permit, Busy>>) {
    let mut entering: Entering<'_> = Box::pin(gate.enter(caller, units, |_| {}));
    let answer = entering.as_mut().now_or_never();
    (entering, answer)
}

fn waits(gate: &Gate, caller: Caller, units: u64) -> Entering<'_> {
    let (entering, answer) = ask(gate, caller, units);
    assert!(answer.is_none(), "expected to wait, got {answer:?}");
    entering
}

fn enters(gate: &Gate, units: u64) -> Permit {
    ask(gate, ONE, units).1.expect("expected not to wait").expect("expected to get in")
}

fn has_its_turn(mut entering: Entering<'_>) -> Permit {
    entering.as_mut().now_or_never().expect("expected to have its turn").unwrap()
}

#[test]
fn the_limit_holds_at_its_edge() {
    let gate = Gate::new("places", 2, 0);
    let (one, _two) = (enters(&gate, 1), enters(&gate, 1));
    let busy = ask(&gate, ONE, 1).1.unwrap().unwrap_err();
    assert_eq!(busy, Busy { what: "places", waiting: 0 });
    drop(one);
    assert_eq!(gate.in_use(), 1);
    let _again = enters(&gate, 1);
}

#[test]
fn the_queue_ends_at_its_limit_and_says_so_at_once() {
    let gate = Gate::new("transfers", 1, 2);
    let held = enters(&gate, 1);
    let waiting = [waits(&gate, ONE, 1), waits(&gate, TWO, 1)];
    let busy = ask(&gate, ONE, 1).1.unwrap().unwrap_err();
    let message = "the media server is busy: 2 calls wait for transfers already; try again later";
    assert_eq!(busy.to_string(), message);
    // Somebody leaves: there is room in the queue again.
    let [first, second] = waiting;
    drop(first);
    let third = waits(&gate, ONE, 1);
    drop(held);
    drop(has_its_turn(second));
    drop(has_its_turn(third));
    assert_eq!((gate.in_use(), gate.waiting()), (0, 0));
}

#[test]
fn callers_take_turns_however_many_requests_one_of_them_has() {
    let gate = Gate::new("places", 1, 100);
    let held = enters(&gate, 1);
    let greedy: Vec<Entering<'_>> = (0..10).map(|_| waits(&gate, ONE, 1)).collect();
    let modest = waits(&gate, TWO, 1);
    drop(held);
    let mut greedy = greedy.into_iter();
    drop(has_its_turn(greedy.next().unwrap()));
    drop(has_its_turn(modest));
    for entering in greedy {
        drop(has_its_turn(entering));
    }
}

#[test]
fn a_large_request_is_not_overtaken_by_small_ones() {
    let gate = Gate::new("bytes", 10, 10);
    let (five, four) = (enters(&gate, 5), enters(&gate, 4));
    let large = waits(&gate, ONE, 8);
    let small = waits(&gate, TWO, 1);
    drop(four);
    assert_eq!(gate.waiting(), 2, "five are in use: eight do not fit, and one must not overtake");
    drop(five);
    let large = has_its_turn(large);
    let small = has_its_turn(small);
    assert_eq!(large.units() + small.units(), gate.in_use());
}

#[test]
fn who_leaves_the_head_of_the_queue_makes_way() {
    let gate = Gate::new("bytes", 10, 10);
    let _five = enters(&gate, 5);
    let large = waits(&gate, ONE, 8);
    let small = waits(&gate, TWO, 1);
    drop(large);
    drop(has_its_turn(small));
}

#[test]
fn a_permit_that_was_never_looked_at_comes_back() {
    let gate = Gate::new("places", 1, 10);
    let held = enters(&gate, 1);
    let entering = waits(&gate, ONE, 1);
    drop(held);
    assert_eq!(gate.in_use(), 1, "the permit is on its way");
    drop(entering);
    assert_eq!(gate.in_use(), 0);
}

#[test]
fn more_than_there_is_means_all_of_it() {
    let gate = Gate::new("bytes", 10, 10);
    assert_eq!(enters(&gate, 1000).units(), 10);
}

#[test]
fn a_queued_request_learns_how_many_are_ahead() {
    let gate = Gate::new("places", 1, 10);
    let mut told = None;
    {
        let held = enters(&gate, 1);
        let _first = waits(&gate, ONE, 1);
        let mut second = pin!(gate.enter(TWO, 1, |ahead| told = Some(ahead)));
        assert!(second.as_mut().now_or_never().is_none());
        drop(held);
    }
    assert_eq!(told, Some(1));
}

#[test]
fn a_larger_gate_lets_in_who_waits_and_a_smaller_one_takes_nothing_away() {
    let gate = Gate::new("transfers", 1, 1);
    let held = enters(&gate, 1);
    let waiting = waits(&gate, TWO, 1);
    gate.set_limits(2, 1);
    let second = has_its_turn(waiting);
    assert_eq!((gate.capacity(), gate.in_use()), (2, 2));
    gate.set_limits(1, 2);
    let (third, fourth) = (waits(&gate, ONE, 1), waits(&gate, TWO, 1));
    gate.set_limits(1, 1);
    assert!(ask(&gate, ONE, 1).1.unwrap().is_err(), "the queue is longer than it may be");
    drop(held);
    assert_eq!(gate.in_use(), 1, "the second one is as many as there may be now");
    assert_eq!(gate.waiting(), 2);
    drop(second);
    drop(has_its_turn(third));
    drop(has_its_turn(fourth));
    assert_eq!((gate.in_use(), gate.waiting()), (0, 0));
}

#[test]
fn who_waits_for_more_than_there_is_any_longer_gets_all_of_it() {
    let gate = Gate::new("memory", 10, 1);
    let held = enters(&gate, 5);
    let waiting = waits(&gate, TWO, 8);
    gate.set_limits(4, 1);
    drop(held);
    assert_eq!(has_its_turn(waiting).units(), 4);
}
