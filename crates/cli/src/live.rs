//! What a run looks like while it runs: finished levels as rows, the present one as a bar.
//! Everything goes to stderr, and only where that is a terminal.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use report::number::{Kind, count, show};
use results::Level;
use results::summary::{Statistic, Summary};
use stress::event::{Progress, RunEvent};
use stress::plan::Plan;
use tokio::sync::mpsc::Receiver;

use crate::args::Talk;
use crate::paint;

/// Steps of the bar; it is drawn from time, which has no natural count.
const STEPS: u64 = 1_000;

/// Shows events until the sender is gone. Without a terminal only the plan is said, once.
pub(crate) async fn show_events(mut events: Receiver<RunEvent>, talk: Talk) {
    let silent = talk.quiet || talk.no_progress || !io::stderr().is_terminal();
    let mut view = if silent { View::hidden() } else { View::on_terminal() };
    while let Some(event) = events.recv().await {
        if let RunEvent::WarmedUp { plan: Some(plan), .. } = &event
            && !talk.quiet
        {
            view.bar.suspend(|| paint::say(plan_line(plan)));
        }
        view.take(event);
    }
    view.bar.finish_and_clear();
}

/// One bar that is used again for every level.
struct View {
    bar: ProgressBar,
    rows: usize,
}

impl View {
    fn hidden() -> Self {
        Self { bar: ProgressBar::hidden(), rows: 0 }
    }

    fn on_terminal() -> Self {
        let bar = ProgressBar::new(STEPS);
        let style = ProgressStyle::with_template("{bar:20} {wide_msg}")
            .expect("the template names a bar and a message")
            .progress_chars("━━╌");
        bar.set_style(style);
        bar.set_message("reaching the target");
        Self { bar, rows: 0 }
    }

    fn take(&mut self, event: RunEvent) {
        match event {
            RunEvent::WarmedUp { .. } => self.bar.set_message("the target answers; starting"),
            RunEvent::LevelStarted { users, .. } => {
                self.bar.set_position(0);
                self.bar.set_message(format!("{} users: starting", count(users)));
            }
            RunEvent::Progress(progress) => self.progress(&progress),
            RunEvent::LevelFinished(level) => self.finished(&level),
        }
    }

    fn progress(&self, progress: &Progress) {
        if let Some(expected) = progress.expected.filter(|expected| !expected.is_zero()) {
            let share = progress.elapsed.as_secs_f64() / expected.as_secs_f64();
            self.bar.set_position(position(share));
        }
        self.bar.set_message(progress_line(progress));
    }

    fn finished(&mut self, level: &Level) {
        if self.rows == 0 {
            self.bar.println(ROW_HEAD);
        }
        self.rows += 1;
        self.bar.println(row(level));
        self.bar.set_message("");
    }
}

const ROW_HEAD: &str = "   users   complete   TTFT p95    gap p99  stretch p95   events/s";

/// One finished level in a line of at most 80 columns.
fn row(level: &Level) -> String {
    let of = |kind, summary: Option<Summary>, statistic| {
        show(kind, summary.and_then(|summary| summary.supported(statistic)))
    };
    let complete = level.complete_share().map(|share| share * 100.0);
    format!(
        "{:>8} {:>10} {:>10} {:>10} {:>12} {:>10}{}",
        count(level.users),
        show(Kind::Percent, complete),
        of(Kind::Latency, level.ttft_ms, Statistic::P95),
        of(Kind::Latency, level.gap_ms, Statistic::P99),
        of(Kind::Ratio, level.stretch, Statistic::P95),
        show(Kind::Rate, Some(level.chunks_per_s)).trim_end_matches("/s").trim_end(),
        if level.trusted { "" } else { "  not trusted" },
    )
}

/// How the present level goes: open streams, events, TTFT, failures, time left.
fn progress_line(progress: &Progress) -> String {
    let mut line = format!(
        "{} users: {} open, {} ended, {}",
        count(progress.users),
        count(progress.open),
        count(progress.ended),
        show(Kind::Rate, Some(progress.chunks_per_s)),
    );
    if let Some(ttft) = progress.ttft_p95_ms {
        line += &format!(", TTFT p95 {}", show(Kind::Latency, Some(ttft)));
    }
    if progress.failed > 0 {
        line += &format!(", {} failed", count(progress.failed));
    }
    if let Some(left) = progress.expected.map(|all| all.saturating_sub(progress.elapsed)) {
        line += &format!(", {} s left", left.as_secs().max(u64::from(left > Duration::ZERO)));
    }
    line
}

/// What will be done: `13 levels, 19 600 streams, about 10 min`.
fn plan_line(plan: &Plan) -> String {
    let mut line = match plan.levels {
        1 => "1 level".to_owned(),
        levels => format!("{levels} levels"),
    };
    if let Some(streams) = plan.streams {
        line += &format!(", {} streams", count(streams));
    }
    match plan.takes {
        Some(takes) => line + &format!(", about {}", roughly(takes)),
        None => line + "; how long an answer takes is not known yet",
    }
}

/// Whole seconds below two minutes, whole minutes from there on, both rounded up.
fn roughly(time: Duration) -> String {
    let seconds = time.as_millis().div_ceil(1_000);
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds.div_ceil(60)) }
}

/// A share of the bar, at most all of it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=1000, a whole number of steps"
)]
fn position(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * 1_000.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_is_known_in_round_numbers() {
        let line = |levels, streams, takes: Option<u64>| {
            plan_line(&Plan { levels, streams, takes: takes.map(Duration::from_millis) })
        };
        assert_eq!(
            line(13, Some(19_600), Some(566_000)),
            "13 levels, 19\u{202f}600 streams, about 10 min"
        );
        assert_eq!(
            line(4, Some(4_600), Some(28_100)),
            "4 levels, 4\u{202f}600 streams, about 29 s"
        );
        assert_eq!(line(1, None, Some(120_000)), "1 level, about 2 min");
        assert_eq!(
            line(1, Some(5), None),
            "1 level, 5 streams; how long an answer takes is not known yet"
        );
    }
}
