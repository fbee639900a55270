//! `weir mcp` beside the bare work and beside sanzaru: downloads by agents over MCP, and pictures
//! beside Pillow.

mod downloads;
mod pictures;

use std::time::Duration;

use anyhow::Result;

use super::table::{Bar, Row};
use super::{Benchmark, Setting};
use downloads::{LOADS, Sources, Way};

const COLUMNS: [&str; 10] = [
    "downloads",
    "right",
    "wall s",
    "MB/s",
    "cpu ms each",
    "growth MiB",
    "ping p50 ms",
    "ping p95 ms",
    "ping p99 ms",
    "others cpu %",
];
const DOWNLOADS: usize = 0;
const RIGHT: usize = 1;
const SPEED: usize = 3;
const CPU: usize = 4;
const GROWTH: usize = 5;
const PING_P99: usize = 8;

/// The media server's benchmark.
pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "media",
    columns: &COLUMNS,
    // Every load in four ways, and the pictures.
    cases: [4 * 3 + 1, 4 + 1],
    usual: Duration::from_secs(15),
    limit: Duration::from_secs(240),
    repetition,
};

fn repetition(setting: &Setting, rows: &mut Vec<Row>) -> Result<Vec<Bar>> {
    let sources = Sources::start(setting)?;
    let loads = if setting.small { &LOADS[..1] } else { &LOADS[..] };
    let mut found = Vec::new();
    for &load in loads {
        let measured = Way::ALL.map(|way| {
            let name = format!("{}, {}x{}", way.name(), load.agents, load.calls);
            setting.row(&name, || {
                let values = sources.measure(setting, way, load)?;
                Ok(Row { name: name.clone(), values })
            })
        });
        rows.extend(measured.iter().cloned());
        found.push(measured.map(|row| row.values));
    }
    let mut bars = bars(&found);
    bars.extend(pictures::measure(setting, rows));
    sources.stop()?;
    Ok(bars)
}

/// What the downloads should come to. Of every load, the numbers of each way; a small benchmark has
/// only the first load.
fn bars(found: &[[Vec<f64>; 4]]) -> Vec<Bar> {
    let of = |load: usize, way: Way, column: usize| {
        let rows = found.get(load).map(|ways| &ways[way.index()]);
        rows.and_then(|row| row.get(column)).copied().unwrap_or(f64::NAN)
    };
    let ours = |load, column| of(load, Way::Weir, column);
    let bar = |what, at_most, measured| Bar { what, at_most, measured, control: None };
    let mut bars = Vec::new();
    for (load, [checked, theirs]) in SPEEDS.into_iter().enumerate() {
        bars.push(bar(checked, 1.25, of(load, Way::Checked, SPEED) / ours(load, SPEED)));
        bars.push(bar(theirs, 0.125, of(load, Way::Sanzaru, SPEED) / ours(load, SPEED)));
    }
    let control = |way| Some(of(0, way, CPU));
    let cpu = bar("4x8: CPU per download, ms (control: bare, checked)", 25.0, ours(0, CPU));
    bars.push(Bar { control: control(Way::Checked), ..cpu });
    let running = f64::from(LOADS[0].all());
    bars.push(bar("4x8: growth per transfer, MiB", 1.0, ours(0, GROWTH) / running));
    let waiting = f64::from(LOADS[2].all() - LOADS[1].all());
    let growth = (ours(2, GROWTH) - ours(1, GROWTH)) * 1024.0 / waiting;
    bars.push(bar("16x32: growth per waiting call, KiB", 64.0, growth));
    bars.push(bar("4x32: ping p99, ms", 20.0, ours(1, PING_P99)));
    let missing = (0..found.len()).map(|load| ours(load, DOWNLOADS) - ours(load, RIGHT)).sum();
    bars.push(bar("downloads that are not right", 0.0, missing));
    bars
}

/// Names of the bars of speed, by load: 0.8 of a bare client that checks and syncs, 8 times sanzaru.
const SPEEDS: [[&str; 2]; 3] = [
    ["4x8: speed of the bare client, checked / ours", "4x8: speed of sanzaru / ours"],
    ["4x32: speed of the bare client, checked / ours", "4x32: speed of sanzaru / ours"],
    ["16x32: speed of the bare client, checked / ours", "16x32: speed of sanzaru / ours"],
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of a way, with a speed, CPU time, growth and p99.
    fn row(downloads: f64, speed: f64, cpu: f64, growth: f64, p99: f64) -> Vec<f64> {
        vec![downloads, downloads, 1.0, speed, cpu, growth, 1.0, 2.0, p99, 0.0]
    }

    fn measured(bars: &[Bar], what: &str) -> f64 {
        bars.iter().find(|bar| bar.what.starts_with(what)).unwrap().measured
    }

    #[test]
    fn the_bars_relate_ours_to_the_others_of_the_same_load() {
        let found = [
            [
                row(32.0, 900.0, 13.0, 9.0, f64::NAN),
                row(32.0, 500.0, 19.0, 9.0, f64::NAN),
                row(32.0, 400.0, 21.0, 16.0, 3.0),
                row(32.0, 40.0, 120.0, 100.0, 1_900.0),
            ],
            [
                row(128.0, 900.0, 13.0, 9.0, f64::NAN),
                row(128.0, 500.0, 19.0, 9.0, f64::NAN),
                row(128.0, 500.0, 21.0, 32.0, 7.0),
                vec![f64::NAN; COLUMNS.len()],
            ],
            [
                row(512.0, 900.0, 13.0, 9.0, f64::NAN),
                row(512.0, 600.0, 19.0, 9.0, f64::NAN),
                row(512.0, 500.0, 21.0, 44.0, 9.0),
                vec![f64::NAN; COLUMNS.len()],
            ],
        ];
        let bars = bars(&found);
        assert_eq!(measured(&bars, "4x8: speed of the bare"), 1.25);
        assert_eq!(measured(&bars, "16x32: speed of the bare"), 1.2);
        assert_eq!(measured(&bars, "4x8: speed of sanzaru"), 0.1);
        assert!(measured(&bars, "4x32: speed of sanzaru").is_nan());
        assert_eq!(measured(&bars, "4x8: growth per transfer"), 0.5);
        assert_eq!(measured(&bars, "16x32: growth per waiting"), 32.0);
        assert_eq!(measured(&bars, "4x32: ping p99"), 7.0);
        assert_eq!(measured(&bars, "downloads that"), 0.0);
    }

    #[test]
    fn a_small_benchmark_leaves_the_larger_loads_unknown() {
        let nothing = vec![f64::NAN; COLUMNS.len()];
        let ours = row(32.0, 400.0, 21.0, 16.0, 3.0);
        let bars = bars(&[[nothing.clone(), nothing.clone(), ours, nothing]]);
        assert!(
            measured(&bars, "16x32: growth").is_nan() && measured(&bars, "4x32: ping").is_nan()
        );
        assert_eq!(measured(&bars, "4x8: growth"), 0.5);
    }
}
