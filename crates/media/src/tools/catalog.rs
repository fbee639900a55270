//! All tools: their names, what they take and give, what they do to the world, and how they are
//! called.

mod entries;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use rmcp::handler::server::tool::{schema_for_input, schema_for_output};
use rmcp::model::{MetaObject, Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Call, Media, Parts, ToolError};

/// A result, twice: as the text that people and older clients read, with its fields in their
/// order, and as a value that the output schema describes.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Indented JSON.
    pub text: String,
    /// The same as a value.
    pub value: Value,
}

/// A call under way. Dropping it stops it.
pub(crate) type Calling = Pin<Box<dyn Future<Output = Result<Output, ToolError>> + Send>>;

/// What a tool does to the world.
#[derive(Debug, Clone, Copy)]
enum Effect {
    /// It reads.
    Reads,
    /// It makes something new each time.
    Makes,
    /// It makes something; doing it again changes nothing more.
    Settles,
    /// It removes something.
    Removes,
}

/// A tool.
pub struct Entry {
    /// What clients are told.
    pub tool: Tool,
    /// Which parts of the server it needs.
    needs: Parts,
    /// Calls it.
    pub call: fn(Arc<Media>, Map<String, Value>, Call) -> Calling,
}

impl Entry {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match &self.tool.name {
            std::borrow::Cow::Borrowed(name) => name,
            std::borrow::Cow::Owned(_) => "",
        }
    }
}

/// The tools that are offered.
pub struct Catalog(Vec<Entry>);

impl Catalog {
    /// The tools that these media are set up for.
    #[must_use]
    pub fn of(media: &Media) -> Self {
        let parts = media.parts();
        Self(entries::all().into_iter().filter(|entry| parts.contain(entry.needs)).collect())
    }

    /// All tools, whatever is set up. One that lacks its part says so when it is called.
    #[must_use]
    pub fn all() -> Self {
        Self(entries::all())
    }

    /// A tool by its name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.tool.name == name)
    }

    /// What clients are told of all of them.
    #[must_use]
    pub fn tools(&self) -> Vec<Tool> {
        self.0.iter().map(|entry| entry.tool.clone()).collect()
    }
}

/// What clients are told of a tool that takes `P` and gives `R`.
fn tool<P, R>(name: &'static str, about: &'static str, effect: Effect, is_open: bool) -> Tool
where
    P: JsonSchema + 'static,
    R: JsonSchema + 'static,
{
    let annotations = ToolAnnotations::new().open_world(is_open);
    let annotations = match effect {
        Effect::Reads => annotations.read_only(true),
        Effect::Makes => annotations.read_only(false).destructive(false).idempotent(false),
        Effect::Settles => annotations.read_only(false).destructive(false).idempotent(true),
        Effect::Removes => annotations.read_only(false).destructive(true).idempotent(true),
    };
    let input = schema_for_input::<P>().expect("parameters are structs, whose schema is an object");
    Tool::new(name, about, input)
        .with_raw_output_schema(schema_for_output::<R>())
        .with_annotations(annotations)
}

/// A tool's own metadata for hosts that show pages.
fn ui_meta(ui: Value) -> MetaObject {
    MetaObject(Map::from_iter([("ui".to_owned(), ui)]))
}

/// Reads the arguments of a call.
fn parameters<P: DeserializeOwned>(arguments: Map<String, Value>) -> Result<P, ToolError> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|error| ToolError::Arguments(format!("invalid arguments: {error}")))
}

fn output<R: Serialize>(result: &R) -> Result<Output, ToolError> {
    let wrong = |error: serde_json::Error| ToolError::Internal(error.to_string());
    Ok(Output {
        text: serde_json::to_string_pretty(result).map_err(wrong)?,
        value: serde_json::to_value(result).map_err(wrong)?,
    })
}
