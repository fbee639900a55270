use std::fmt::Write as _;

use super::*;

const UPSTREAM: &str = "[[upstream]]\nname = \"one\"\nurl = \"http://127.0.0.1:1\"\n";

fn surroundings() -> Surroundings<'static> {
    Surroundings {
        variable: &|name| (name == "SET").then(|| "secret-value".to_owned()),
        file: &|_| Err(io::Error::from(io::ErrorKind::NotFound)),
    }
}

fn parse(text: &str) -> Result<Settings, Box<ConfigError>> {
    Settings::parse("weir.toml", text, surroundings())
}

#[test]
fn one_upstream_is_enough_and_takes_every_model() {
    let settings = parse(UPSTREAM).unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.route("any-model").unwrap().groups, [[0]]);
    let short = Settings::for_upstream("http://127.0.0.1:8100/v1", true).unwrap();
    assert_eq!(short.upstreams[0].origin.port, 8100);
}

#[test]
fn the_first_matching_route_wins_and_fallbacks_follow_in_order() {
    let text = format!(
        "{UPSTREAM}[[upstream]]\nname = \"two\"\nurl = \"http://127.0.0.1:2\"\n\
         [[route]]\nmodel = \"a-*\"\nupstreams = [\"two\"]\nfallback = [\"one\"]\nsend_as = \"b\"\n\
         [[route]]\nmodel = \"*\"\nupstreams = [\"one\", \"two\"]\n"
    );
    let settings = parse(&text).unwrap();
    let route = settings.route("a-1").unwrap();
    assert_eq!((&route.groups, route.send_as.as_deref()), (&vec![vec![1], vec![0]], Some("b")));
    assert_eq!(settings.route("other").unwrap().groups, [[0, 1]]);
}

#[test]
fn a_secret_comes_from_the_environment_and_is_never_shown() {
    let settings = parse(&format!("{UPSTREAM}key_env = \"SET\"\n")).unwrap();
    assert_eq!(settings.upstreams[0].key.as_ref().unwrap().expose(), "secret-value");
    assert!(!format!("{settings:?}").contains("secret-value"));
}

#[test]
fn every_refusal_names_file_place_key_and_remedy() {
    let key = "[[key]]\nname = \"a\"\nsha256 = ";
    let hash = "0".repeat(64);
    let wrong = [
        String::new(),
        "listen = 5".to_owned(),
        "no = \"toml".to_owned(),
        "[limits]\nopen_stream = 5".to_owned(),
        "[deadlines]\nidle = \"5 parsecs\"".to_owned(),
        format!("{UPSTREAM}{UPSTREAM}"),
        format!("{UPSTREAM}key_env = \"UNSET\"\n"),
        "[[upstream]]\nname = \"one\"\nurl = \"ftp://host\"\n".to_owned(),
        "[[upstream]]\nname = \"one\"\nurl = \"https://host\"\nhttp2 = true\n".to_owned(),
        format!("{UPSTREAM}weight = 0\n"),
        format!("{UPSTREAM}health = {{ path = \"up\" }}\n"),
        format!("[tls]\ncertificate = \"no.pem\"\nkey = \"no.pem\"\n{UPSTREAM}"),
        format!("{UPSTREAM}[[route]]\nmodel = \"*\"\nupstreams = [\"two\"]\n"),
        format!("{UPSTREAM}[[route]]\nmodel = \"*\"\nupstreams = []\n"),
        format!("{UPSTREAM}{key}\"12\"\n"),
        format!("{UPSTREAM}{key}\"{hash}\"\n{key}\"{hash}\"\n"),
        format!("[limits]\nhead = \"1KiB\"\n{UPSTREAM}"),
    ];
    let mut shown = String::new();
    for text in wrong {
        let error = parse(&text).unwrap_err();
        writeln!(shown, "{error}\n").unwrap();
    }
    insta::assert_snapshot!(shown);
}
