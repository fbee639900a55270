//! A streamed response whose output is a picture: the events of the image generation tool.

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::events::event;
use super::image_order::ImageOrder;

/// An event and when it is due.
pub(crate) type Event = (Duration, Bytes);

/// What an event has, of all that one can have.
#[derive(Serialize, Default)]
struct Data<'a> {
    r#type: &'static str,
    sequence_number: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partial_image_index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partial_image_b64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quality: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    background: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_format: Option<&'static str>,
}

/// All events, from the response's JSON when it has begun and when it is done. Takes time.
pub(crate) fn all(
    item_id: &str,
    order: &ImageOrder,
    partial: u32,
    begun: &[u8],
    done: &[u8],
) -> Vec<Bytes> {
    let parse = |json: &[u8]| serde_json::from_slice::<Value>(json).unwrap_or_default();
    let (begun, done) = (parse(begun), parse(done));
    let item = &done["output"][0];
    let mut item_begun = item.clone();
    item_begun["status"] = "in_progress".into();
    item_begun["result"] = Value::Null;
    let mut events = Vec::new();
    let mut say = |kind: &'static str, data: Data<'_>| {
        let sequence_number = events.len();
        events.push(event(kind, &Data { r#type: kind, sequence_number, ..data }));
    };
    let of_response = |response| Data { response: Some(response), ..Data::default() };
    let of_item = |item| Data { output_index: Some(0), item: Some(item), ..Data::default() };
    let of_call = || Data { output_index: Some(0), item_id: Some(item_id), ..Data::default() };
    say("response.created", of_response(&begun));
    say("response.in_progress", of_response(&begun));
    say("response.output_item.added", of_item(&item_begun));
    say("response.image_generation_call.in_progress", of_call());
    say("response.image_generation_call.generating", of_call());
    for index in 0..partial {
        let data = Data {
            partial_image_index: Some(index),
            partial_image_b64: Some(order.partial_picture(index, partial)),
            size: Some(order.size_text()),
            quality: Some(order.quality),
            background: Some(order.background),
            output_format: Some(order.output_format),
            ..of_call()
        };
        say("response.image_generation_call.partial_image", data);
    }
    say("response.image_generation_call.completed", of_call());
    say("response.output_item.done", of_item(item));
    say("response.completed", of_response(&done));
    events
}

/// Events with their times: those before the first partial picture at once, the last three at
/// the end, the partial pictures evenly between `first` and `last`.
pub(crate) fn timed(events: Vec<Bytes>, first: Duration, last: Duration) -> Vec<Event> {
    const BEFORE: usize = 5;
    const AFTER: usize = 3;
    let count = events.len();
    let partial = u32::try_from(count.saturating_sub(BEFORE + AFTER)).unwrap_or(0);
    let step = last.saturating_sub(first) / (partial + 1);
    let due = |number: usize| match number {
        _ if number < BEFORE => Duration::ZERO,
        _ if number + AFTER >= count => last,
        _ => first + step * u32::try_from(number - BEFORE).unwrap_or(0),
    };
    events.into_iter().enumerate().map(|(number, event)| (due(number), event)).collect()
}
