//! Placeholders in arguments and file names: what makes each call's file its own.

use serde_json::Value;

/// What the placeholders of one call stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// `{agent}`: counted from 1.
    pub agent: u64,
    /// `{call}`: the agent's call, counted from 1.
    pub call: u64,
    /// `{level}`: counted from 1 in the order of the run; 0 for calls one after the other.
    pub level: u64,
    /// `{run}`: a word that no other run has.
    pub run: &'a str,
}

/// The placeholders of arguments.
const OF_ARGUMENTS: [&str; 4] = ["agent", "call", "level", "run"];

/// The placeholder of a file's place alone: the name that the call gave back or asked for.
const NAME: &str = "name";

/// A piece of a text with placeholders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Stands for itself.
    Text(&'t str),
    /// `{word}` or `{word.field}`: what is in the braces.
    Braced(&'t str),
    /// `{{word}}`, which stands for `{word}`: what is in the inner braces.
    Escaped(&'t str),
}

/// The pieces of a text. Braces around anything but a word, such as those of JSON, are text.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, after) = first(rest)?;
        rest = after;
        Some(piece)
    })
}

/// The first piece, and what comes after it; `None` of an empty text.
fn first(text: &str) -> Option<(Piece<'_>, &str)> {
    let escaped = text.strip_prefix("{{").and_then(|inner| closed(inner, "}}"));
    let braced = || text.strip_prefix('{').and_then(|inner| closed(inner, "}"));
    if let Some((word, after)) = escaped {
        return Some((Piece::Escaped(word), after));
    }
    if let Some((word, after)) = braced() {
        return Some((Piece::Braced(word), after));
    }
    let begin = text.chars().next()?.len_utf8();
    let end = text[begin..].find('{').map_or(text.len(), |at| begin + at);
    Some((Piece::Text(&text[..end]), &text[end..]))
}

/// The word before these braces, and what comes after them.
fn closed<'t>(text: &'t str, braces: &str) -> Option<(&'t str, &'t str)> {
    let (inner, after) = text.split_at(text.find(['{', '}'])?);
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let is_word = match inner.split_once('.') {
        // Fields are called as the server likes.
        Some((word, _)) => !word.is_empty() && word.chars().all(plain),
        None => {
            inner.chars().all(plain)
                && inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        }
    };
    Some((inner, after.strip_prefix(braces)?)).filter(|_| is_word)
}

/// A piece as it was written.
pub(super) fn written(piece: Piece<'_>) -> String {
    match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Braced(word) => format!("{{{word}}}"),
        Piece::Escaped(word) => format!("{{{{{word}}}}}"),
    }
}

/// The first placeholder of the texts of these arguments that nothing stands for. A word with a dot
/// is a result's field, which is known only once the result is there.
pub(super) fn unknown_in(arguments: &Value) -> Option<&str> {
    match arguments {
        Value::String(text) => unknown(text, &OF_ARGUMENTS),
        Value::Array(items) => items.iter().find_map(unknown_in),
        Value::Object(fields) => fields.values().find_map(unknown_in),
        _ => None,
    }
}

/// The same of a file's place, where `{name}` is known as well.
pub(super) fn unknown_in_place(place: &str) -> Option<&str> {
    unknown(place, &[OF_ARGUMENTS.as_slice(), &[NAME]].concat())
}

fn unknown<'t>(text: &'t str, known: &[&str]) -> Option<&'t str> {
    pieces(text).find_map(|piece| match piece {
        Piece::Braced(word) if !word.contains('.') && !known.contains(&word) => Some(word),
        _ => None,
    })
}

/// Whether a file's place has the name of the call's file in it.
pub(super) fn asks_name(place: &str) -> bool {
    pieces(place).any(|piece| piece == Piece::Braced(NAME))
}

impl Place<'_> {
    /// A text with its placeholders replaced. `{{word}}` becomes `{word}`, other braces stay.
    #[must_use]
    pub fn fill_text(&self, text: &str) -> String {
        self.fill_words(text, None)
    }

    /// A file's place with its placeholders replaced, `{name}` too.
    #[must_use]
    pub fn fill_place(&self, place: &str, name: &str) -> String {
        self.fill_words(place, Some(name))
    }

    fn fill_words(&self, text: &str, name: Option<&str>) -> String {
        if !text.contains('{') {
            return text.to_owned();
        }
        let stands_for = |piece| match (piece, name) {
            (Piece::Braced("agent"), _) => self.agent.to_string(),
            (Piece::Braced("call"), _) => self.call.to_string(),
            (Piece::Braced("level"), _) => self.level.to_string(),
            (Piece::Braced("run"), _) => self.run.to_owned(),
            (Piece::Braced(NAME), Some(name)) => name.to_owned(),
            (Piece::Escaped(word), _) => written(Piece::Braced(word)),
            (other, _) => written(other),
        };
        pieces(text).map(stands_for).collect()
    }

    /// Arguments with the placeholders of all their texts replaced; names of fields stay.
    ///
    /// With `numbers`, a text that is nothing but a placeholder becomes a number.
    #[must_use]
    pub fn fill(&self, arguments: &Value, numbers: bool) -> Value {
        match arguments {
            Value::String(text) => match text.as_str() {
                "{agent}" if numbers => self.agent.into(),
                "{call}" if numbers => self.call.into(),
                "{level}" if numbers => self.level.into(),
                text => self.fill_text(text).into(),
            },
            Value::Array(items) => items.iter().map(|item| self.fill(item, numbers)).collect(),
            Value::Object(fields) => Value::Object(
                fields
                    .iter()
                    .map(|(name, value)| (name.clone(), self.fill(value, numbers)))
                    .collect(),
            ),
            other => other.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const PLACE: Place<'static> = Place { agent: 2, call: 7, level: 1, run: "ab12" };

    #[test]
    fn every_text_is_filled_however_deep() {
        let arguments = json!({
            "filename": "{run}_{level}_{agent}_{call}.mp4", "list": [["{call}"], 3, null],
            "{agent}": "{nothing}",
        });
        let expected = json!({
            "filename": "ab12_1_2_7.mp4", "list": [["7"], 3, null], "{agent}": "{nothing}",
        });
        assert_eq!(PLACE.fill(&arguments, false), expected);
    }

    #[test]
    fn a_lone_placeholder_can_be_a_number() {
        assert_eq!(PLACE.fill(&json!(["{call}", "c{call}"]), true), json!([7, "c7"]));
    }

    #[test]
    fn doubled_braces_stand_for_themselves_and_other_braces_stay() {
        for (text, expected) in [
            ("{{agent}}", "{agent}"),
            ("{{{agent}}}", "{{agent}}"),
            ("{{anything}} {agent}", "{anything} 2"),
            (r#"{"a":{"b":1}} {} { {a b} {1}"#, r#"{"a":{"b":1}} {} { {a b} {1}"#),
            ("{job.id} {agent", "{job.id} {agent"),
            ("ü{call}ü", "ü7ü"),
        ] {
            assert_eq!(PLACE.fill_text(text), expected, "{text}");
        }
        assert_eq!(PLACE.fill_place("v/{name}/{{name}}/{call}", "{agent}"), "v/{agent}/{name}/7");
        assert!(asks_name("v/{name}") && !asks_name("v/{{name}}"));
    }

    #[test]
    fn a_word_in_braces_that_nothing_stands_for_is_unknown() {
        assert_eq!(unknown_in(&json!({ "a": [1, { "b": "x{agnet}" }] })), Some("agnet"));
        assert_eq!(unknown_in(&json!("{name}")), Some("name"));
        assert_eq!(unknown_in_place("{run}/{name}"), None);
        assert_eq!(unknown_in_place("{file}"), Some("file"));
        for fine in ["{agent}{call}{level}{run}", "{{name}}", "{job.id}", "{\"a\": {}}", "{1}", "{"]
        {
            assert_eq!(unknown_in(&json!(fine)), None, "{fine}");
        }
    }

    proptest! {
        #[test]
        fn the_pieces_of_a_text_make_it_again(text in "[a.{}é 1]{0,24}") {
            prop_assert_eq!(pieces(&text).map(written).collect::<String>(), text);
        }
    }
}
