use std::io::Write;

use super::*;
use crate::error::ErrorKind;
use crate::scenario::Scenario;

const CHAT: &str = "http://127.0.0.1:8100/v1/chat/completions";

fn resolve(toml: &str) -> Result<Settings, Error> {
    Settings::resolve(toml::from_str(toml).unwrap(), None, CHAT.parse().unwrap())
}

fn check_conflict(toml: &str, part: &str) {
    let error = resolve(toml).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains(part), "{error} should say {part:?}");
}

#[test]
fn nothing_said_is_a_gentle_ladder_of_the_default_question() {
    let settings = resolve("").unwrap();
    assert_eq!(settings.climb, Climb::Ladder(Ladder::new(vec![10, 50, 100]).unwrap()));
    assert_eq!(settings.api, Dialect::OpenaiChat);
    assert_eq!((settings.drafts.len(), settings.prompt.as_str()), (1, "default"));
    assert_eq!((settings.minimum.chunks, settings.minimum.bytes), (10, 1000));
    assert_eq!(settings.slos, vec![Slo::default()]);
    assert_eq!((settings.name.as_str(), settings.most_open()), ("custom", 100));
}

#[test]
fn every_built_in_scenario_resolves() {
    for (name, _) in crate::scenario::BUILT_IN {
        let config = Scenario::load(name).unwrap().config;
        let settings = Settings::resolve(config, Some(name), CHAT.parse().unwrap()).unwrap();
        assert_eq!(settings.scenario, name);
    }
}

#[test]
fn every_example_scenario_resolves_and_says_how_to_use_it() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/scenarios");
    let files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= crate::scenario::BUILT_IN.len());
    for file in files {
        let name = file.to_str().unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("# weir stress streams "), "{name}");
        let scenario = Scenario::load(name).unwrap();
        assert!(scenario.config.description.is_some(), "{name}");
        Settings::resolve(scenario.config, Some(name), CHAT.parse().unwrap()).unwrap();
    }
}

#[test]
fn options_that_exclude_each_other_say_so() {
    check_conflict("ladder = '5'\nfind-capacity = '1..9'", "give one of them");
    check_conflict("arrival = 'poisson=5/s'\nladder = '5'", "--ladder is for users who wait");
    check_conflict("arrival = 'poisson=5/s'\nthink = '1s'", "--think is for users who wait");
    check_conflict("requests-per-user = 2\nduration = '1s'", "both end a level");
    check_conflict("requests-per-user = 0", "at least one request");
    check_conflict("requests-per-user = 1000001", "at most 1000000");
    check_conflict("max-open = 5", "needs --arrival");
    check_conflict("arrival = 'poisson=5/s'\nmax-open = 0", "from 1 to");
    check_conflict("arrival = 'poisson=1000000/s'\nduration = '11s'", "ten million");
    check_conflict("prompt = 'a'\nprompts = 'b'", "exclude each other");
}

#[test]
fn an_open_loop_is_one_level_with_a_bound() {
    let settings = resolve("arrival = 'poisson=5/s'\nduration = '10s'\nmax-open = 7").unwrap();
    assert_eq!((settings.climb.clone(), settings.most_open()), (Climb::Once, 7));
    let Load::Open { duration, .. } = settings.load else { panic!("no open loop") };
    assert_eq!(duration, Duration::from_secs(10));
}

#[test]
fn a_trace_runs_to_its_last_arrival() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"5\n7.5\n").unwrap();
    let settings = resolve(&format!("arrival = 'trace={}'", file.path().display())).unwrap();
    let Load::Open { duration, trace, .. } = settings.load else { panic!("no open loop") };
    assert!(duration > trace.unwrap().length());
    let missing = resolve("arrival = 'trace=/no/such/file'").unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Environment);
}

#[test]
fn a_closed_loop_may_run_for_a_time() {
    let settings = resolve("duration = '1m'\nthink = '2s'").unwrap();
    let expected = Load::Closed {
        start: Start::Burst,
        repeat: Repeat::For(Duration::from_secs(60)),
        think: Duration::from_secs(2),
    };
    assert_eq!(settings.load, expected);
}

#[test]
fn prompts_and_bodies_come_from_files_and_runs_name_them_without_their_folder() {
    let mut file = tempfile::Builder::new().suffix("-asked.jsonl").tempfile().unwrap();
    file.write_all(b"\"one\"\n\"two\"\n").unwrap();
    let path = file.path().display();
    let settings = resolve(&format!("prompts = '{path}'")).unwrap();
    assert_eq!(settings.drafts.len(), 2);
    assert!(settings.prompt.starts_with("file ") && settings.prompt.ends_with(", 2 prompts"));
    assert!(!settings.prompt.contains('/'), "{}", settings.prompt);
    let settings = resolve(&format!("body = '@{path}'")).unwrap();
    assert_eq!(settings.drafts[0].body, "\"one\"\n\"two\"\n");
    assert_eq!(resolve("body = '@/no/such'").unwrap_err().kind(), ErrorKind::Environment);
}

#[test]
fn batching_begins_at_its_threshold() {
    assert_eq!(batching(BATCHING_FROM_USERS - 1), Duration::ZERO);
    assert_eq!(batching(BATCHING_FROM_USERS), BATCHING);
}

#[test]
fn keys_do_not_show_in_debug() {
    let mut config: Config = toml::from_str("header = ['X-Token: hush-hush']").unwrap();
    config.api_key = Some(crate::secret::Secret::new("sk-hush"));
    let shown = format!("{:?}", Settings::resolve(config, None, CHAT.parse().unwrap()).unwrap());
    assert!(!shown.contains("hush"), "{shown}");
}
