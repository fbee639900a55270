//! `weir stress tools`: resolve what was asked for, start what is missing, measure, report.

mod embedded;

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use results::tools::Shape;
use results::{RunKind, Slo};
use serde_json::Value;
use stress::config::Header;
use stress::secret::{Secret, redact_command_line};
use stress::target_url::TargetUrl;
use stress::tools::Settings;
use stress::tools::mix::{Expectation, Mix};
use stress::tools::settings::{
    Climb, DEFAULT_PROBE_EVERY, DEFAULT_SHAPE, DEFAULT_TIMEOUT, Reach, Stage,
};
use stress::tools::stdio::Command;
use stress::tools::verify::Source;

use self::embedded::EmbeddedTarget;
use crate::args::tools::ToolsArgs;
use crate::args::{Talk, api_key};
use crate::commands::stress_streams::command_line;
use crate::exit_code::{CommandResult, Failure};
use crate::live_tools;
use crate::measurement::{failure, measure};

/// Carries out the command.
pub(crate) fn run(args: ToolsArgs, talk: Talk) -> CommandResult {
    let is_embedded = args.url.is_none() && args.command.is_empty();
    let name = args.output.name.clone().unwrap_or_else(|| "tools".to_owned());
    let folder = args.output.folder(&name)?;
    let (settings, embedded) = if is_embedded {
        let plan = embedded::Plan::of(&args, folder.path())?;
        // Everything that can be wrong is told before anything is started.
        resolve(&args, name.clone(), plan.placeholder()?)?.check().map_err(failure)?;
        let (load, target) = plan.start()?;
        (resolve(&args, name, load)?, Some(target))
    } else {
        let load = Load::asked(&args, folder.path())?;
        (resolve(&args, name, load)?, None)
    };
    settings.check().map_err(failure)?;
    let processes = embedded.as_ref().map(EmbeddedTarget::processes).unwrap_or_default();
    let measured = measure(
        |events, stop| stress::tools::run(settings, processes, events, stop),
        |events| live_tools::show_events(events, talk),
        EmbeddedTarget::lost(embedded.as_ref()),
    )?;
    drop(embedded);
    measured.finish(&folder, args.output.full, talk)
}

/// What is called, where, and what is known about the files: from the options, or from what was
/// started.
struct Load {
    scenario: String,
    reach: Reach,
    stages: Vec<Stage>,
    sequential: u64,
    source: Option<Source>,
    upstream: Option<TargetUrl>,
    scratch: PathBuf,
    profile: Option<String>,
}

impl Load {
    /// The load against a target that is there already; bare transfers are written into the run's
    /// folder, and removed.
    fn asked(args: &ToolsArgs, run_folder: &Path) -> Result<Self, Failure> {
        let mix = mix(args)?.ok_or_else(|| {
            Failure::usage(anyhow!(
                "say what to call: --tool NAME with --args JSON, or --mix FILE.toml"
            ))
        })?;
        let source = match (&args.verify_dir, &args.verify_url) {
            (Some(directory), _) => {
                if !directory.is_dir() {
                    return Err(Failure::environment(anyhow!(
                        "{} is no folder: --verify-dir is where the tool's files land",
                        directory.display()
                    )));
                }
                Some(Source::Directory(directory.clone()))
            }
            (None, Some(template)) => Some(Source::Url(template.clone())),
            (None, None) => None,
        };
        let upstream = args.upstream_stats.as_deref().map(url).transpose()?;
        let bare = args.floor_url.as_deref().map(url).transpose()?;
        Ok(Self {
            scenario: scenario(args),
            reach: reach(args)?,
            stages: vec![Stage { name: None, mix, bare }],
            sequential: args.sequential.unwrap_or(0),
            source,
            upstream,
            scratch: run_folder.to_owned(),
            profile: None,
        })
    }
}

fn scenario(args: &ToolsArgs) -> String {
    let file = args.mix.as_deref().and_then(|file| file.file_stem());
    file.map(|stem| stem.to_string_lossy().into_owned())
        .or_else(|| args.tool.clone())
        .unwrap_or_else(|| "tools".to_owned())
}

fn url(text: &str) -> Result<TargetUrl, Failure> {
    text.parse().map_err(|error| Failure::usage(anyhow!("{error}")))
}

/// The tools that the options name, if they do.
fn mix(args: &ToolsArgs) -> Result<Option<Mix>, Failure> {
    let failed =
        |error| failure(stress::Error::Tools(stress::tools::error::ToolsError::Mix(error)));
    if let Some(file) = &args.mix {
        return Mix::load(file).map(Some).map_err(failed);
    }
    let Some(tool) = &args.tool else { return Ok(None) };
    let arguments = match &args.args {
        None => Value::Object(serde_json::Map::new()),
        Some(text) => {
            let text = match text.strip_prefix('@') {
                Some(file) => std::fs::read_to_string(file)
                    .with_context(|| format!("failed to read {file}, named by --args"))
                    .map_err(Failure::environment)?,
                None => text.clone(),
            };
            serde_json::from_str(&text)
                .map_err(|error| Failure::usage(anyhow!("--args is no JSON: {error}")))?
        }
    };
    let reads_back = args.verify_dir.is_some() || args.verify_url.is_some();
    let file = args.file.clone().or_else(|| reads_back.then(|| "{name}".to_owned()));
    let expected = Expectation {
        bytes: args.expect_bytes,
        sha256: args.expect_sha256.as_deref().map(str::to_ascii_lowercase),
    };
    Mix::of(tool, arguments, file, expected).map(Some).map_err(failed)
}

fn reach(args: &ToolsArgs) -> Result<Reach, Failure> {
    if let Some((program, arguments)) = args.command.split_first() {
        let command = Command { program: program.clone(), arguments: arguments.to_vec() };
        return Ok(Reach::Stdio { command, shared: args.shared });
    }
    let mut headers = args.access.headers()?;
    if let Some(variable) = &args.access.api_key_env {
        let key = api_key(variable)?;
        let value = Secret::new(format!("Bearer {}", key.expose()));
        headers.push(Header { name: "authorization".to_owned(), value });
    }
    Ok(Reach::Http {
        url: url(args.url.as_deref().unwrap_or_default())?,
        headers,
        cacert: args.access.cacert.clone(),
        insecure: args.access.insecure,
    })
}

/// The levels that the options ask for.
fn climb(args: &ToolsArgs) -> Climb {
    let calls_per_agent = args.calls.unwrap_or(DEFAULT_SHAPE.calls_per_agent);
    match (&args.find_capacity, &args.ladder) {
        (Some(agents), _) => Climb::Search { agents: *agents, calls_per_agent },
        (None, Some(ladder)) => Climb::Ladder(ladder.0.clone()),
        (None, None) => {
            let agents = args.agents.unwrap_or(DEFAULT_SHAPE.agents);
            Climb::Ladder(vec![Shape { agents, calls_per_agent }])
        }
    }
}

fn resolve(args: &ToolsArgs, name: String, load: Load) -> Result<Settings, Failure> {
    let slos = args
        .slo
        .iter()
        .map(|text| Slo::parse_for(RunKind::Tools, text))
        .collect::<Result<Vec<_>, _>>()
        .map_err(Failure::usage)?;
    let probe_every = args.probe_every.unwrap_or(DEFAULT_PROBE_EVERY);
    Ok(Settings {
        name,
        scenario: load.scenario,
        reach: load.reach,
        protocol: args.protocol.unwrap_or_default(),
        stages: load.stages,
        climb: climb(args),
        repeat: args.repeat.unwrap_or(1),
        rate: args.rate,
        timeout: args.timeout.unwrap_or(DEFAULT_TIMEOUT),
        probe_every: (!probe_every.is_zero()).then_some(probe_every),
        sequential: load.sequential,
        source: load.source,
        upstream: load.upstream,
        scratch: load.scratch,
        slos: if slos.is_empty() { vec![Slo::default_for(RunKind::Tools)] } else { slos },
        seed: args.seed.unwrap_or(1),
        profile: load.profile,
        command_line: redact_command_line(&command_line()),
    })
}
