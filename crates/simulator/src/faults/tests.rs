use proptest::prelude::*;

use super::*;

fn check(text: &str, expected: &str) {
    match text.parse::<Faults>() {
        Ok(faults) => assert_eq!(faults.to_string(), expected, "{text}"),
        Err(error) => assert_eq!(format!("{}: {}", error.part, error.reason), expected, "{text}"),
    }
}

#[test]
fn expressions_of_the_contract_are_read() {
    check("status=429;retry-after=2", "status=429;retry-after=2");
    check("refuse", "refuse");
    check("slow-headers=1s", "slow-headers=1s");
    check("slow-first=250ms ; stall@3=2s", "slow-first=250ms;stall@3=2s");
    check("stall@9=1s;stall@3=2s", "stall@3=2s;stall@9=1s");
    check("cut@10", "cut@10");
    check("end@0", "end@0");
    check("error@5;malformed@2", "error@5;malformed@2");
    check("empty", "empty");
    check("pace=1000;announce=5;fail@99;slow-job=2s", "announce=5;pace=1000;fail@99;slow-job=2s");
    check("", "none");
    check("none", "none");
}

#[test]
fn wrong_expressions_say_which_part_and_why() {
    check("cut", "cut: unknown, or its @N or =VALUE is missing or too much");
    check("cut@x", "cut@x: `x` is not a whole number");
    check("status=200", "status=200: `200` is not an error status");
    check("retry-after=3", "retry-after: it goes with status=CODE");
    check("cut@1;end@2", "end@2: a stream can break only once");
    check(
        "stall@1=soon",
        "stall@1=soon: \"soon\" is no duration: write a number with a unit, such as 250ms, 2.5s or 1m30s",
    );
    check("pace=0", "pace=0: a pace of 0 would never end; use stall@N=D");
    check("fail@100", "fail@100: 100 percent is not before the end of a job; 0 to 99 are");
    check("explode", "explode: unknown, or its @N or =VALUE is missing or too much");
}

#[test]
fn the_seventeenth_stall_is_refused() {
    let sixteen = vec!["stall@1=1s"; MAX_STALLS].join(";");
    assert_eq!(sixteen.parse::<Faults>().unwrap().stalls.len(), MAX_STALLS);
    assert!(format!("{sixteen};stall@1=1s").parse::<Faults>().is_err());
}

fn any_faults() -> impl Strategy<Value = Faults> {
    let delay = || prop::option::of((0u64..100_000).prop_map(Duration::from_millis));
    let breakage = (0u32..500, 0usize..3).prop_map(|(after, kind)| Breakage {
        after,
        kind: [BreakageKind::Cut, BreakageKind::End, BreakageKind::Error][kind],
    });
    let status = prop::option::of((400u16..600, prop::option::of(0u32..100)));
    let media = (
        prop::option::of(0u32..9999),
        prop::option::of(1u32..9999),
        prop::option::of(0u32..100),
        delay(),
    );
    let media = media.prop_map(|(announce, pace, fail, slow_job)| MediaFaults {
        announce,
        pace,
        fail,
        slow_job,
    });
    (
        any::<bool>(),
        any::<bool>(),
        status,
        delay(),
        delay(),
        prop::option::of(breakage),
        prop::option::of(0u32..500),
        prop::option::of(0u32..9),
        prop::collection::btree_map(0u32..500, (0u64..9999).prop_map(Duration::from_millis), 0..5),
        media,
    )
        .prop_map(
            |(
                refuse,
                empty,
                status,
                slow_headers,
                slow_first,
                breakage,
                malformed,
                tries,
                stalls,
                media,
            )| {
                Faults {
                    refuse,
                    empty,
                    status: status.map(|(code, _)| code),
                    retry_after: status.and_then(|(_, seconds)| seconds),
                    slow_headers,
                    slow_first,
                    stalls: stalls.into_iter().collect(),
                    breakage,
                    malformed,
                    tries,
                    media,
                }
            },
        )
}

proptest! {
    #[test]
    fn what_is_written_reads_back(faults in any_faults()) {
        prop_assert_eq!(faults.to_string().parse::<Faults>(), Ok(faults));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = text.parse::<Faults>();
    }
}
