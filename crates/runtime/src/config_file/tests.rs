use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "listen")]
    _listen: Option<u16>,
    #[serde(rename = "transfers")]
    _transfers: Option<u32>,
    #[serde(rename = "policy")]
    _policy: Option<Policy>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Policy {
    Overwrite,
    Rename,
}

fn refusal(text: &str) -> String {
    Source { file: "weir.toml", text }.parse::<File>().unwrap_err().to_string()
}

#[test]
fn a_refusal_points_at_its_place_and_names_the_nearest_known_key() {
    let expected = "weir.toml:2:1: unknown field `transfer`, expected one of `listen`, `transfers`, \
                    `policy`\n  |\n2 | transfer = …\n  | ^^^^^^^^\ndid you mean `transfers`?";
    assert_eq!(refusal("listen = 1\ntransfer = 5\n"), expected);
}

#[test]
fn an_unknown_word_is_told_with_the_one_that_is_meant() {
    assert!(refusal("policy = \"renam\"").ends_with("did you mean `rename`?"));
    assert!(!refusal("policy = \"x\"").contains("did you mean"));
    assert!(!refusal("something_else = 1").contains("did you mean"));
}

#[test]
fn a_key_that_stands_in_the_file_by_mistake_is_not_repeated() {
    let shown = refusal("api_key = \"sk-123\"\n");
    assert!(shown.contains("1 | api_key = …") && !shown.contains("sk-123"), "{shown}");
}

#[test]
fn a_place_counts_characters_and_marks_at_least_one() {
    let text = "# ä\nname = \"ö\"";
    let at = text.find('=').unwrap();
    let found = place(text, &(at..at)).unwrap();
    assert_eq!((found.line, found.column, found.length), (2, 6, 1));
}

#[test]
fn a_slip_is_known_from_another_word() {
    let known = ["media", "limits", "s3"];
    for (written, expected) in
        [("medai", Some("media")), ("limit", Some("limits")), ("s", None), ("route", None)]
    {
        assert_eq!(nearest(written, known), expected, "{written}");
    }
    for (one, other, apart) in [("", "abc", 3), ("abc", "abc", 0), ("abc", "acb", 2)] {
        assert_eq!(distance(one, other), apart);
    }
}

#[test]
fn a_secret_is_set_and_one_for_a_header_holds_nothing_that_ends_a_line() {
    let source = Source { file: "weir.toml", text: "key_env = \"NAME\"\n" };
    let name = Spanned::new(10..16, "NAME".to_owned());
    let read = |value: Option<&str>, header: bool| {
        let variable = |_: &str| value.map(str::to_owned);
        let read = if header { Source::header_secret } else { Source::secret };
        let secret = read(source, "key_env", &name, &variable);
        secret.map(|secret| secret.expose().to_owned()).map_err(|error| error.message)
    };
    for header in [false, true] {
        assert_eq!(read(Some("sk ~\t1"), header).as_deref(), Ok("sk ~\t1"));
        for missing in [None, Some("")] {
            let message = "the environment variable NAME is not set";
            assert_eq!(read(missing, header).unwrap_err(), message);
        }
    }
    for broken in ["two\nlines", "two\rlines", "\0", "\u{7f}", "ä"] {
        assert_eq!(read(Some(broken), false).as_deref(), Ok(broken));
        let message = "the value of NAME cannot be sent in a header";
        assert_eq!(read(Some(broken), true).unwrap_err(), message);
    }
}
