//! One agent: its session, and so many calls at once over it.

use std::cell::RefCell;
use std::io;
use std::time::Duration;

use futures_util::future::join_all;
use results::CallOutcome;
use results::units::{float, micros};
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::message::ToolResult;
use super::mix::{file_name, file_place};
use super::session::{Called, Session};
use super::template::Place;
use super::transport::{Failure, Phases};
use super::verify::{Look, beneath, look};
use super::worker::Job;
use crate::client::{Detail, generalise};

/// One call as it was made, before its file has been read back.
#[derive(Debug)]
pub struct Made {
    /// The agent, counted from 1.
    pub agent: u64,
    /// The agent's call, counted from 1.
    pub call: u64,
    /// Index of the tool in the mix.
    pub share: usize,
    /// Its arguments.
    pub arguments: Value,
    /// Where its file should be, beneath the folder or in the URL; `None` for none.
    pub place: Option<String>,
    /// What became of it, as far as the answer tells; `None` when it was cancelled.
    pub outcome: Option<CallOutcome>,
    /// What went wrong, without anything that differs between calls that failed alike.
    pub detail: Detail,
    /// From when its time counts.
    pub started_at: Instant,
    /// When its answer had arrived, or it was given up.
    pub ended_at: Instant,
    /// Its phases; `None` when it was cancelled or never sent.
    pub phases: Option<Phases>,
    /// Its file right after the answer; `None` where nobody can look.
    pub look: Option<io::Result<Look>>,
}

/// An agent's session, or why it has none.
#[derive(Debug, Clone, Copy)]
pub enum Opened<'a> {
    /// It stands.
    Session(&'a Session),
    /// It could not be opened: every call of the agent fails of that.
    Failed(&'a Failure),
}

/// One agent of a level.
#[derive(Debug)]
pub struct Agent<'a> {
    /// Counted from 0.
    pub number: u64,
    /// Its session.
    pub session: Opened<'a>,
    /// The level.
    pub job: &'a Job,
    /// When the level begins.
    pub begin: Instant,
    /// Index of the worker that it is of.
    pub worker: usize,
    /// Where its calls are noted.
    pub made: &'a RefCell<Vec<Made>>,
}

impl Agent<'_> {
    /// Makes all its calls, as many at once as the level's shape says.
    pub async fn run(&self) {
        let places = self.job.shape.calls_per_agent;
        join_all((0..places).map(|place| self.place(place))).await;
    }

    /// One of an agent's places: a call, and when that has ended the next.
    async fn place(&self, place: u64) {
        let shape = self.job.shape;
        sleep_until(self.begin).await;
        for round in 0..self.job.repeat {
            let call = round * shape.calls_per_agent + place;
            let due = self.job.rate.map(|rate| {
                let number = call * shape.agents + self.number;
                self.begin + Duration::from_secs_f64(float(number) / rate)
            });
            if let Some(due) = due
                && self.job.stop.run_until_cancelled(sleep_until(due)).await.is_none()
            {
                return;
            }
            if self.job.stop.is_cancelled() {
                return;
            }
            let made = self.call(call, due).await;
            self.made.borrow_mut().push(made);
        }
    }

    /// Makes one call. Where calls are due at times of their own, its time counts from then, even
    /// if the call before it kept the place.
    async fn call(&self, call: u64, due: Option<Instant>) -> Made {
        let calls = self.job.shape.calls_per_agent * self.job.repeat;
        let share_index = self.job.mix.pick(self.number * calls + call);
        let share = &self.job.mix.shares[share_index];
        let place = Place {
            agent: self.number + 1,
            call: call + 1,
            level: self.job.level,
            run: &self.job.run,
        };
        let arguments = share_arguments(share, &place);
        let started_at = due.unwrap_or_else(Instant::now);
        let mut made = Made {
            agent: place.agent,
            call: place.call,
            share: share_index,
            arguments,
            place: None,
            outcome: None,
            detail: Detail::default(),
            started_at,
            ended_at: started_at,
            phases: None,
            look: None,
        };
        let session = match self.session {
            Opened::Session(session) => session,
            Opened::Failed(failure) => {
                made.outcome = Some(outcome_of(failure));
                made.detail = format!("no session: {}", failure.detail()).into();
                return made;
            }
        };
        let counters = &self.job.gauges.workers[self.worker];
        self.job.gauges.open.open();
        counters.count_start();
        let deadline = started_at.max(Instant::now()) + self.job.gear.timeout;
        let calling = session.call(&share.tool, &made.arguments, started_at, deadline);
        let called = self.job.stop.run_until_cancelled(calling).await;
        self.job.gauges.open.close();
        let Some(called) = called else {
            made.ended_at = Instant::now();
            counters.count_end(false, None);
            return made;
        };
        made.ended_at = called.phases.ended_at;
        made.phases = Some(called.phases);
        let (outcome, detail, data) = judged(called);
        counters.count_end(
            outcome == CallOutcome::Ok,
            Some(micros(made.ended_at.saturating_duration_since(started_at))),
        );
        (made.outcome, made.detail) = (Some(outcome), detail);
        if outcome == CallOutcome::Ok {
            let name = file_name(data.as_ref(), &made.arguments);
            made.place = file_place(share.file.as_deref(), &place, name.as_deref());
            made.look = self.look(made.place.as_deref()).await;
        }
        made
    }

    /// Looks at a file, after the call's time has been taken.
    async fn look(&self, place: Option<&str>) -> Option<io::Result<Look>> {
        let path = beneath(self.job.directory.as_deref()?, place?)?;
        tokio::task::spawn_blocking(move || look(&path)).await.ok()
    }
}

fn share_arguments(share: &super::mix::Share, place: &Place<'_>) -> Value {
    place.fill(&share.arguments, share.numbers)
}

/// What a call's answer says became of it, with the result's data.
fn judged(called: Called) -> (CallOutcome, Detail, Option<Value>) {
    match called.result {
        Ok(result) if result.is_error => {
            let text = result.text().unwrap_or("without a reason");
            (CallOutcome::ToolError, generalise(text).into(), None)
        }
        Ok(ToolResult { result_type: Some(kind), .. }) if kind != "complete" => {
            let detail =
                format!("the result is {}: the tool wants to know more", generalise(&kind));
            (CallOutcome::ToolError, detail.into(), None)
        }
        Ok(result) => (CallOutcome::Ok, Detail::default(), result.data()),
        Err(failure) => (outcome_of(&failure), failure.detail(), None),
    }
}

fn outcome_of(failure: &Failure) -> CallOutcome {
    match failure {
        Failure::Transport(_) => CallOutcome::TransportError,
        Failure::Protocol(_) | Failure::Status(..) | Failure::Rpc(_) => CallOutcome::ProtocolError,
        Failure::Timeout(_) => CallOutcome::Timeout,
    }
}
