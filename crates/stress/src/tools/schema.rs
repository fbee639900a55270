//! Whether arguments fit a tool's input schema: what can be said before any call is made.
//!
//! The part of JSON Schema that tools use: types, required and unknown properties, enumerations,
//! bounds, items, alternatives and references into the schema itself. What is not known is not
//! checked; the server has the last word.

use serde_json::{Map, Value};

/// Deepest nesting that is followed; a schema may refer to itself.
const MAX_DEPTH: u8 = 32;

/// What of `arguments` does not fit `schema`: a sentence that names the place, or `None`.
#[must_use]
pub fn mismatch(arguments: &Value, schema: &Value) -> Option<String> {
    Check { root: schema }.value(arguments, schema, &Place(String::new()), 0)
}

/// Where in the arguments: `size`, `items[2].name`.
struct Place(String);

impl Place {
    fn field(&self, name: &str) -> Self {
        Self(if self.0.is_empty() { name.to_owned() } else { format!("{}.{name}", self.0) })
    }

    fn item(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    fn words(&self) -> String {
        if self.0.is_empty() {
            "the arguments".to_owned()
        } else {
            format!("argument {:?}", self.0)
        }
    }
}

struct Check<'s> {
    root: &'s Value,
}

impl<'s> Check<'s> {
    fn value(&self, value: &Value, schema: &'s Value, at: &Place, depth: u8) -> Option<String> {
        let schema = self.resolved(schema).filter(|_| depth < MAX_DEPTH)?;
        type_of(value, schema, at)
            .or_else(|| listed(value, schema, at))
            .or_else(|| bounds(value, schema, at))
            .or_else(|| self.alternatives(value, schema, at, depth))
            .or_else(|| match value {
                Value::Object(fields) => self.object(fields, schema, at, depth),
                Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
                    self.value(item, schema.get("items")?, &at.item(index), depth + 1)
                }),
                _ => None,
            })
    }

    /// The schema as an object, by its reference where it is one.
    fn resolved(&self, schema: &'s Value) -> Option<&'s Map<String, Value>> {
        let mut schema = schema.as_object()?;
        for _ in 0..MAX_DEPTH {
            let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
                return Some(schema);
            };
            schema = self.root.pointer(reference.strip_prefix('#')?)?.as_object()?;
        }
        None
    }

    fn object(
        &self,
        fields: &Map<String, Value>,
        schema: &'s Map<String, Value>,
        at: &Place,
        depth: u8,
    ) -> Option<String> {
        let none = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object);
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        if let Some(missing) =
            required.filter_map(Value::as_str).find(|name| !fields.contains_key(*name))
        {
            return Some(format!("{:?} is required", at.field(missing).0));
        }
        fields.iter().find_map(|(name, value)| match properties.unwrap_or(&none).get(name) {
            None if schema.get("additionalProperties") == Some(&Value::Bool(false)) => {
                let known: Vec<&str> =
                    properties.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
                Some(format!(
                    "{:?} is not known; the tool takes {}",
                    at.field(name).0,
                    known.join(", ")
                ))
            }
            None => None,
            // The lifetime of the property is the schema's, which `none` would shorten.
            Some(_) => {
                let property = properties?.get(name)?;
                self.value(value, property, &at.field(name), depth + 1)
            }
        })
    }

    /// `anyOf` and `oneOf`: one that fits is enough; of none the first one's reason is told.
    fn alternatives(
        &self,
        value: &Value,
        schema: &'s Map<String, Value>,
        at: &Place,
        depth: u8,
    ) -> Option<String> {
        ["anyOf", "oneOf"].into_iter().find_map(|keyword| {
            let options = schema.get(keyword)?.as_array()?;
            let mut reasons = Vec::new();
            for option in options {
                reasons.push(self.value(value, option, at, depth + 1)?);
            }
            reasons.into_iter().next()
        })
    }
}

fn type_of(value: &Value, schema: &Map<String, Value>, at: &Place) -> Option<String> {
    let types: Vec<&str> = match schema.get("type")? {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let is = |name: &str| match name {
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => true,
    };
    let fits = types.is_empty() || types.iter().any(|name| is(name));
    (!fits).then(|| format!("{} is {value}, not of type {}", at.words(), types.join(" or ")))
}

fn listed(value: &Value, schema: &Map<String, Value>, at: &Place) -> Option<String> {
    if let Some(constant) = schema.get("const") {
        return (value != constant).then(|| format!("{} is {value}, not {constant}", at.words()));
    }
    let options = schema.get("enum")?.as_array()?;
    (!options.contains(value)).then(|| {
        let options: Vec<String> = options.iter().map(Value::to_string).collect();
        format!("{} is {value}, not one of {}", at.words(), options.join(", "))
    })
}

fn bounds(value: &Value, schema: &Map<String, Value>, at: &Place) -> Option<String> {
    let limit = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    let number = value.as_f64()?;
    let below = limit("minimum").filter(|least| number < *least);
    let above = limit("maximum").filter(|most| number > *most);
    match (below, above) {
        (Some(least), _) => Some(format!("{} is {value}, below {least}", at.words())),
        (_, Some(most)) => Some(format!("{} is {value}, above {most}", at.words())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn check(arguments: Value, schema: &Value, expected: Option<&str>) {
        let found = mismatch(&arguments, schema);
        match expected {
            None => assert_eq!(found, None, "{arguments}"),
            Some(part) => {
                let found = found.unwrap_or_else(|| panic!("{arguments} fits"));
                assert!(found.contains(part), "{found}");
            }
        }
    }

    #[test]
    fn arguments_of_a_download_are_checked_as_its_server_would() {
        let schema = json!({
            "type": "object", "required": ["video_id"], "additionalProperties": false,
            "properties": {
                "video_id": { "type": "string" },
                "filename": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
                "variant": { "enum": ["video", "thumbnail"] },
                "limit": { "type": "integer", "minimum": 1, "maximum": 9 },
            },
        });
        check(
            json!({"video_id": "v", "filename": null, "variant": "video", "limit": 9}),
            &schema,
            None,
        );
        check(json!({}), &schema, Some("\"video_id\" is required"));
        check(
            json!({"video_id": 3}),
            &schema,
            Some("argument \"video_id\" is 3, not of type string"),
        );
        check(
            json!({"video_id": "v", "variant": "x"}),
            &schema,
            Some("not one of \"video\", \"thumbnail\""),
        );
        check(
            json!({"video_id": "v", "filename": 1}),
            &schema,
            Some("\"filename\" is 1, not of type string"),
        );
        check(
            json!({"video_id": "v", "file": 1}),
            &schema,
            Some("\"file\" is not known; the tool takes"),
        );
        check(json!({"video_id": "v", "limit": 0}), &schema, Some("below 1"));
        check(json!({"video_id": "v", "limit": 1.5}), &schema, Some("not of type integer"));
        check(json!([]), &schema, Some("the arguments is [], not of type object"));
    }

    #[test]
    fn references_and_items_are_followed_and_loops_end() {
        let schema = json!({
            "$defs": { "name": { "type": "string" }, "loop": { "$ref": "#/$defs/loop" },
                "tree": { "type": "object", "properties": { "child": { "$ref": "#/$defs/tree" } } } },
            "properties": {
                "names": { "type": "array", "items": { "$ref": "#/$defs/name" } },
                "loop": { "$ref": "#/$defs/loop" }, "tree": { "$ref": "#/$defs/tree" },
            },
        });
        check(json!({"names": ["a", 1]}), &schema, Some("\"names[1]\""));
        check(json!({"loop": 1, "tree": {"child": {"child": {}}}}), &schema, None);
        check(json!({"tree": {"child": {"child": 3}}}), &schema, Some("\"tree.child.child\""));
    }

    #[test]
    fn a_tool_without_a_schema_takes_everything() {
        check(json!({"a": 1}), &Value::Null, None);
        check(json!({"a": 1}), &json!({}), None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            prop_oneof![Just("string"), Just("object"), Just("#/a"), Just("a")]
                .prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(
                    prop_oneof![
                        Just("type"),
                        Just("properties"),
                        Just("required"),
                        Just("enum"),
                        Just("items"),
                        Just("anyOf"),
                        Just("$ref"),
                        Just("minimum"),
                        Just("a")
                    ]
                    .prop_map(str::to_owned),
                    inner,
                    0..4,
                )
                .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_schema_judges_any_arguments_without_a_panic(arguments in any_json(), schema in any_json()) {
            let _ = mismatch(&arguments, &schema);
        }
    }
}
