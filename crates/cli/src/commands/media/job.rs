//! Jobs: waited for, with progress, and fetched when they are done. Waiting again does no harm.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use media::store::{Kind, OnConflict};
use media::tools::{ErrorKind, Step};
use media::transform::image::Format;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::envelope::{Envelope, Problem};
use super::place::{self, Naming, Output, Place};
use super::session::{Session, arguments, fan_out};
use crate::args::media_tools::{AnyWaitArgs, Waiting};

/// First pause between two questions. A job that is done already, or a fast provider, should not
/// cost more; the pause grows by half each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// What kind of job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Job {
    Video,
    Image,
}

impl Job {
    fn status_tool(self) -> &'static str {
        match self {
            Self::Video => "get_video_status",
            Self::Image => "get_image_status",
        }
    }

    fn id_field(self) -> &'static str {
        match self {
            Self::Video => "video_id",
            Self::Image => "response_id",
        }
    }

    fn folder_kind(self) -> Kind {
        match self {
            Self::Video => Kind::Video,
            Self::Image => Kind::Image,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Image => "image",
        }
    }

    /// Videos take minutes, pictures a minute at most.
    fn usual_timeout(self) -> Duration {
        match self {
            Self::Video => Duration::from_secs(1_800),
            Self::Image => Duration::from_secs(600),
        }
    }

    fn longest_pause(self) -> Duration {
        match self {
            Self::Video => Duration::from_secs(20),
            Self::Image => Duration::from_secs(10),
        }
    }

    /// What an id says about its job.
    fn of_id(id: &str) -> Option<Self> {
        if id.starts_with("video_") || id.starts_with("vid_") {
            Some(Self::Video)
        } else if id.starts_with("resp_") {
            Some(Self::Image)
        } else {
            None
        }
    }
}

/// What is to happen when a job is done.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    job: Job,
    download: bool,
    output: Option<String>,
    on_conflict: Option<OnConflict>,
    variant: String,
    interval: Option<Duration>,
    deadline: Instant,
    timeout: Duration,
}

impl Plan {
    /// As the flags say. `-o` implies `--download`; the deadline counts from now, for all jobs.
    pub(super) fn new(job: Job, waiting: &Waiting, variant: &str) -> Self {
        let timeout = waiting.timeout.unwrap_or(job.usual_timeout());
        Self {
            job,
            download: waiting.download || waiting.output.is_some(),
            output: waiting.output.clone(),
            on_conflict: waiting.taken.policy(),
            variant: variant.to_owned(),
            interval: waiting.poll_interval,
            deadline: Instant::now() + timeout,
            timeout,
        }
    }

    /// Whether a file is fetched.
    pub(super) fn downloads(&self) -> bool {
        self.download
    }

    fn output(&self) -> Output<'_> {
        Output { path: self.output.as_deref(), on_conflict: self.on_conflict }
    }

    /// The command that takes a wait up again.
    fn resume(&self, id: &str) -> String {
        let mut words = vec!["weir", "media", self.job.name(), "wait", id];
        if self.download {
            words.push("--download");
        }
        if self.variant != "video" {
            words.extend(["--variant", &self.variant]);
        }
        if let Some(output) = &self.output {
            words.extend(["-o", output]);
        }
        if let Some(on_conflict) = self.on_conflict {
            words.extend(["--on-conflict", on_conflict.as_str()]);
        }
        words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
    }
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=@%+,".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Waits for jobs of one kind side by side.
pub(super) async fn wait_for_all(
    command: &'static str,
    ids: Vec<String>,
    plan: Plan,
    session: &Arc<Session>,
) -> Result<u8, Problem> {
    wait_for(command, ids.into_iter().map(|id| (id, plan.clone())).collect(), session).await
}

/// `weir media wait`: jobs of any kind.
pub(super) async fn wait_for_any(args: AnyWaitArgs, session: &Arc<Session>) -> Result<u8, Problem> {
    let kind = |id: &str| match args.job_type.as_str() {
        "video" => Ok(Job::Video),
        "image" => Ok(Job::Image),
        _ => Job::of_id(id).ok_or_else(|| {
            Problem::usage(format!(
                "{id} does not say what it is (video_… or resp_… do): give --type video or image"
            ))
        }),
    };
    // One time for jobs of both kinds: the longer one.
    let waiting = Waiting {
        timeout: args.waiting.timeout.or(Some(Job::Video.usual_timeout())),
        ..args.waiting.clone()
    };
    let plan = |id: &str| kind(id).map(|job| Plan::new(job, &waiting, &args.variant.variant));
    let jobs = args.job_ids.iter().map(|id| plan(id).map(|plan| (id.clone(), plan)));
    wait_for("wait", jobs.collect::<Result<_, Problem>>()?, session).await
}

async fn wait_for(
    command: &'static str,
    jobs: Vec<(String, Plan)>,
    session: &Arc<Session>,
) -> Result<u8, Problem> {
    let output = jobs.first().and_then(|(_, plan)| plan.output.as_deref());
    place::folder_for_many(output, jobs.len())?;
    let all_at_once = jobs.len();
    fan_out(jobs, all_at_once, |(id, plan)| {
        let session = Arc::clone(session);
        async move { wait(command, &id, &plan, &session).await }
    })
    .await
}

/// Waits for one job, and fetches its file.
pub(super) async fn wait(
    command: &'static str,
    id: &str,
    plan: &Plan,
    session: &Session,
) -> Envelope {
    let began = Instant::now();
    session.jobs.begin(id, &plan.resume(id));
    let outcome = wait_and_fetch(id, plan, session).await;
    session.jobs.end(id);
    if let Err(problem) = &outcome {
        session.view.error(problem);
    }
    Envelope::of(command, outcome.map(Value::Object)).took(began.elapsed())
}

async fn wait_and_fetch(
    id: &str,
    plan: &Plan,
    session: &Session,
) -> Result<Map<String, Value>, Problem> {
    let mut result = until_ended(id, plan, session).await.map_err(|it| it.with("id", id))?;
    if plan.download {
        let file = fetch(plan.job, id, &plan.variant, plan.output(), session).await;
        let file = file.map_err(|problem| {
            let mut problem =
                problem.recast(ErrorKind::Download, "the job is completed, but not its download: ");
            problem.resume = Some(plan.resume(id));
            problem.with("id", id).with("status", "completed")
        })?;
        result.extend(file);
    }
    Ok(result)
}

/// Asks until the job has ended.
async fn until_ended(
    id: &str,
    plan: &Plan,
    session: &Session,
) -> Result<Map<String, Value>, Problem> {
    let mut shown = session.view.shown(id);
    let (mut due, mut pause) = (Instant::now(), plan.interval.unwrap_or(FIRST_PAUSE));
    let mut last: Option<(String, Value)> = None;
    loop {
        let question =
            session.ask(plan.job.status_tool(), arguments([(plan.job.id_field(), json!(id))]));
        let Ok(answer) = timeout_at(plan.deadline, question).await else {
            return Err(late(id, plan, last));
        };
        let answer = answer?;
        let status = answer.get("status").and_then(Value::as_str).unwrap_or("unknown").to_owned();
        let progress = answer.get("progress").cloned().unwrap_or(Value::Null);
        shown.show(&Step {
            done: progress.as_u64().unwrap_or(0),
            total: progress.as_u64().map(|_| 100),
            message: Some(status.clone().into()),
        });
        match status.as_str() {
            "completed" => return Ok(answer),
            "failed" | "cancelled" | "incomplete" | "expired" => {
                return Err(failed(id, plan.job, &status, &answer));
            }
            _ => last = Some((status, progress)),
        }
        due = (due + jittered(pause)).max(Instant::now());
        if due >= plan.deadline {
            sleep_until(plan.deadline).await;
            return Err(late(id, plan, last));
        }
        sleep_until(due).await;
        if plan.interval.is_none() {
            pause = (pause * 3 / 2).min(plan.job.longest_pause());
        }
    }
}

fn late(id: &str, plan: &Plan, last: Option<(String, Value)>) -> Problem {
    let (status, progress) = last.unwrap_or_else(|| ("unknown".to_owned(), Value::Null));
    let message =
        format!("job {id} is still {status} after {:?}; it goes on at the provider", plan.timeout);
    let mut problem = Problem::new(ErrorKind::Timeout, message)
        .with("last_status", status)
        .with("last_progress", progress);
    problem.resume = Some(plan.resume(id));
    problem
}

fn failed(id: &str, job: Job, status: &str, answer: &Map<String, Value>) -> Problem {
    let details = answer.get("error").cloned().unwrap_or(Value::Null);
    let reason = details.get("message").and_then(Value::as_str);
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let message = format!("{} job {id} ended with status {status}{reason}", job.name());
    Problem::new(ErrorKind::JobFailed, message).with("status", status).with("details", details)
}

/// Refuses an output that the job's file cannot go to, while nothing is paid yet.
pub(super) async fn check_output(
    job: Job,
    waiting: &Waiting,
    session: &Session,
) -> Result<(), Problem> {
    if !waiting.download && waiting.output.is_none() {
        return Ok(());
    }
    let output = Output { path: waiting.output.as_deref(), on_conflict: waiting.taken.policy() };
    let kind = job.folder_kind();
    let place = Place::find(session, kind, &[], output, Naming::Asked).await?;
    if let (Job::Image, Some(name)) = (job, &place.name)
        && Format::of_name(name).is_none()
    {
        return Err(Problem::usage(format!(
            "Unsupported file format of {name}: use .png, .jpg, .jpeg or .webp"
        )));
    }
    // Without a name there is still a folder that has to be there.
    place.spot.open(session, kind).await.map(drop)
}

/// Fetches a finished job's file to where it is wanted.
pub(super) async fn fetch(
    job: Job,
    id: &str,
    variant: &str,
    output: Output<'_>,
    session: &Session,
) -> Result<Map<String, Value>, Problem> {
    let kind = job.folder_kind();
    let place = Place::find(session, kind, &[], output, Naming::Asked).await?;
    let media = session.media(&[(kind, &place.spot)]).await?;
    let (tool, arguments) = match job {
        Job::Video => (
            "download_video",
            arguments([
                ("video_id", json!(id)),
                ("filename", json!(place.name)),
                ("variant", json!(variant)),
                ("on_conflict", json!(place.on_conflict)),
            ]),
        ),
        Job::Image => (
            "download_image",
            arguments([
                ("response_id", json!(id)),
                ("filename", json!(place.name)),
                ("on_conflict", json!(place.on_conflict)),
            ]),
        ),
    };
    let mut result = session.call(&media, tool, arguments, id).await?;
    place.finish(session, &mut result).await?;
    let mut file = result.remove("file").unwrap_or(Value::Null);
    if let Value::Object(fields) = &mut file {
        // The digest belongs to the file; a job's own fields stay the provider's.
        for field in ["sha256", "variant", "size", "format"] {
            if let Some(value) = result.remove(field) {
                fields.insert(field.to_owned(), value);
            }
        }
    }
    Ok(Map::from_iter([("file".to_owned(), file)]))
}

/// A pause, a tenth longer or shorter: jobs that were started together are not asked together.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    let share = u32::try_from(random % 201).unwrap_or(100);
    pause * (900 + share) / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::media_tools::{Conflict, Taken};

    fn waiting(output: Option<&str>) -> Waiting {
        let output = output.map(str::to_owned);
        let taken = Taken { on_conflict: None };
        Waiting { download: false, output, taken, timeout: None, poll_interval: None }
    }

    #[tokio::test]
    async fn the_command_that_takes_a_wait_up_again_has_its_flags() {
        let plan = Plan::new(Job::Video, &waiting(None), "video");
        assert_eq!(plan.resume("video_1"), "weir media video wait video_1");
        let plan = Plan::new(Job::Video, &waiting(Some("my clips/")), "thumbnail");
        assert!(plan.downloads());
        assert_eq!(
            plan.resume("video_1"),
            "weir media video wait video_1 --download --variant thumbnail -o 'my clips/'"
        );
        let rename = Taken { on_conflict: Some(Conflict::Rename) };
        let plan =
            Plan::new(Job::Video, &Waiting { taken: rename, ..waiting(Some("a/")) }, "video");
        assert_eq!(
            plan.resume("video_1"),
            "weir media video wait video_1 --download -o a/ --on-conflict rename"
        );
        let plan = Plan::new(Job::Image, &waiting(Some("it's.png")), "video");
        assert_eq!(
            plan.resume("resp_1"),
            r"weir media image wait resp_1 --download -o 'it'\''s.png'"
        );
    }

    #[test]
    fn a_jitter_is_a_tenth_at_most() {
        for _ in 0..1_000 {
            let pause = jittered(Duration::from_secs(10));
            assert!((9_000..=11_000).contains(&pause.as_millis()), "{pause:?}");
        }
    }

    #[test]
    fn an_id_says_what_its_job_is() {
        assert_eq!(Job::of_id("video_1"), Some(Job::Video));
        assert_eq!(Job::of_id("resp_1"), Some(Job::Image));
        assert_eq!(Job::of_id("job-1"), None);
    }
}
