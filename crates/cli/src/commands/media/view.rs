//! What is said on stderr while something goes on: bars on a terminal, lines elsewhere.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use media::admission::Caller;
use media::tools::{Call, Step};
use tokio::sync::watch;
use tokio::time::Instant;

use super::envelope::Problem;
use crate::args::Talk;
use crate::paint;

/// Elsewhere than on a terminal, a line says that it still goes on after this long.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Where progress is shown.
#[derive(Debug, Clone)]
pub(super) struct View {
    quiet: bool,
    progress: bool,
    bars: Option<MultiProgress>,
}

impl View {
    /// As the command line asks for, and stderr allows.
    pub(super) fn new(talk: Talk) -> Self {
        let progress = !talk.quiet && !talk.no_progress;
        let bars = (progress && io::stderr().is_terminal()).then(MultiProgress::new);
        Self { quiet: talk.quiet, progress, bars }
    }

    /// Says a line, unless told to be quiet.
    pub(super) fn note(&self, line: &str) {
        if !self.quiet {
            self.say(line);
        }
    }

    /// Says what went wrong, in any case.
    pub(super) fn error(&self, problem: &Problem) {
        self.say(&format!("error ({}): {}", problem.word(), problem.message()));
    }

    fn say(&self, line: &str) {
        let line = format!("weir: {line}");
        match &self.bars {
            Some(bars) => bars.suspend(|| paint::say(line)),
            None => paint::say(line),
        }
    }

    /// Runs a call, and shows how far it is.
    pub(super) async fn watch<T>(&self, label: &str, work: impl AsyncFnOnce(Call) -> T) -> T {
        let (sender, mut steps) = watch::channel(Step::default());
        let mut shown = Shown::new(self, label);
        let work = work(Call::watched(Caller::ALONE, sender));
        tokio::pin!(work);
        loop {
            tokio::select! {
                result = &mut work => return result,
                changed = steps.changed() => match changed {
                    Ok(()) => shown.show(&steps.borrow_and_update()),
                    Err(_) => return work.await,
                },
            }
        }
    }

    /// Something whose progress will be shown.
    pub(super) fn shown(&self, label: &str) -> Shown<'_> {
        Shown::new(self, label)
    }
}

/// One call's progress. Its bar disappears with it.
pub(super) struct Shown<'a> {
    view: &'a View,
    label: String,
    bar: Option<ProgressBar>,
    began: Instant,
    said: Instant,
    last: String,
}

impl<'a> Shown<'a> {
    fn new(view: &'a View, label: &str) -> Self {
        let now = Instant::now();
        let bar = view.bars.as_ref().map(|bars| bars.add(bar(label)));
        Self { view, label: label.to_owned(), bar, began: now, said: now, last: String::new() }
    }

    /// Shows a step.
    pub(super) fn show(&mut self, step: &Step) {
        let message = step.message.as_deref().unwrap_or_default();
        if let Some(bar) = &self.bar {
            bar.set_length(step.total.unwrap_or(0));
            bar.set_position(step.done);
            bar.set_message(format!("{} {message}", self.label));
            return;
        }
        let now = Instant::now();
        let is_news = message != self.last;
        if !self.view.progress || (!is_news && now - self.said < HEARTBEAT) {
            return;
        }
        let share = step.total.filter(|&total| total > 0).map(|total| {
            let percent = step.done.saturating_mul(100) / total;
            format!(" {percent}%")
        });
        let seconds = (now - self.began).as_secs();
        let share = share.unwrap_or_default();
        self.view.say(&format!("{} {message}{share} t={seconds}s", self.label));
        self.said = now;
        message.clone_into(&mut self.last);
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(label: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:20} {percent:>3}% {wide_msg}")
        .expect("the template names a bar, a share and a message")
        .progress_chars("━━╌");
    ProgressBar::new(0).with_style(style).with_message(label.to_owned())
}
