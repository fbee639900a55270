//! `/videos`: jobs, their content, lists.

use http::Method;
use serde_json::json;

use super::exchange::{Call, QUICK};
use super::multipart::Form;
use super::retry::Safety;
use super::{OpenAi, length_of};
use crate::container::Container;
use crate::provider::{
    Answer, DeletedVideo, NewVideo, Source, Variant, Video, VideoPage, VideoProvider, VideoQuery,
};

impl VideoProvider for OpenAi {
    fn create(&self, video: NewVideo) -> Answer<'_, Video> {
        Box::pin(async move {
            let length = length_of(&video.reference);
            let build = move || Call::form(Method::POST, "/videos", job_form(&video), QUICK);
            self.exchange.json(self.built(length, build).await?).await
        })
    }

    fn status<'a>(&'a self, id: &'a str) -> Answer<'a, Video> {
        Box::pin(async move { self.exchange.json(Call::get(video_path(id, ""), QUICK)).await })
    }

    fn content<'a>(&'a self, id: &'a str, variant: Variant) -> Answer<'a, Source> {
        let query = format!("/content?variant={}", variant.as_str());
        Box::pin(async move { self.exchange.source(&video_path(id, &query), container(variant)) })
    }

    fn list(&self, query: VideoQuery) -> Answer<'_, VideoPage> {
        let mut path = format!("/videos?limit={}&order={}", query.limit, query.order.as_str());
        if let Some(after) = &query.after {
            path.push_str(&format!("&after={}", encoded(after)));
        }
        Box::pin(async move { self.exchange.json(Call::get(path, QUICK)).await })
    }

    fn delete<'a>(&'a self, id: &'a str) -> Answer<'a, DeletedVideo> {
        let call = Call::empty(Method::DELETE, video_path(id, ""), Safety::Repeatable, QUICK);
        Box::pin(async move { self.exchange.json(call).await })
    }

    fn remix<'a>(&'a self, id: &'a str, prompt: &'a str) -> Answer<'a, Video> {
        let call = Call::json(video_path(id, "/remix"), &json!({ "prompt": prompt }), QUICK);
        Box::pin(async move { self.exchange.json(call).await })
    }
}

/// Always a form, as the official SDK sends it: engines that speak this wire parse it.
fn job_form(video: &NewVideo) -> Form {
    let form = Form::new()
        .field("prompt", &video.prompt)
        .field("model", &video.model)
        .optional("seconds", video.seconds.as_deref())
        .optional("size", video.size.as_deref());
    match &video.reference {
        Some(reference) => form.file("input_reference", reference),
        None => form,
    }
}

/// What this endpoint sends, by the wire's documentation.
fn container(variant: Variant) -> Container {
    match variant {
        Variant::Video => Container::Mp4,
        Variant::Thumbnail => Container::Webp,
        Variant::Spritesheet => Container::Jpeg,
    }
}

fn video_path(id: &str, rest: &str) -> String {
    format!("/videos/{}{rest}", encoded(id))
}

/// An id as one segment of a path: whoever puts `../` into it asks for a job of that name.
///
/// A segment of dots alone would be taken for a step, so its dots are encoded as well.
pub(super) fn encoded(id: &str) -> String {
    let only_dots = id.bytes().all(|byte| byte == b'.');
    id.bytes().fold(String::with_capacity(id.len()), |mut text, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            b'.' if !only_dots => text.push('.'),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_one_segment_of_the_path() {
        for (id, expected) in [
            ("video_68d7512d07848190b3e45da0ecbebcde004da08e1e0678d5", None),
            ("a.b-c_d~e", None),
            ("../../x", Some("..%2F..%2Fx")),
            ("..", Some("%2E%2E")),
            ("a b?c#d", Some("a%20b%3Fc%23d")),
            ("é", Some("%C3%A9")),
        ] {
            assert_eq!(encoded(id), expected.unwrap_or(id));
        }
    }
}
