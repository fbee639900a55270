//! Arguments of a scripted tool call: JSON that fits the tool's schema.

use serde_json::{Map, Value, json};

use crate::text::Content;

/// Deepest nesting of invented arguments; below it only scalars are invented.
const MAX_DEPTH: u32 = 6;

/// Stands for the words to come while the arguments are put together; a private-use character
/// cannot come from a schema by accident more than once in a lifetime, and then does no harm.
const ROOM: &str = "\u{e000}";

/// Arguments with a value for every property of the schema. The first property that takes any
/// string is filled with words, as many as the answer needs.
pub(crate) fn for_schema(schema: Option<&str>) -> Content {
    let schema: Value = schema.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let mut inventor = Inventor { root: &schema, has_room: false };
    let value = match inventor.invent(&schema, 0) {
        Value::Object(object) => Value::Object(object),
        _ => Value::Object(Map::new()),
    };
    let text = value.to_string();
    match text.split_once(ROOM) {
        Some((before, after)) => {
            Content::Json { before: before.to_owned(), after: after.to_owned(), roomy: true }
        }
        None => Content::Json { before: text, after: String::new(), roomy: false },
    }
}

struct Inventor<'a> {
    root: &'a Value,
    has_room: bool,
}

impl Inventor<'_> {
    fn invent(&mut self, schema: &Value, depth: u32) -> Value {
        if depth > MAX_DEPTH {
            return Value::Null;
        }
        if let Some(value) = schema.get("const").or_else(|| schema.get("default")) {
            return value.clone();
        }
        if let Some(first) = schema.get("enum").and_then(|values| values.get(0)) {
            return first.clone();
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let target = target.strip_prefix('#').and_then(|path| self.root.pointer(path));
            return target.cloned().map_or(Value::Null, |target| self.invent(&target, depth + 1));
        }
        for choice in ["anyOf", "oneOf", "allOf"] {
            if let Some(first) = schema.get(choice).and_then(|choices| choices.get(0)) {
                return self.invent(first, depth + 1);
            }
        }
        self.invent_of_type(schema, depth)
    }

    fn invent_of_type(&mut self, schema: &Value, depth: u32) -> Value {
        let kind = match schema.get("type") {
            Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
            Some(kind) => kind.as_str(),
            None if schema.get("properties").is_some() => Some("object"),
            None => None,
        };
        match kind {
            Some("object") => self.invent_object(schema, depth),
            Some("string") => self.invent_string(schema),
            Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
            Some("boolean") => json!(true),
            Some("array") => {
                let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
                let item = schema.get("items").filter(|_| least > 0);
                let items = item.map(|item| self.invent(item, depth + 1));
                let least = usize::try_from(least.min(16)).unwrap_or(16);
                Value::Array(items.into_iter().cycle().take(least).collect())
            }
            _ => Value::Null,
        }
    }

    fn invent_object(&mut self, schema: &Value, depth: u32) -> Value {
        let properties = schema.get("properties").and_then(Value::as_object);
        let invented = properties
            .into_iter()
            .flatten()
            .map(|(name, property)| (name.clone(), self.invent(property, depth + 1)));
        Value::Object(invented.collect())
    }

    fn invent_string(&mut self, schema: &Value) -> Value {
        let takes_any = !["pattern", "format", "maxLength", "minLength"]
            .iter()
            .any(|limit| schema.get(limit).is_some());
        if takes_any && !self.has_room {
            self.has_room = true;
            return json!(ROOM);
        }
        match schema.get("format").and_then(Value::as_str) {
            Some("date") => json!("2025-01-01"),
            Some("date-time") => json!("2025-01-01T00:00:00Z"),
            Some("uri") => json!("http://example.com/"),
            Some("email") => json!("weir@example.com"),
            Some("uuid") => json!("00000000-0000-4000-8000-000000000000"),
            _ => json!("weir"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(schema: &str, before: &str, after: &str, roomy: bool) {
        let expected = Content::Json { before: before.into(), after: after.into(), roomy };
        assert_eq!(for_schema(Some(schema)), expected);
    }

    #[test]
    fn the_first_free_string_has_room_for_words() {
        check(
            r#"{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"},
               "unit":{"enum":["C","F"]},"why":{"type":"string"}}}"#,
            r#"{"city":""#,
            r#"","days":1,"unit":"C","why":"weir"}"#,
            true,
        );
    }

    #[test]
    fn references_and_choices_are_followed() {
        check(
            r##"{"properties":{"a":{"$ref":"#/$defs/A"},"b":{"anyOf":[{"type":"number"},{}]}},
               "$defs":{"A":{"type":"array","minItems":2,"items":{"type":"boolean"}}}}"##,
            r#"{"a":[true,true],"b":1}"#,
            "",
            false,
        );
    }

    #[test]
    fn a_reference_to_itself_ends() {
        check(
            r##"{"type":"object","properties":{"next":{"$ref":"#"}}}"##,
            r#"{"next":{"next":{"next":{"next":null}}}}"#,
            "",
            false,
        );
    }

    #[test]
    fn no_schema_means_no_arguments() {
        let nothing = Content::Json { before: "{}".into(), after: String::new(), roomy: false };
        assert_eq!(for_schema(None), nothing);
        assert_eq!(for_schema(Some("[]")), nothing);
    }
}
