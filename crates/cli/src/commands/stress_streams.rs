//! `weir stress streams`: resolve what was asked for, start what is missing, measure, report.

use anyhow::anyhow;
use results::Ideal;
use results::units::millis;
use simulator::Profile;
use stress::config::Config;
use stress::scenario::{DEFAULT_SCENARIO, Scenario};
use stress::secret::redact_command_line;
use stress::settings::Settings;
use stress::target_url::TargetUrl;
use stress::usage::TargetProcesses;
use stress::witness::Witness;
use wire::Dialect;

use crate::args::{MOST_STREAMS, StreamsArgs, Talk, api_key};
use crate::commands::simulate;
use crate::embedded::Embedded;
use crate::exit_code::{CommandResult, Failure};
use crate::live;
use crate::measurement::{failure, measure};

/// Carries out the command.
pub(crate) fn run(args: StreamsArgs, talk: Talk) -> CommandResult {
    let output = args.output.clone();
    let (asked_url, direct) = (args.url.clone(), args.direct);
    let mut settings = resolve(args)?;
    let folder = output.folder(&settings.name)?;
    let embedded = match asked_url {
        Some(_) => None,
        None => Some(EmbeddedTarget::start(&mut settings, direct)?),
    };
    let processes = embedded.as_ref().map(EmbeddedTarget::processes).unwrap_or_default();
    let measured = measure(
        |events, stop| stress::run(settings, processes, events, stop),
        |events| live::show_events(events, talk),
        EmbeddedTarget::lost(embedded.as_ref()),
    )?;
    drop(embedded);
    measured.finish(&folder, output.full, talk)
}

/// What a run without a target stresses. The fields are dropped in this order: a gateway ends
/// before what stands behind it.
struct EmbeddedTarget {
    gateway: Option<Embedded>,
    simulator: Embedded,
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
pub(crate) fn command_line() -> Vec<String> {
    let arguments = std::env::args_os().skip(1);
    let arguments = arguments.map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once("weir".to_owned()).chain(arguments).collect()
}

/// Stands for the embedded target's URL until its port is known.
fn placeholder() -> TargetUrl {
    TargetUrl { tls: false, host: "127.0.0.1".to_owned(), port: 0, path: "/".to_owned() }
}

fn config_of(args: StreamsArgs) -> Result<Config, Failure> {
    Ok(Config {
        name: args.output.name,
        api: args.api,
        model: args.model,
        prompt: args.prompt,
        prompts: args.prompts,
        max_tokens: args.max_tokens,
        header: args.access.headers()?,
        api_key_env: args.access.api_key_env,
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
        cacert: args.access.cacert,
        insecure: args.access.insecure.then_some(true),
        http2: args.http2.then_some(true),
        server_cost: args.server_cost,
        plan_users: args.plan_users,
        ..Config::default()
    })
}

impl EmbeddedTarget {
    /// Starts a simulator and, unless `direct`, a gateway before it, and points the settings at
    /// what is to be stressed.
    fn start(settings: &mut Settings, direct: bool) -> Result<Self, Failure> {
        let path = path(settings.api)?;
        let profile = simulated_profile(settings.profile.clone())?;
        settings.ideal = settings.ideal.or(ideal_course(&profile));
        settings.longest_answer = profile.longest_answer();
        let simulator = Embedded::simulator(settings.profile.as_deref(), settings.seed)?;
        let gateway = if direct {
            None
        } else {
            // The tester's own limit is the one to be found, and never one of ours.
            let streams = settings.most_open().saturating_add(SPARE_STREAMS);
            let streams = streams.min(MOST_STREAMS.unsigned_abs());
            Some(Embedded::gateway(&simulator.url, streams)?)
        };
        let target = gateway.as_ref().unwrap_or(&simulator);
        settings.url = format!("{}{path}", target.url)
            .parse()
            .map_err(|error| anyhow!("an embedded server printed a URL that is none: {error}"))?;
        Ok(Self { gateway, simulator })
    }

    fn processes(&self) -> TargetProcesses {
        let simulator = self.simulator.process();
        let (known, upstream) = match &self.gateway {
            Some(gateway) => (vec![gateway.process()], vec![simulator]),
            None => (vec![simulator], Vec::new()),
        };
        let address = self.simulator.url.strip_prefix("http://");
        let witness = address.and_then(|address| address.parse().ok());
        TargetProcesses {
            embedded: true,
            known,
            upstream,
            witness: witness.map(|address| Witness { address }),
        }
    }

    /// Waits until one of them ends by itself; for ever without any.
    async fn lost(embedded: Option<&Self>) -> String {
        let Some(Self { gateway, simulator }) = embedded else {
            return std::future::pending().await;
        };
        let Some(gateway) = gateway else { return simulator.ended().await };
        tokio::select! {
            lost = gateway.ended() => lost,
            lost = simulator.ended() => lost,
        }
    }
}

/// Streams for which the embedded gateway has room beyond the run's users: those that the level
/// before has left, and that end as soon as it notices.
const SPARE_STREAMS: u64 = 1000;

/// Where the embedded servers speak a dialect.
fn path(api: Dialect) -> Result<&'static str, Failure> {
    match api {
        Dialect::OpenaiChat => Ok("/v1/chat/completions"),
        Dialect::OpenaiResponses => Ok("/v1/responses"),
        Dialect::Anthropic => Ok("/v1/messages"),
        Dialect::Sse | Dialect::Ndjson | Dialect::Text => Err(Failure::usage(anyhow!(
            "the embedded simulator does not speak {}: give a URL, or one of openai-chat, \
             openai-responses and anthropic",
            api.name()
        ))),
    }
}

/// What the embedded simulator answers by.
fn simulated_profile(profile: Option<String>) -> Result<Profile, Failure> {
    let config = simulator::Config { profile, ..simulator::Config::default() };
    let simulated = simulator::Settings::new(config).map_err(simulate::failure)?;
    Ok(simulated.profile().clone())
}

/// The course that the answers of a profile are meant to take, where all take the same.
fn ideal_course(profile: &Profile) -> Option<Ideal> {
    let (first, gap) = profile.constant_course()?;
    Some(Ideal { first_ms: millis(first), gap_ms: millis(gap) })
}
