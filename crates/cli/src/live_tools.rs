//! What a run of tool calls looks like while it runs: finished levels as rows, the present one as a
//! bar of calls. Everything goes to stderr, and only where that is a terminal.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};
use report::number::{Kind, count, show};
use results::ToolsLevel;
use results::summary::{Statistic, Summary};
use stress::tools::{ToolsEvent, ToolsPlan, ToolsProgress};
use tokio::sync::mpsc::Receiver;

use crate::args::Talk;
use crate::paint;

/// Shows events until the sender is gone. Without a terminal only the plan is said, once.
pub(crate) async fn show_events(mut events: Receiver<ToolsEvent>, talk: Talk) {
    let silent = talk.quiet || talk.no_progress || !io::stderr().is_terminal();
    let mut view = View { bar: if silent { ProgressBar::hidden() } else { bar() }, rows: 0 };
    while let Some(event) = events.recv().await {
        if let ToolsEvent::Checked { plan: Some(plan) } = &event
            && !talk.quiet
        {
            view.bar.suspend(|| paint::say(plan_line(plan)));
        }
        view.take(event);
    }
    view.bar.finish_and_clear();
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(1);
    let style = ProgressStyle::with_template("{bar:20} {wide_msg}")
        .expect("the template names a bar and a message")
        .progress_chars("━━╌");
    bar.set_style(style);
    bar.set_message("reaching the server");
    bar
}

/// One bar that is used again for every level.
struct View {
    bar: ProgressBar,
    rows: usize,
}

impl View {
    fn take(&mut self, event: ToolsEvent) {
        match event {
            ToolsEvent::Checked { .. } => {
                self.bar.set_message("the server has the tools; starting")
            }
            ToolsEvent::Preparing { calls } => {
                self.bar.set_message(format!("preparing with {calls} calls"));
            }
            ToolsEvent::Sequential { calls } => {
                self.bar.set_message(format!("{} calls one after the other", count(calls)));
            }
            ToolsEvent::Floor => self.bar.set_message("a bare transfer of the same bytes"),
            ToolsEvent::LevelStarted { stage, shape } => {
                self.bar.set_position(0);
                let stage = stage.map(|stage| format!(" ({stage})")).unwrap_or_default();
                self.bar.set_message(format!("{}{stage}: starting", shape.words()));
            }
            ToolsEvent::Progress(progress) => self.progress(&progress),
            ToolsEvent::Verifying { files } => {
                self.bar.set_message(format!("reading {files} files back"));
            }
            ToolsEvent::LevelFinished(level) => self.finished(&level),
        }
    }

    fn progress(&self, progress: &ToolsProgress) {
        self.bar.set_length(progress.calls.max(1));
        self.bar.set_position(progress.ended);
        self.bar.set_message(progress_line(progress));
    }

    fn finished(&mut self, level: &ToolsLevel) {
        if self.rows == 0 {
            self.bar.println(ROW_HEAD);
        }
        self.rows += 1;
        self.bar.println(row(level));
        self.bar.set_message("");
    }
}

const ROW_HEAD: &str = "  agents x calls         ok   call p95  probe p99    bytes/s   speed-up";

/// One finished level in a line of at most 80 columns.
fn row(level: &ToolsLevel) -> String {
    let of = |summary: Option<Summary>, statistic| {
        show(Kind::Latency, summary.and_then(|summary| summary.supported(statistic)))
    };
    let megabytes = level.bytes_per_s / 1e6;
    format!(
        "{:>16} {:>10} {:>10} {:>10} {:>7.0} MB {:>10}{}",
        level
            .stage
            .as_ref()
            .map_or(level.shape().to_string(), |stage| { format!("{} {stage}", level.shape()) }),
        show(Kind::Percent, level.ok_share().map(|share| share * 100.0)),
        of(level.call_ms, Statistic::P95),
        of(level.probe_ms, Statistic::P99),
        megabytes,
        show(Kind::Ratio, level.speedup),
        if level.trusted { "" } else { "  not trusted" },
    )
}

/// What will be done: `2 levels, 64 calls, after 64 one after the other`.
fn plan_line(plan: &ToolsPlan) -> String {
    let levels = if plan.levels == 1 { "level" } else { "levels" };
    let mut line = format!("{} {levels}, {} calls", plan.levels, count(plan.calls));
    if plan.sequential > 0 {
        line += &format!(", after {} one after the other", count(plan.sequential));
    }
    line
}

/// How the present level goes: open calls, ended ones, times, failures.
fn progress_line(progress: &ToolsProgress) -> String {
    let mut line = format!(
        "{}: {} of {} calls ended, {} open",
        progress.shape,
        count(progress.ended),
        count(progress.calls),
        count(progress.open),
    );
    if let Some(p95) = progress.call_p95_ms {
        line += &format!(", p95 {}", show(Kind::Latency, Some(p95)));
    }
    if progress.failed > 0 {
        line += &format!(", {} failed", count(progress.failed));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_counts_levels_and_calls() {
        let line = |levels, calls, sequential| plan_line(&ToolsPlan { levels, calls, sequential });
        assert_eq!(line(1, 512, 0), "1 level, 512 calls");
        assert_eq!(
            line(2, 1_064, 64),
            "2 levels, 1\u{202f}064 calls, after 64 one after the other"
        );
    }
}
