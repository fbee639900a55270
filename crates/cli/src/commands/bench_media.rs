//! `weir bench media`: what doing things at once is worth, measured instead of claimed.
//!
//! The usual mistake is to add up the times of tasks that waited for each other and to call the sum
//! "sequential". Here the same work really runs one item after the other, and really all at once.

mod picture;
mod python;
mod table;
mod workload;

use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::args::Talk;
use crate::args::bench::BenchMediaArgs;
use crate::commands::mcp;
use crate::exit_code::{CommandResult, Failure, MET};
use crate::paint;
use picture::Picture;
use workload::{Workload, Workshop};

/// How a workload's items run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// One after the other.
    InTurn,
    /// All at once.
    AtOnce,
}

/// Seconds of the measured runs of one workload.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Measured {
    in_turn_s: Vec<f64>,
    at_once_s: Vec<f64>,
}

/// One line of the result.
#[derive(Debug, Serialize)]
struct Row {
    workload: &'static str,
    by: &'static str,
    measured: Measured,
    /// Median time in turn over median time at once.
    speedup: Option<f64>,
}

/// The whole result.
#[derive(Debug, Serialize)]
struct Report {
    items: u32,
    repeat: u32,
    cores: usize,
    rows: Vec<Row>,
    /// One picture on one thread, by us and by Pillow.
    picture: PictureRows,
    /// Why there are no rows of Python.
    python_missing: Option<String>,
}

/// One picture on one thread.
#[derive(Debug, Serialize)]
struct PictureRows {
    weir: Picture,
    python: Option<Picture>,
}

/// Measures, and prints the table.
pub(crate) fn run(args: &BenchMediaArgs, talk: Talk) -> CommandResult {
    let runtime = mcp::runtime().context("failed to start a runtime")?;
    let report = runtime.block_on(measure_all(args, talk))?;
    let text = if args.json {
        serde_json::to_string_pretty(&report).context("failed to write the report")? + "\n"
    } else {
        table::render(&report)
    };
    paint::data(&text).context("failed to write to stdout")?;
    Ok(MET)
}

async fn measure_all(args: &BenchMediaArgs, talk: Talk) -> Result<Report, Failure> {
    let workshop = Workshop::set_up(args.items, args.folder.as_deref()).await;
    let workshop = workshop.map_err(Failure::environment)?;
    let mut rows = Vec::new();
    for workload in Workload::ALL {
        if !talk.quiet && !talk.no_progress {
            paint::say(format_args!("measuring {}", workload.name()));
        }
        let measured = measure(&workshop, workload, args.repeat).await?;
        rows.push(Row::new(workload, "weir", measured));
    }
    let weir = picture::measure(workshop.picture(), args.repeat)?;
    let (python, python_missing) = match python::measure(&args.python, &workshop, args.repeat) {
        Ok(measured) => {
            let by_python = Workload::ALL.into_iter().zip(measured.workloads);
            rows.extend(by_python.map(|(workload, it)| Row::new(workload, "Python", it)));
            (Some(measured.picture), None)
        }
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    let picture = PictureRows { weir, python };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(Report { items: args.items, repeat: args.repeat, cores, rows, picture, python_missing })
}

/// One run to warm up, then both orders in turn, so that both meet the same weather.
async fn measure(workshop: &Workshop, workload: Workload, repeat: u32) -> anyhow::Result<Measured> {
    workshop.run(workload, Order::AtOnce).await?;
    let mut measured = Measured { in_turn_s: Vec::new(), at_once_s: Vec::new() };
    for _ in 0..repeat {
        measured.in_turn_s.push(timed(workshop, workload, Order::InTurn).await?.as_secs_f64());
        measured.at_once_s.push(timed(workshop, workload, Order::AtOnce).await?.as_secs_f64());
    }
    Ok(measured)
}

async fn timed(workshop: &Workshop, workload: Workload, order: Order) -> anyhow::Result<Duration> {
    let began = Instant::now();
    workshop.run(workload, order).await?;
    Ok(began.elapsed())
}

impl Row {
    fn new(workload: Workload, by: &'static str, measured: Measured) -> Self {
        let speedup = median(&measured.in_turn_s)
            .zip(median(&measured.at_once_s))
            .filter(|&(_, at_once)| at_once > 0.0)
            .map(|(in_turn, at_once)| in_turn / at_once);
        Self { workload: workload.name(), by, measured, speedup }
    }
}

/// The middle value; of an even number the mean of the two in the middle.
fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let above = *sorted.get(sorted.len() / 2)?;
    let below = *sorted.get((sorted.len() - 1) / 2)?;
    Some(f64::midpoint(below, above))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_up_is_the_ratio_of_medians_and_needs_both() {
        let row = |in_turn: &[f64], at_once: &[f64]| {
            let (in_turn_s, at_once_s) = (in_turn.to_vec(), at_once.to_vec());
            Row::new(Workload::Files, "weir", Measured { in_turn_s, at_once_s }).speedup
        };
        assert_eq!(row(&[9.0, 2.0, 3.0], &[1.5, 1.0, 8.0]), Some(2.0));
        assert_eq!(row(&[2.0, 4.0], &[1.0]), Some(3.0));
        assert_eq!(row(&[], &[1.0]), None);
        assert_eq!(row(&[1.0], &[0.0]), None);
    }
}
