//! What all commands work with: the provider, the folders, and how a tool is called.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use media::admission::Caller;
use media::store::{Kind, OnConflict};
use media::tools::{Call, Catalog, Media};
use serde_json::{Map, Value};
use tokio::task::JoinSet;

use super::envelope::{Envelope, Problem, code_of_all};
use super::spot::Spot;
use super::view::View;
use crate::args::Talk;
use crate::args::media::MediaFileArgs;
use crate::media_setup::Plan;

/// What all commands work with.
pub(super) struct Session {
    /// Providers and bounds; folders are put in for each call.
    base: Media,
    pub(super) plan: Plan,
    /// Where progress is shown.
    pub(super) view: View,
    /// Jobs that are waited for.
    pub(super) jobs: Jobs,
}

impl Session {
    /// Reads file and environment. Folders are opened when a command needs them: a command with
    /// paths needs no media folder.
    pub(super) fn open(args: &MediaFileArgs, talk: Talk) -> Result<Self, Problem> {
        let (media, config) = (args.media.media.as_deref(), args.config.as_deref());
        let plan = Plan::read(media, config).map_err(|it| Problem::config(&it))?;
        plan.make_folders().map_err(|it| Problem::config(&it))?;
        let base = plan.without_places();
        Ok(Self { base, plan, view: View::new(talk), jobs: Jobs::default() })
    }

    /// What happens when a name that somebody chose is taken, and nobody says.
    pub(super) fn on_conflict(&self) -> OnConflict {
        self.base.on_conflict
    }

    /// The tools over files in these places.
    pub(super) async fn media(&self, spots: &[(Kind, &Spot)]) -> Result<Arc<Media>, Problem> {
        let mut media = self.base.clone();
        for &(kind, spot) in spots {
            *media.place(kind) = Some(spot.open(self, kind).await?);
        }
        Ok(Arc::new(media))
    }

    /// The tools over the usual place of a kind.
    pub(super) async fn usual(&self, kind: Kind) -> Result<Arc<Media>, Problem> {
        self.media(&[(kind, &Spot::usual_or_problem(self, kind)?)]).await
    }

    /// Calls a tool by its name, with its progress shown under a label.
    pub(super) async fn call(
        &self,
        media: &Arc<Media>,
        tool: &str,
        arguments: Map<String, Value>,
        label: &str,
    ) -> Result<Map<String, Value>, Problem> {
        self.view.watch(label, async |call| run(media, tool, arguments, call).await).await
    }

    /// Calls a tool that touches no folder and shows no progress.
    pub(super) async fn ask(
        &self,
        tool: &str,
        arguments: Map<String, Value>,
    ) -> Result<Map<String, Value>, Problem> {
        let media = Arc::new(self.base.clone());
        run(&media, tool, arguments, Call::quiet(Caller::ALONE)).await
    }
}

async fn run(
    media: &Arc<Media>,
    tool: &str,
    arguments: Map<String, Value>,
    call: Call,
) -> Result<Map<String, Value>, Problem> {
    let catalog = Catalog::all();
    let entry = catalog.find(tool);
    let entry = entry.ok_or_else(|| Problem::internal(format!("there is no tool {tool}")))?;
    let output = (entry.call)(Arc::clone(media), arguments, call).await?;
    match output.value {
        Value::Object(fields) => Ok(fields),
        other => Ok(Map::from_iter([("result".to_owned(), other)])),
    }
}

/// The jobs that are waited for, each with the command that takes it up again.
#[derive(Debug, Clone, Default)]
pub(super) struct Jobs(Arc<Mutex<BTreeMap<String, String>>>);

impl Jobs {
    /// A wait begins.
    pub(super) fn begin(&self, id: &str, resume: &str) {
        self.lock().insert(id.to_owned(), resume.to_owned());
    }

    /// A wait has ended.
    pub(super) fn end(&self, id: &str) {
        self.lock().remove(id);
    }

    /// How to take up again what is under way.
    pub(super) fn under_way(&self) -> Vec<String> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Works on several inputs, at most `at_once` side by side, and prints each envelope when it is
/// there: one a line, unless there is only one. Returns the exit code of all.
pub(super) async fn fan_out<T, F>(
    inputs: Vec<T>,
    at_once: usize,
    work: impl Fn(T) -> F,
) -> Result<u8, Problem>
where
    F: Future<Output = Envelope> + Send + 'static,
{
    let alone = inputs.len() == 1;
    let mut inputs = inputs.into_iter();
    let mut running = JoinSet::new();
    for input in inputs.by_ref().take(at_once.max(1)) {
        running.spawn(work(input));
    }
    let mut codes = Vec::new();
    while let Some(ended) = running.join_next().await {
        let envelope = ended.map_err(|error| Problem::internal(error.to_string()))?;
        codes.push(if alone { envelope.emit_alone() } else { envelope.emit_line() });
        if let Some(input) = inputs.next() {
            running.spawn(work(input));
        }
    }
    Ok(code_of_all(&codes))
}

/// The arguments of a tool; those that are not given are left out.
pub(super) fn arguments<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    let given = pairs.into_iter().filter(|(_, value)| !value.is_null());
    given.map(|(name, value)| (name.to_owned(), value)).collect()
}
