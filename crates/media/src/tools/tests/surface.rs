//! What clients are told of the tools.

use serde_json::{Value, json};

use super::*;

#[test]
fn every_schema_is_an_object() {
    for tool in Catalog::all().tools() {
        let output = tool.output_schema.as_ref().unwrap();
        assert_eq!(tool.input_schema["type"], "object", "{}", tool.name);
        assert_eq!(output["type"], "object", "{}", tool.name);
        assert!(tool.annotations.unwrap().open_world_hint.is_some());
    }
}

#[test]
fn every_property_is_required_or_has_its_default_told() {
    let mut untold = Vec::new();
    for tool in Catalog::all().tools() {
        let required = tool.input_schema.get("required").and_then(Value::as_array);
        let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|it| it == name));
        let properties = tool.input_schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            if !is_required(name) && property.get("default").is_none() {
                untold.push(format!("{}.{name}", tool.name));
            }
        }
    }
    assert_eq!(untold, Vec::<String>::new(), "these have defaults that nobody is told");
}

#[test]
fn a_videos_model_is_a_known_one_or_any_word() {
    let catalog = Catalog::all();
    let schema = &catalog.find("create_video").unwrap().tool.input_schema;
    let model = &schema["properties"]["model"];
    assert_eq!(model["default"], "sora-2");
    assert_eq!(model["anyOf"][0]["enum"][1], "sora-2-pro");
    assert_eq!(model["anyOf"][1], json!({ "type": "string" }));
    assert_eq!(schema["required"], json!(["prompt"]));
}

/// Agents are set up for this surface: a change of it is to be seen in the review.
#[test]
fn the_whole_surface_is_the_one_that_was_agreed() {
    insta::assert_json_snapshot!("tools_list", Catalog::all().tools());
}
