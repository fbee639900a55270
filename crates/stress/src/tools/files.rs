//! The files of a level, read back after its calls, and what they say about each call.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use results::CallOutcome;
use results::tools::Call;
use results::units::millis;
use tokio::time::Instant;

use super::agent::Made;
use super::fetch::{plain_request, transfer};
use super::level::Raw;
use super::mix::{Expectation, Mix, Share};
use super::upstream::Stats;
use super::verify::{Claim, Contents, Hasher, beneath, judge, read_back, url_of};
use crate::client::{Connector, Detail, Target};
use crate::target_url::TargetUrl;

/// How long one file behind a URL may take.
const FETCH_LIMIT: Duration = Duration::from_secs(60);

/// Where files are read back from, resolved.
#[derive(Debug)]
pub enum Shelf {
    /// A folder.
    Directory(PathBuf),
    /// A URL for each file, and where its host is.
    Url(String, Target),
}

impl Shelf {
    /// The folder, where there is one.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Self::Directory(directory) => Some(directory),
            Self::Url(..) => None,
        }
    }
}

/// The calls of a level with what became of their files.
#[derive(Debug)]
pub struct Filed {
    /// The calls in the order of their starts.
    pub calls: Vec<Call>,
    /// What went wrong with each of them, in the same order; empty where nothing did.
    pub details: Vec<Detail>,
    /// Calls whose file was proved right; `None` when nothing was known about any file.
    pub correct: Option<u64>,
    /// What reading back took; `None` when nothing was read.
    pub took: Option<Duration>,
    /// CPU time of this process meanwhile.
    pub cpu: Option<Duration>,
}

/// Reads back the files of a level's successful calls and judges them.
pub async fn file(raw: &mut Raw, mix: &Mix, shelf: Option<&Shelf>, stats: Option<&Stats>) -> Filed {
    let began = Instant::now();
    let cpu_now = || runtime::process::usage(std::process::id()).map(|usage| usage.cpu);
    let cpu_before = cpu_now();
    let claiming: Vec<usize> = match shelf {
        None => Vec::new(),
        Some(_) => {
            (0..raw.made.len()).filter(|&index| leaves_file(&raw.made[index], mix)).collect()
        }
    };
    let mut claims = Vec::with_capacity(claiming.len());
    if let Some(shelf) = shelf {
        let found = read_all(&raw.made, &claiming, shelf).await;
        for (&index, found) in claiming.iter().zip(found) {
            claims.push(claim(raw, index, mix, stats, found));
        }
    }
    let expecting = claims.iter().any(|claim| !claim.expected.is_empty());
    let checked = judge(&claims);
    let mut calls: Vec<Call> = raw.made.iter().map(|made| call(made, mix, raw.begin)).collect();
    let mut details: Vec<Detail> = raw.made.iter().map(|made| made.detail.clone()).collect();
    let mut proved = 0;
    for ((index, claim), checked) in claiming.into_iter().zip(claims).zip(checked) {
        let call = &mut calls[index];
        call.outcome = Some(checked.outcome);
        if let Ok(contents) = claim.found {
            call.bytes = Some(contents.bytes);
            call.md5 = Some(contents.md5);
            call.sha256 = Some(contents.sha256);
        }
        proved += u64::from(checked.proved);
        details[index] = checked.detail;
    }
    let any_read = calls.iter().any(|call| call.sha256.is_some());
    let cpu = cpu_before.zip(cpu_now()).map(|(before, after)| after.saturating_sub(before));
    Filed {
        took: any_read.then(|| began.elapsed()),
        cpu: cpu.filter(|_| any_read),
        calls,
        details,
        correct: expecting.then_some(proved),
    }
}

fn leaves_file(made: &Made, mix: &Mix) -> bool {
    made.outcome == Some(CallOutcome::Ok) && mix.shares[made.share].file.is_some()
}

fn call(made: &Made, mix: &Mix, begin: Instant) -> Call {
    let since = |at: Instant| millis(at.saturating_duration_since(begin));
    let name = made.place.as_deref().map(|place| place.rsplit('/').next().unwrap_or(place));
    Call {
        agent: made.agent,
        call: made.call,
        tool: mix.shares[made.share].tool.clone(),
        name: name.map(str::to_owned),
        bytes: None,
        md5: None,
        sha256: None,
        start_ms: since(made.started_at),
        end_ms: since(made.ended_at),
        outcome: made.outcome,
    }
}

fn claim(
    raw: &mut Raw,
    index: usize,
    mix: &Mix,
    stats: Option<&Stats>,
    found: Result<Contents, Detail>,
) -> Claim {
    let since_begin = raw.made[index].started_at.saturating_duration_since(raw.begin);
    let made = &mut raw.made[index];
    let share = &mix.shares[made.share];
    let expected = match share.expected.is_empty() {
        false => share.expected.clone(),
        true => {
            stats.and_then(|stats| stats.expected(&made.arguments)).cloned().unwrap_or_default()
        }
    };
    Claim {
        kind: leaves_the_same(share).then_some(made.share),
        expected,
        started_at: raw.begin_wall + since_begin,
        look: made.look.take(),
        found,
    }
}

/// Whether all calls of a share leave the same bytes: nothing but the file's name differs.
fn leaves_the_same(share: &Share) -> bool {
    let has_placeholder = |text: &str| {
        ["{agent}", "{call}", "{level}", "{run}"].into_iter().any(|known| text.contains(known))
    };
    share
        .arguments
        .as_object()
        .into_iter()
        .flatten()
        .all(|(name, value)| super::mix::names_file(name) || !has_placeholder(&value.to_string()))
}

/// Reads so many files at once as there are cores, in the order of the calls.
async fn read_all(
    made: &[Made],
    claiming: &[usize],
    shelf: &Shelf,
) -> Vec<Result<Contents, Detail>> {
    let reader = Reader::new(shelf);
    let read = |index: &usize| reader.read(made[*index].place.as_deref());
    stream::iter(claiming).map(read).buffered(runtime::workers::per_core()).collect().await
}

/// Reads files back from a shelf.
#[derive(Debug)]
pub(super) struct Reader<'s> {
    shelf: &'s Shelf,
    connector: Option<Connector>,
}

impl<'s> Reader<'s> {
    /// A reader for one thread.
    pub(super) fn new(shelf: &'s Shelf) -> Self {
        let connector = match shelf {
            Shelf::Directory(_) => None,
            Shelf::Url(_, target) => Connector::new(target).ok(),
        };
        Self { shelf, connector }
    }

    /// The file at a place, or why there is none.
    pub(super) async fn read(&self, place: Option<&str>) -> Result<Contents, Detail> {
        let place = place.ok_or("the answer names no file")?;
        match self.shelf {
            Shelf::Directory(directory) => {
                let path =
                    beneath(directory, place).ok_or("the file's name leads out of the folder")?;
                let read = tokio::task::spawn_blocking(move || read_back(&path)).await;
                read.map_err(|_| "reading the file back failed")?.map_err(|error| unread(&error))
            }
            Shelf::Url(template, _) => {
                let connector = self.connector.as_ref().ok_or("no connection can be made")?;
                fetch(connector, template, place).await
            }
        }
    }
}

fn unread(error: &io::Error) -> Detail {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file where it should have landed".into(),
        kind => format!("the file cannot be read back: {kind}").into(),
    }
}

async fn fetch(connector: &Connector, template: &str, place: &str) -> Result<Contents, Detail> {
    let url: TargetUrl =
        url_of(template, place).parse().map_err(|_| "the file's name makes no URL")?;
    let request = plain_request("GET", &url, &[])?;
    let mut hasher = Hasher::default();
    let deadline = Instant::now() + FETCH_LIMIT;
    transfer(connector, &request, &mut None, deadline, |data: &[u8]| {
        hasher.push(data);
        true
    })
    .await?;
    Ok(hasher.contents())
}

/// What the mix says about files, all alike or nothing: for the description of the run.
#[must_use]
pub fn common_expectation<'s>(shares: impl Iterator<Item = &'s Share>) -> Expectation {
    let mut shares = shares.filter(|share| share.file.is_some()).map(|share| &share.expected);
    let first = shares.next().cloned().unwrap_or_default();
    if shares.all(|expected| *expected == first) { first } else { Expectation::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn calls_leave_the_same_when_only_the_name_differs() {
        let same = |arguments| {
            let mix = Mix::of("t", arguments, None, Expectation::default()).unwrap();
            leaves_the_same(&mix.shares[0])
        };
        assert!(same(json!({ "video_id": "v", "filename": "{agent}.mp4" })));
        assert!(!same(json!({ "video_id": "v{call}", "filename": "{agent}.mp4" })));
        assert!(!same(json!({ "deep": { "filename": "{agent}.mp4" } })));
        assert!(same(json!({})));
    }

    #[test]
    fn what_all_files_must_be_is_told_only_when_it_is_one_thing() {
        let share = |bytes, file: Option<&str>| {
            let expected = Expectation { bytes, sha256: None };
            Mix::of("t", json!({}), file.map(str::to_owned), expected).unwrap().shares[0].clone()
        };
        let (one, two, none) =
            (share(Some(1), Some("f")), share(Some(2), Some("f")), share(None, None));
        assert_eq!(common_expectation([&one, &none, &one].into_iter()).bytes, Some(1));
        assert_eq!(common_expectation([&one, &two].into_iter()).bytes, None);
    }
}
