//! What is made before the load: calls whose results the load's calls use, such as a picture to work
//! on or the id of a job that is done.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{Instant, sleep_until};

use super::error::ToolsError;
use super::files::{Reader, Shelf};
use super::mix::{Expectation, file_name, file_place};
use super::schema;
use super::session::{Session, Tool};
use super::template::{Piece, Place, pieces, written};
use super::transport::Failure;
use crate::client::generalise;

/// Most steps of a mix: each is one call, made one after the other.
pub const MAX_STEPS: usize = 20;

/// Between two calls of a step that waits for something.
pub const POLL: Duration = Duration::from_millis(250);

/// One call before the load.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The word that its result is known by: `{word.field}` in arguments.
    pub word: Option<String>,
    /// The tool.
    pub tool: String,
    /// Its arguments, an object that may use the results of earlier steps.
    pub arguments: Value,
    /// Where its file lands, as [`super::mix::Share::file`]. The file is read back, so that the
    /// load's files can be compared with it.
    pub file: Option<String>,
    /// The call is made again until its result has these fields; empty for once.
    pub until: Map<String, Value>,
}

/// The results of the steps, by their words.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prepared {
    results: BTreeMap<String, Value>,
    files: BTreeMap<String, Expectation>,
}

/// Whether arguments use the result of a step with one of these words.
pub(super) fn uses(arguments: &Value, steps: &[Step]) -> bool {
    let text = arguments.to_string();
    let mut words = steps.iter().filter_map(|step| step.word.as_deref());
    words.any(|word| text.contains(&format!("{{{word}.")))
}

impl Prepared {
    /// The file that a step left, as it was read back.
    #[must_use]
    pub fn file(&self, word: &str) -> Option<&Expectation> {
        self.files.get(word)
    }

    /// Arguments with `{word.field}` replaced by results; `{word.list.0.field}` leads deeper. A text
    /// that is nothing but such a placeholder becomes the value itself. Other braces stay, doubled
    /// ones too.
    ///
    /// # Errors
    /// A sentence, when a step's result has no such field.
    pub fn fill(&self, arguments: &Value) -> Result<Value, String> {
        Ok(match arguments {
            Value::String(text) => self.fill_text(text)?,
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.fill(item)).collect::<Result<_, _>>()?)
            }
            Value::Object(fields) => Value::Object(
                fields
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), self.fill(value)?)))
                    .collect::<Result<_, String>>()?,
            ),
            other => other.clone(),
        })
    }

    fn fill_text(&self, text: &str) -> Result<Value, String> {
        let of_step = |piece| match piece {
            Piece::Braced(inner) => inner.split_once('.').filter(|(word, _)| self.knows(word)),
            Piece::Text(_) | Piece::Escaped(_) => None,
        };
        let mut filled = String::new();
        for piece in pieces(text) {
            match of_step(piece).map(|(word, path)| self.value(word, path)).transpose()? {
                Some(value) if written(piece) == text => return Ok(value.clone()),
                Some(Value::String(text)) => filled.push_str(text),
                Some(other) => filled.push_str(&other.to_string()),
                None => filled.push_str(&written(piece)),
            }
        }
        Ok(filled.into())
    }

    fn knows(&self, word: &str) -> bool {
        self.results.contains_key(word)
    }

    fn value(&self, word: &str, path: &str) -> Result<&Value, String> {
        let mut value = self.results.get(word).unwrap_or(&Value::Null);
        for part in path.split('.') {
            let inner = match value {
                Value::Array(items) => part.parse().ok().and_then(|at: usize| items.get(at)),
                other => other.get(part),
            };
            value =
                inner.ok_or_else(|| format!("the result that is known as {word} has no {path}"))?;
        }
        Ok(value)
    }
}

/// Makes the calls of all steps, one after the other, each within `limit`.
///
/// # Errors
/// [`ToolsError::Prepare`] with what did not work.
pub(super) async fn prepare(
    steps: &[Step],
    session: &Session,
    tools: &[Tool],
    shelf: Option<&Shelf>,
    run: &str,
    limit: Duration,
) -> Result<Prepared, ToolsError> {
    let mut prepared = Prepared::default();
    let place = Place { agent: 0, call: 0, level: 0, run };
    for step in steps {
        let failed = |reason: String, unreachable| ToolsError::Prepare {
            tool: step.tool.clone(),
            reason,
            unreachable,
        };
        let refused = |reason: String| failed(reason, false);
        let arguments = prepared.fill(&step.arguments).map_err(refused)?;
        let arguments = place.fill(&arguments, false);
        let tool = tools.iter().find(|tool| tool.name == step.tool);
        if let Some(reason) = tool.and_then(|tool| schema::mismatch(&arguments, &tool.input_schema))
        {
            return Err(refused(format!("its arguments do not fit its input schema: {reason}")));
        }
        let result = result_of(step, session, &arguments, limit)
            .await
            .map_err(|(reason, unreachable)| failed(reason, unreachable))?;
        if let Some(shelf) = shelf
            && step.file.is_some()
        {
            let name = file_name(Some(&result), &arguments);
            let at = file_place(step.file.as_deref(), &place, name.as_deref());
            let found = Reader::new(shelf).read(at.as_deref()).await;
            let found = found.map_err(|detail| refused(detail.into_owned()))?;
            if let Some(word) = &step.word {
                let left = Expectation { bytes: Some(found.bytes), sha256: Some(found.sha256) };
                prepared.files.insert(word.clone(), left);
            }
        }
        if let Some(word) = &step.word {
            prepared.results.insert(word.clone(), result);
        }
    }
    Ok(prepared)
}

/// Calls a step's tool until its result is as the step wants it: the data of the result, or why
/// there is none, and whether the server could not be reached.
async fn result_of(
    step: &Step,
    session: &Session,
    arguments: &Value,
    limit: Duration,
) -> Result<Value, (String, bool)> {
    let deadline = Instant::now() + limit;
    let mut due = Instant::now();
    let mut waiting = None;
    loop {
        sleep_until(due).await;
        let called = session.call(&step.tool, arguments, Instant::now(), deadline).await;
        let result = match (called.result, waiting.take()) {
            (Ok(result), _) => result,
            // The server answered until then: what it said is the reason, not the last moment.
            (Err(Failure::Timeout(_)), Some(waiting)) => return Err((waiting, false)),
            (Err(failure), _) => {
                let gone = matches!(failure, Failure::Transport(_) | Failure::Timeout(_));
                return Err((failure.detail().into_owned(), gone));
            }
        };
        if result.is_error {
            let text = result.text().unwrap_or("it failed without a reason");
            return Err((generalise(text), false));
        }
        let data = result.data().unwrap_or_default();
        let missing = step.until.iter().find(|(field, value)| data.get(field) != Some(value));
        let Some((field, value)) = missing else { return Ok(data) };
        let limit = crate::notation::duration_text(limit);
        let said = format!("{field} did not become {value} within {limit}");
        due = Instant::now() + POLL;
        if due >= deadline {
            return Err((said, false));
        }
        waiting = Some(said);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn prepared() -> Prepared {
        let result = json!({ "id": "resp_1", "size": [64, 32], "deep": { "list": [{ "n": 7 }] } });
        let results = BTreeMap::from([("job".to_owned(), result)]);
        Prepared { results, files: BTreeMap::new() }
    }

    #[test]
    fn results_are_put_where_their_word_stands() {
        let arguments = json!({
            "response_id": "{job.id}", "text": "of {job.id}, {job.size} {agent} {",
            "number": "{job.deep.list.0.n}", "other": ["{unknown.id}", 3], "itself": "{{job.id}}",
        });
        let expected = json!({
            "response_id": "resp_1", "text": "of resp_1, [64,32] {agent} {",
            "number": 7, "other": ["{unknown.id}", 3], "itself": "{{job.id}}",
        });
        assert_eq!(prepared().fill(&arguments), Ok(expected));
    }

    #[test]
    fn a_field_that_a_result_lacks_is_named() {
        let reason = prepared().fill(&json!(["{job.name}"])).unwrap_err();
        assert_eq!(reason, "the result that is known as job has no name");
        assert!(prepared().fill(&json!("{job.size.2}")).is_err());
    }

    #[test]
    fn arguments_that_wait_for_a_result_are_known_by_its_word() {
        let step = Step {
            word: Some("job".to_owned()),
            tool: "t".to_owned(),
            arguments: json!({}),
            file: None,
            until: Map::new(),
        };
        assert!(uses(&json!({ "a": ["x{job.id}"] }), std::slice::from_ref(&step)));
        assert!(!uses(&json!({ "a": "{agent}, job.id" }), &[step]));
    }
}
