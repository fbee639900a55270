//! `weir stress streams`: resolve what was asked for, start what is missing, measure, report.

use anyhow::{Context, anyhow};
use results::units::millis;
use results::{Ideal, Run, VerdictWord};
use runtime::signal::{Shutdown, Signals};
use stress::config::{Config, Header};
use stress::error::ErrorKind;
use stress::event::EVENT_QUEUE;
use stress::scenario::{DEFAULT_SCENARIO, Scenario};
use stress::secret::{Secret, redact_command_line};
use stress::settings::Settings;
use stress::target_url::TargetUrl;
use stress::usage::TargetProcesses;
use wire::Dialect;

use crate::args::{StreamsArgs, Talk};
use crate::commands::report::terminal_options;
use crate::commands::simulate;
use crate::embedded::Embedded;
use crate::exit_code::{
    BUG, CommandResult, ENVIRONMENT, Failure, INTERRUPTED, MET, NOT_MET, UNREACHABLE, USAGE,
};
use crate::run_folder::{self, RunFolder};
use crate::{live, paint};

/// Carries out the command.
pub(crate) fn run(args: StreamsArgs, talk: Talk) -> CommandResult {
    let full = args.full;
    let out = args.out.clone();
    let asked_url = args.url.clone();
    let mut settings = resolve(args)?;
    let folder = out.unwrap_or_else(|| run_folder::default_path(&settings.name));
    let folder = RunFolder::prepare(folder).map_err(Failure::environment)?;
    let embedded = match asked_url {
        Some(_) => None,
        None => Some(start_simulator(&mut settings)?),
    };
    let run = measure(settings, embedded.as_ref(), talk)?;
    drop(embedded);
    folder.write(&run).map_err(Failure::environment)?;
    let shown = report::terminal::render(&run, terminal_options(full, true));
    paint::data(&shown).context("failed to write to stdout")?;
    if !talk.quiet {
        paint::say(format_args!("reports in {}", folder.path().display()));
    }
    Ok(exit_code(&run))
}

/// Flags over scenario over defaults, all checked before anything is started.
fn resolve(args: StreamsArgs) -> Result<Settings, Failure> {
    let url = match &args.url {
        Some(url) => url.parse().map_err(|error| Failure::usage(anyhow!("{error}")))?,
        None => placeholder(),
    };
    let scenario = match (&args.scenario, &args.url) {
        (Some(name), _) => Some(name.as_str()),
        (None, None) => Some(DEFAULT_SCENARIO),
        (None, Some(_)) => None,
    };
    let scenario = scenario.map(Scenario::load).transpose().map_err(failure)?;
    let embedded = args.url.is_none();
    let name = scenario.as_ref().map(|scenario| scenario.name.clone());
    let base = scenario.map(|scenario| scenario.config).unwrap_or_default();
    let mut config = config_of(args)?.over(base);
    config.api_key = match &config.api_key_env {
        Some(variable) => Some(api_key(variable)?),
        None => None,
    };
    if embedded {
        config.api = config.api.or(Some(Dialect::OpenaiChat));
    } else {
        config.profile = None;
    }
    let mut settings = Settings::resolve(config, name.as_deref(), url).map_err(failure)?;
    settings.command_line = redact_command_line(&command_line());
    Ok(settings)
}

/// The command line as somebody else would repeat it: the program by its name, not by its path.
fn command_line() -> Vec<String> {
    let arguments = std::env::args_os().skip(1);
    let arguments = arguments.map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once("weir".to_owned()).chain(arguments).collect()
}

/// Stands for the embedded simulator's URL until its port is known.
fn placeholder() -> TargetUrl {
    TargetUrl { tls: false, host: "127.0.0.1".to_owned(), port: 0, path: "/".to_owned() }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command line is the one that reads the environment"
)]
fn api_key(variable: &str) -> Result<Secret, Failure> {
    match std::env::var(variable) {
        Ok(key) if !key.trim().is_empty() => Ok(Secret::new(key.trim())),
        _ => Err(Failure::environment(anyhow!(
            "the environment variable {variable}, named by --api-key-env, is not set"
        ))),
    }
}

fn config_of(args: StreamsArgs) -> Result<Config, Failure> {
    let header = args
        .header
        .iter()
        .map(|text| text.parse::<Header>())
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::usage(anyhow!("--header: {error}")))?;
    Ok(Config {
        name: args.name,
        api: args.api,
        model: args.model,
        prompt: args.prompt,
        prompts: args.prompts,
        max_tokens: args.max_tokens,
        header,
        api_key_env: args.api_key_env,
        body: args.body,
        ladder: args.ladder,
        start: args.start,
        arrival: args.arrival,
        duration: args.duration,
        max_open: args.max_open,
        requests_per_user: args.requests_per_user,
        think: args.think,
        min_chunks: args.min_chunks,
        min_bytes: args.min_bytes,
        timeout_first: args.timeout_first,
        timeout_idle: args.timeout_idle,
        timeout_total: args.timeout_total,
        stall: args.stall,
        slo: args.slo,
        find_capacity: args.find_capacity,
        profile: args.profile,
        seed: args.seed,
        ideal: args.ideal,
        cacert: args.cacert,
        insecure: args.insecure.then_some(true),
        http2: args.http2.then_some(true),
        server_cost: args.server_cost,
        plan_users: args.plan_users,
        ..Config::default()
    })
}

/// Measures, with the live view beside it; the first signal ends the run early, the second at once.
fn measure(settings: Settings, embedded: Option<&Embedded>, talk: Talk) -> Result<Run, Failure> {
    let processes = TargetProcesses {
        embedded: embedded.is_some(),
        known: embedded.map(Embedded::process).into_iter().collect(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start a runtime")?;
    runtime.block_on(async {
        let shutdown = Shutdown::default();
        let signals = Signals::register().context("failed to watch for signals")?;
        let (sender, events) = tokio::sync::mpsc::channel(EVENT_QUEUE);
        let run = stress::run(settings, processes, sender, shutdown.drain.clone());
        let shown = live::show_events(events, talk);
        tokio::select! {
            (run, ()) = async { tokio::join!(run, shown) } => run.map_err(failure),
            _ = signals.watch(&shutdown) => Err(Failure {
                code: INTERRUPTED,
                error: anyhow!("stopped at once: nothing is written"),
            }),
        }
    })
}

/// Starts the simulator that a run without a target stresses, and points the settings at it.
fn start_simulator(settings: &mut Settings) -> Result<Embedded, Failure> {
    let path = match settings.api {
        Dialect::OpenaiChat => "/v1/chat/completions",
        Dialect::OpenaiResponses => "/v1/responses",
        Dialect::Anthropic => "/v1/messages",
        Dialect::Sse | Dialect::Ndjson | Dialect::Text => {
            return Err(Failure::usage(anyhow!(
                "the embedded simulator does not speak {}: give a URL, or one of openai-chat, \
                 openai-responses and anthropic",
                settings.api.name()
            )));
        }
    };
    settings.ideal = settings.ideal.or(ideal_course(settings.profile.clone())?);
    let simulator = Embedded::simulator(settings.profile.as_deref(), settings.seed)?;
    settings.url = format!("{}{path}", simulator.url)
        .parse()
        .map_err(|error| anyhow!("the simulator printed a URL that is none: {error}"))?;
    Ok(simulator)
}

/// The course that the embedded simulator's answers are meant to take, where all take the same.
fn ideal_course(profile: Option<String>) -> Result<Option<Ideal>, Failure> {
    let config = simulator::Config { profile, ..simulator::Config::default() };
    let simulated = simulator::Settings::new(config).map_err(simulate::failure)?;
    Ok(simulated
        .profile()
        .constant_course()
        .map(|(first, gap)| Ideal { first_ms: millis(first), gap_ms: millis(gap) }))
}

/// The exit code of a finished run.
fn exit_code(run: &Run) -> u8 {
    if run.interrupted {
        return INTERRUPTED;
    }
    match run.verdict().word {
        VerdictWord::Met => MET,
        VerdictWord::NotMet => NOT_MET,
        VerdictWord::NotTrusted => ENVIRONMENT,
    }
}

fn failure(error: stress::error::Error) -> Failure {
    let code = match error.kind() {
        ErrorKind::Usage => USAGE,
        ErrorKind::Environment => ENVIRONMENT,
        ErrorKind::Unreachable => UNREACHABLE,
        ErrorKind::Interrupted => INTERRUPTED,
        ErrorKind::Bug => BUG,
    };
    Failure { code, error: error.into() }
}
