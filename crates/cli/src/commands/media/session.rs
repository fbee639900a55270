//! What all commands work with: the provider, the folders, and how a tool is called.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use media::admission::Caller;
use media::store::{Kind, Store};
use media::tools::{Call, Catalog, ErrorKind, Media, ToolError};
use serde_json::{Map, Value};
use tokio::task::JoinSet;

use super::envelope::{Envelope, Problem, code_of_all};
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

    /// The media folder of a kind, when it is on this machine.
    pub(super) fn folder(&self, kind: Kind) -> Option<&Path> {
        self.plan.folder(kind)
    }

    /// The media folder of a kind, or the way to have one.
    pub(super) fn folder_or_problem(&self, kind: Kind) -> Result<PathBuf, Problem> {
        self.folder(kind).map(Path::to_path_buf).ok_or_else(|| {
            if self.plan.in_object_storage() {
                let message = "the media are in an object storage: name the file by a path here";
                return Problem::new(ErrorKind::Config, message);
            }
            let variable = match kind {
                Kind::Video => "VIDEO_PATH",
                Kind::Image => "IMAGE_PATH",
                Kind::Audio => "AUDIO_PATH",
            };
            Problem::new(
                ErrorKind::Config,
                format!(
                    "there is no {} folder: name one by --media DIR, WEIR_MEDIA_PATH or {variable}",
                    kind.as_str()
                ),
            )
        })
    }

    /// A folder as the files of one kind.
    pub(super) async fn store(&self, kind: Kind, folder: &Path) -> Result<Store, Problem> {
        let store = Store::open_folder(kind, folder, self.plan.limits()).await;
        store.map_err(|error| {
            let path = folder.display();
            Problem::from(ToolError::Store(error)).recast(ErrorKind::Config, &format!("{path}: "))
        })
    }

    /// The tools over these folders.
    pub(super) async fn media(&self, folders: &[(Kind, &Path)]) -> Result<Arc<Media>, Problem> {
        let mut media = self.base.clone();
        for &(kind, folder) in folders {
            *media.place(kind) = Some(self.store(kind, folder).await?);
        }
        Ok(Arc::new(media))
    }

    /// The tools over the usual place of a kind, which may be an object storage.
    pub(super) async fn usual(&self, kind: Kind) -> Result<Arc<Media>, Problem> {
        if !self.plan.in_object_storage() {
            let folder = self.folder_or_problem(kind)?;
            return self.media(&[(kind, &folder)]).await;
        }
        let mut media = self.base.clone();
        let store = self.plan.open_store(kind).await;
        *media.place(kind) = store.map_err(|it| Problem::config(&it))?;
        Ok(Arc::new(media))
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
