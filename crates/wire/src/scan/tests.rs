use proptest::prelude::*;

use super::*;

fn accepts(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    scanner.skip().and_then(|()| scanner.end()).is_ok()
}

fn check(text: &str) {
    // `IgnoredAny` checks syntax alone: no number range, no surrogates.
    let theirs = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    assert_eq!(accepts(text), theirs, "{text}");
}

#[test]
fn scalars_and_structures_are_accepted_as_serde_json_accepts_them() {
    for text in [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "01",
        "-",
        "1.",
        "1.5",
        ".5",
        "1e5",
        "1e",
        "1E+",
        "1e-7",
        "\"\"",
        "\"a\\n\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u00e9\"",
        "\"\\ud800\"",
        "\"open",
        "\"tab\there\"",
        "[]",
        "[1,2]",
        "[1,]",
        "[,]",
        "[1 2]",
        "{}",
        "{\"a\":1}",
        "{\"a\":}",
        "{\"a\" 1}",
        "{a:1}",
        "{\"a\":1,}",
        "{\"a\":1}}",
        "[}",
        "nul",
        "truefalse",
        "",
        " ",
        "1 1",
        " [ 1 , { \"b\" : null } ] ",
        "\u{feff}1",
        "\"\u{7f}ü€𝄞\"",
    ] {
        check(text);
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let limit = usize::try_from(MAX_DEPTH).unwrap();
    assert!(accepts(&nested(limit)));
    assert!(!accepts(&nested(limit + 1)));
    assert!(!accepts(&"[".repeat(1 << 20)));
}

#[test]
fn a_string_without_escapes_is_borrowed() {
    let document = String::from("\"plain text\"");
    let string = Scanner::new(&document).string().unwrap();
    let mut scratch = String::new();
    assert_eq!(string.unescape(&mut scratch).as_ptr(), document[1..].as_ptr());
    assert_eq!(scratch.capacity(), 0);
}

#[test]
fn a_lone_surrogate_becomes_the_replacement_character() {
    let mut scratch = String::new();
    let string = Scanner::new(r#""a\ud83dz\ude00\ud83d\ude00""#).string().unwrap();
    assert_eq!(string.unescape(&mut scratch), "a\u{fffd}z\u{fffd}😀");
}

#[test]
fn numbers_that_are_no_whole_numbers_have_the_wrong_type() {
    assert_eq!(Scanner::new("17").unsigned("n"), Ok(17));
    for text in ["-1", "1.0", "1e3", "\"1\"", "null", "18446744073709551616"] {
        assert_eq!(Scanner::new(text).unsigned("n"), Err(JsonError::Type("n")), "{text}");
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::hash_map("[a-z\"\\\\é\n]{0,6}", inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_document_is_accepted_and_any_damaged_one_judged_like_serde_json(
        value in json(),
        position in any::<prop::sample::Index>(),
        damage in prop::sample::select(b"\"\\{}[],:0x-.e \x01u".to_vec()),
        cut in any::<bool>(),
    ) {
        let text = value.to_string();
        prop_assert!(accepts(&text), "{}", text);
        let mut bytes = text.into_bytes();
        let at = position.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = damage }
        if let Ok(damaged) = String::from_utf8(bytes) {
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&damaged).is_ok();
            prop_assert_eq!(accepts(&damaged), theirs, "{}", damaged);
        }
    }

    #[test]
    fn any_text_unescapes_as_serde_json_does(text in any::<String>(), ascii in any::<bool>()) {
        let mut document = serde_json::to_string(&text).unwrap();
        if ascii {
            let escaped: String = document.chars().map(|character| {
                if character.is_ascii() { return character.to_string() }
                let mut units = [0; 2];
                character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
            }).collect();
            document = escaped;
        }
        let mut scratch = String::new();
        let string = Scanner::new(&document).string().unwrap();
        prop_assert_eq!(string.unescape(&mut scratch), text);
    }

    #[test]
    fn any_text_at_all_does_not_panic(text in any::<String>()) {
        let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(accepts(&text), theirs);
    }
}
