//! What the gateway should reach.

use anyhow::Result;

use super::path::Way;
use super::{BURST, Measured, SPREAD};
use crate::bench::table::Bar;

/// The bars, from the largest comparison (by way and start), the largest case of all, and those
/// with a cap.
///
/// # Errors
/// When `find` does not know a case.
pub(super) fn bars<'a>(
    find: impl Fn(Way, &str) -> Result<&'a Measured>,
    most: &Measured,
    capped: &[Measured],
) -> Result<Vec<Bar>> {
    let mut bars = Vec::new();
    for http2 in [false, true] {
        let way = Way::Gateway { http2, cap: None };
        let names = if http2 { &HTTP2 } else { &HTTP1 };
        for (start, ttft_limit, names) in [(BURST, 1125.0, &names[0]), (SPREAD, 1110.0, &names[1])]
        {
            let [ttft, added, cpu, memory, whole] = *names;
            let (direct, nginx) = (find(Way::Direct, start)?, find(Way::Nginx, start)?);
            let ours = find(way, start)?;
            let added_by = |it: &Measured| it.ttft_p50_ms - direct.ttft_p50_ms;
            let missing = |it: &Measured| f64::from(it.load.users) - it.whole;
            let bar = |what, at_most, of: &dyn Fn(&Measured) -> f64, control: &Measured| Bar {
                what,
                at_most,
                measured: of(ours),
                control: Some(of(control)),
            };
            bars.push(bar(ttft, ttft_limit, &|it| it.ttft_p99_ms, direct));
            bars.push(bar(added, ADDED_MS, &added_by, nginx));
            let cpu_limit = CPU_RATIO * nginx.cpu_us_per_event;
            bars.push(bar(cpu, cpu_limit, &|it| it.cpu_us_per_event, nginx));
            bars.push(bar(memory, 40.0, &|it| it.kib_per_stream, nginx));
            bars.push(bar(whole, 0.0, &missing, nginx));
        }
    }
    let alone = |what, at_most, measured| Bar { what, at_most, measured, control: None };
    let missing = f64::from(most.load.users) - most.whole;
    bars.push(alone("9,000 on HTTP/2: TTFT p99, ms", 1210.0, most.ttft_p99_ms));
    bars.push(alone("… not whole", 0.0, missing));
    for (measured, names) in capped.iter().zip(CAPPED) {
        // A third of those who come is kept.
        let cap = f64::from(measured.load.users / 3);
        let wrong = (cap - measured.whole).abs() + (2.0 * cap - measured.refused).abs();
        bars.push(alone(names[0], 1.05, measured.stretch_p95));
        bars.push(alone(names[1], 50.0, measured.refusal_p99_ms));
        bars.push(alone(names[2], 0.0, wrong));
    }
    Ok(bars)
}

/// Added to the median TTFT: 1 ms, and what the tester's histogram cannot tell apart. It has three
/// digits, so that medians above 1,024 ms lie in steps of 1.024 ms.
const ADDED_MS: f64 = 1.03;

/// Names of the bars with a cap of 500, then of 1,000.
const CAPPED: [[&str; 3]; 2] = [
    [
        "cap of 500, 1,500 come: stretch p95 of the kept",
        "… refusal p99, ms",
        "… neither whole nor refused",
    ],
    [
        "cap of 1,000, 3,000 come: stretch p95 of the kept",
        "… refusal p99, ms",
        "… neither whole nor refused",
    ],
];

/// Of nginx's CPU time for an event.
const CPU_RATIO: f64 = 1.3;

/// Names of the bars with a burst, then with a spread start.
type Names = [[&'static str; 5]; 2];

const HTTP1: Names = [
    [
        "HTTP/1.1, burst: TTFT p99, ms (control: direct)",
        "… added TTFT p50, ms (control: nginx)",
        "… CPU per event, µs (1.3 × nginx)",
        "… memory per stream, KiB",
        "… not whole",
    ],
    [
        "HTTP/1.1, spread: TTFT p99, ms (control: direct)",
        "… added TTFT p50, ms (control: nginx)",
        "… CPU per event, µs (1.3 × nginx)",
        "… memory per stream, KiB",
        "… not whole",
    ],
];

const HTTP2: Names = [
    [
        "HTTP/2, burst: TTFT p99, ms (control: direct)",
        "… added TTFT p50, ms (control: nginx)",
        "… CPU per event, µs (1.3 × nginx)",
        "… memory per stream, KiB",
        "… not whole",
    ],
    [
        "HTTP/2, spread: TTFT p99, ms (control: direct)",
        "… added TTFT p50, ms (control: nginx)",
        "… CPU per event, µs (1.3 × nginx)",
        "… memory per stream, KiB",
        "… not whole",
    ],
];
