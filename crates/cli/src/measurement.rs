//! What the stress commands do around a measurement: signals and the live view beside it, an
//! embedded server that ends by itself, and afterwards the files, the report and the exit code.

use std::future::Future;
use std::pin::pin;

use anyhow::{Context, anyhow};
use report::subject::Subject;
use results::{Load, Run, VerdictWord};
use runtime::signal::{Shutdown, Signals};
use stress::error::ErrorKind;
use stress::event::EVENT_QUEUE;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;

use crate::args::Talk;
use crate::commands::report::terminal_options;
use crate::exit_code::{
    BUG, CommandResult, ENVIRONMENT, Failure, INTERRUPTED, MET, NOT_MET, UNREACHABLE, USAGE,
};
use crate::paint;
use crate::run_folder::RunFolder;

/// What came of a measurement.
pub(crate) struct Measured<K: Load> {
    run: Run<K>,
    /// An embedded server that ended by itself, and with it the run.
    lost: Option<String>,
}

/// Measures, with the live view beside it; the first signal ends the run early, the second at once.
/// An embedded server that ends by itself (`lost` tells how) ends the run, too.
pub(crate) fn measure<K, E, Running, Showing>(
    start: impl FnOnce(Sender<E>, CancellationToken) -> Running,
    show: impl FnOnce(Receiver<E>) -> Showing,
    lost: impl Future<Output = String>,
) -> Result<Measured<K>, Failure>
where
    K: Load,
    Running: Future<Output = Result<Run<K>, stress::error::Error>>,
    Showing: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start a runtime")?;
    runtime.block_on(async {
        let shutdown = Shutdown::default();
        let signals = Signals::register().context("failed to watch for signals")?;
        let (sender, events) = mpsc::channel(EVENT_QUEUE);
        let (run, shown) = (start(sender, shutdown.drain.clone()), show(events));
        let mut measuring = pin!(async { tokio::join!(run, shown).0 });
        let measured = async {
            let lost = tokio::select! {
                run = &mut measuring => return (run, None),
                lost = lost => lost,
            };
            shutdown.drain.cancel();
            (measuring.await, Some(lost))
        };
        tokio::select! {
            (run, lost) = measured => match (run, lost) {
                (Ok(run), lost) => Ok(Measured { run, lost }),
                (Err(_), Some(lost)) => Err(Failure { code: UNREACHABLE, error: anyhow!(lost) }),
                (Err(error), None) => Err(failure(error)),
            },
            _ = signals.watch(&shutdown) => Err(Failure {
                code: INTERRUPTED,
                error: anyhow!("stopped at once: nothing is written"),
            }),
        }
    })
}

impl<K: Load> Measured<K>
where
    Run<K>: Subject,
{
    /// Writes the run's folder, prints its report, and says how the command ends.
    pub(crate) fn finish(self, folder: &RunFolder, full: bool, talk: Talk) -> CommandResult {
        folder.write(&self.run).map_err(Failure::environment)?;
        let shown = report::terminal::render(&self.run, terminal_options(full, true));
        paint::data(&shown).context("failed to write to stdout")?;
        if !talk.quiet {
            paint::say(format_args!("reports in {}", folder.path().display()));
        }
        match self.lost {
            Some(lost) => Err(Failure { code: UNREACHABLE, error: anyhow!(lost) }),
            None => Ok(exit_code(&self.run)),
        }
    }
}

/// The exit code of a finished run.
fn exit_code<K: Load>(run: &Run<K>) -> u8 {
    if run.interrupted {
        return INTERRUPTED;
    }
    match run.verdict().word {
        VerdictWord::Met => MET,
        VerdictWord::NotMet => NOT_MET,
        VerdictWord::NotTrusted => ENVIRONMENT,
    }
}

/// Why there is no run, with the exit code of whose turn it is.
pub(crate) fn failure(error: stress::error::Error) -> Failure {
    let code = match error.kind() {
        ErrorKind::Usage => USAGE,
        ErrorKind::Environment => ENVIRONMENT,
        ErrorKind::Unreachable => UNREACHABLE,
        ErrorKind::Interrupted => INTERRUPTED,
        ErrorKind::Bug => BUG,
    };
    Failure { code, error: error.into() }
}
