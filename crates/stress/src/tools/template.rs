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

impl Place<'_> {
    /// A text with its placeholders replaced. Other braces stay as they are.
    #[must_use]
    pub fn fill_text(&self, text: &str) -> String {
        if !text.contains('{') {
            return text.to_owned();
        }
        text.replace("{agent}", &self.agent.to_string())
            .replace("{call}", &self.call.to_string())
            .replace("{level}", &self.level.to_string())
            .replace("{run}", self.run)
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
}
