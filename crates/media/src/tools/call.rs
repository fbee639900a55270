//! One call: who makes it, and where it says how far it is.

use std::borrow::Cow;

use tokio::sync::watch;

use crate::admission::Caller;

/// How far a call is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// Bytes that have come, or percent of a job.
    pub done: u64,
    /// How much it will be, when that is known.
    pub total: Option<u64>,
    /// What is going on, in a word or two.
    pub message: Option<Cow<'static, str>>,
}

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who makes it: callers get their turns one after the other.
    pub caller: Caller,
    progress: Option<watch::Sender<Step>>,
}

impl Call {
    /// A call that nobody watches.
    #[must_use]
    pub fn quiet(caller: Caller) -> Self {
        Self { caller, progress: None }
    }

    /// A call whose progress goes to the other end of `progress`. That end sees the latest step;
    /// earlier ones that it had no time for are lost, which is what a live view wants.
    #[must_use]
    pub fn watched(caller: Caller, progress: watch::Sender<Step>) -> Self {
        Self { caller, progress: Some(progress) }
    }

    /// Says how far the call is. Never waits.
    pub fn say(&self, step: Step) {
        if let Some(progress) = &self.progress {
            progress.send_replace(step);
        }
    }

    /// Says what is going on before anything is done.
    pub fn note(&self, message: impl Into<Cow<'static, str>>) {
        self.say(Step { message: Some(message.into()), ..Step::default() });
    }
}
