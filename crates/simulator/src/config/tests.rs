use std::fmt::Write as _;

use super::*;

#[test]
fn an_empty_configuration_means_the_defaults() {
    let settings = Settings::new(Config::from_toml("empty", "").unwrap()).unwrap();
    assert_eq!(settings.listen.to_string(), DEFAULT_LISTEN);
    assert_eq!(*settings.profile, Profile::built_in(DEFAULT_PROFILE).unwrap());
    assert_eq!((settings.seed, settings.drain), (DEFAULT_SEED, DEFAULT_DRAIN));
    assert_eq!(settings.workers, runtime::workers::per_core());
}

#[test]
fn own_profiles_come_before_built_in_ones() {
    let toml = "profile = \"quick\"\n[profiles.quick]\nttft = \"0s\"\ngap = \"0s\"\nevents = 2";
    let settings = Settings::new(Config::from_toml("own", toml).unwrap()).unwrap();
    assert_ne!(*settings.profile, Profile::built_in("quick").unwrap());
}

#[test]
fn everything_wrong_is_one_clear_message() {
    let mut text = String::new();
    for toml in [
        "port = 1",
        "listen = \"here\"",
        "seed = -1",
        "drain = \"soon\"",
        "profile = \"nothing\"",
        "profile = \"nothing.toml\"",
        "workers = 0",
        "workers = 1025",
        "[[faults]]\nfault = \"explode\"\nprobability = 0.1",
        "[[faults]]\nfault = \"empty\"\nprobability = 1.5",
        "[[faults]]\nfault = \"empty\"",
        "[profiles.p]\nttft = \"0s\"\ngap = \"0s\"\nevents = \"many\"",
        "[profiles",
    ] {
        let error = Config::from_toml("weir.toml", toml).and_then(Settings::new).unwrap_err();
        writeln!(text, "{error}\n").unwrap();
    }
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("errors", text);
    });
}

#[test]
fn the_number_of_workers_is_bounded() {
    let settings = |workers| Settings::new(Config { workers: Some(workers), ..Config::default() });
    assert!(settings(1).is_ok() && settings(MAX_WORKERS).is_ok());
    assert!(settings(0).is_err() && settings(MAX_WORKERS + 1).is_err());
}

#[test]
fn the_examples_are_valid() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/simulator/");
    let configuration = Config::read(Path::new(&format!("{folder}unreliable.toml"))).unwrap();
    assert_eq!(configuration.faults.len(), 3);
    Settings::new(configuration).unwrap();
    let profile = Some(format!("{folder}slow-when-busy.toml"));
    Settings::new(Config { profile, ..Config::default() }).unwrap();
}
