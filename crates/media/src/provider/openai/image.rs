//! `/images` and, for background jobs, `/responses` with the drawing tool.

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::exchange::{Call, LONG, QUICK};
use super::multipart::Form;
use super::video::encoded;
use super::{OpenAi, length_of};
use crate::inline;
use crate::provider::{
    Answer, ImageEdit, ImageJob, ImageProvider, ImageRequest, ImageStart, MadeImage, ProviderError,
    Upload,
};

/// The model of the drawing tool when the caller names none.
const DRAWING_MODEL: &str = "gpt-image-2";

impl ImageProvider for OpenAi {
    fn start(&self, request: ImageStart) -> Answer<'_, ImageJob> {
        Box::pin(async move {
            let length = length_of(&request.inputs);
            let mask = match &request.mask {
                Some(mask) => Some(self.upload(mask.clone()).await?),
                None => None,
            };
            let build = move || {
                let body = start_body(&request, mask.as_deref());
                Call::json("/responses".to_owned(), &body, QUICK)
            };
            self.exchange.json(self.built(length, build).await?).await
        })
    }

    fn status<'a>(&'a self, id: &'a str) -> Answer<'a, ImageJob> {
        Box::pin(async move { self.exchange.json(Call::get(response_path(id), QUICK)).await })
    }

    fn picture<'a>(&'a self, id: &'a str) -> Answer<'a, (ImageJob, Option<String>)> {
        Box::pin(async move {
            let job: FinishedJob = self.exchange.json(Call::get(response_path(id), LONG)).await?;
            let picture = job.output.into_iter().find_map(|item| {
                (item.kind == "image_generation_call").then_some(item.result).flatten()
            });
            Ok((job.job, picture))
        })
    }

    fn generate(&self, request: ImageRequest) -> Answer<'_, MadeImage> {
        Box::pin(async move {
            let call =
                Call::json("/images/generations".to_owned(), &generation_body(&request), LONG);
            self.exchange.json::<MadeImages>(call).await?.first()
        })
    }

    fn edit(&self, request: ImageEdit) -> Answer<'_, MadeImage> {
        Box::pin(async move {
            let length = length_of(request.inputs.iter().chain(&request.mask));
            let build =
                move || Call::form(Method::POST, "/images/edits", edit_form(&request), LONG);
            self.exchange.json::<MadeImages>(self.built(length, build).await?).await?.first()
        })
    }
}

impl OpenAi {
    /// Gives the provider a file to refer to; its id.
    async fn upload(&self, file: Upload) -> Result<String, ProviderError> {
        #[derive(Deserialize)]
        struct Kept {
            id: String,
        }
        let length = length_of([&file]);
        let build = move || {
            let form = Form::new().field("purpose", "vision").file("file", &file);
            Call::form(Method::POST, "/files", form, QUICK)
        };
        let kept: Kept = self.exchange.json(self.built(length, build).await?).await?;
        Ok(kept.id)
    }
}

fn response_path(id: &str) -> String {
    format!("/responses/{}", encoded(id))
}

/// The request that starts a background job.
fn start_body(request: &ImageStart, mask: Option<&str>) -> Value {
    let mut tool = Map::from_iter([
        ("type".to_owned(), json!("image_generation")),
        ("model".to_owned(), json!(DRAWING_MODEL)),
    ]);
    tool.extend(request.tool.clone());
    // What the tool is cannot be changed by its settings.
    tool.insert("type".to_owned(), json!("image_generation"));
    if let Some(id) = mask {
        tool.insert("input_image_mask".to_owned(), json!({ "file_id": id }));
    }
    let input = if request.inputs.is_empty() {
        json!(request.prompt)
    } else {
        let mut content = vec![json!({ "type": "input_text", "text": request.prompt })];
        content.extend(request.inputs.iter().map(|picture| {
            json!({ "type": "input_image", "image_url": data_url(picture), "detail": "auto" })
        }));
        json!([{ "role": "user", "content": content }])
    };
    let mut body = json!({
        "model": request.model,
        "input": input,
        "tools": [tool],
        "background": true,
    });
    if let Some(previous) = &request.previous {
        body["previous_response_id"] = json!(previous);
    }
    body
}

fn data_url(picture: &Upload) -> String {
    format!("data:{};base64,{}", picture.media_type, inline::encode(&picture.bytes))
}

fn generation_body(request: &ImageRequest) -> Value {
    let mut body = json!({ "prompt": request.prompt, "model": request.model, "n": 1 });
    for (name, value) in [
        ("size", &request.size),
        ("quality", &request.quality),
        ("background", &request.background),
        ("output_format", &request.output_format),
        ("moderation", &request.moderation),
    ] {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    }
    body
}

fn edit_form(request: &ImageEdit) -> Form {
    let image = &request.image;
    let form = Form::new()
        .field("prompt", &image.prompt)
        .field("model", &image.model)
        .field("n", "1")
        .optional("size", image.size.as_deref())
        .optional("quality", image.quality.as_deref())
        .optional("background", image.background.as_deref())
        .optional("output_format", image.output_format.as_deref())
        .optional("input_fidelity", request.input_fidelity.as_deref());
    // One picture has a field of its own; several share a list's, as the official SDKs send them.
    let name = if request.inputs.len() == 1 { "image" } else { "image[]" };
    let form = request.inputs.iter().fold(form, |form, picture| form.file(name, picture));
    match &request.mask {
        Some(mask) => form.file("mask", mask),
        None => form,
    }
}

/// A finished background job.
#[derive(Deserialize)]
struct FinishedJob {
    #[serde(flatten)]
    job: ImageJob,
    #[serde(default)]
    output: Vec<OutputItem>,
}

#[derive(Deserialize)]
struct OutputItem {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    result: Option<String>,
}

/// The answer of `/images/…`.
#[derive(Deserialize)]
struct MadeImages {
    #[serde(default)]
    data: Vec<OneImage>,
    #[serde(default)]
    usage: Option<Value>,
}

#[derive(Deserialize)]
struct OneImage {
    #[serde(default)]
    b64_json: Option<String>,
}

impl MadeImages {
    fn first(self) -> Result<MadeImage, ProviderError> {
        let picture = self.data.into_iter().find_map(|image| image.b64_json);
        let base64 = picture.ok_or_else(|| ProviderError::Malformed {
            reason: "it holds no picture in base64".to_owned(),
        })?;
        Ok(MadeImage { base64, usage: self.usage })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn picture(name: &str) -> Upload {
        Upload {
            filename: name.to_owned(),
            media_type: "image/png",
            bytes: Bytes::from_static(b"PNG"),
        }
    }

    #[test]
    fn a_background_job_says_what_the_reference_server_says() {
        let request = ImageStart {
            prompt: "a cat".to_owned(),
            model: "gpt-5.2".to_owned(),
            ..ImageStart::default()
        };
        let expected = json!({
            "model": "gpt-5.2",
            "input": "a cat",
            "tools": [{ "type": "image_generation", "model": "gpt-image-2" }],
            "background": true,
        });
        assert_eq!(start_body(&request, None), expected);
    }

    #[test]
    fn pictures_masks_and_tool_settings_are_part_of_a_job() {
        let request = ImageStart {
            prompt: "a cat".to_owned(),
            model: "m".to_owned(),
            tool: Map::from_iter([("size".to_owned(), json!("1024x1024"))]),
            previous: Some("resp_1".to_owned()),
            inputs: vec![picture("a.png")],
            mask: Some(picture("mask.png")),
        };
        let expected = json!({
            "model": "m",
            "input": [{ "role": "user", "content": [
                { "type": "input_text", "text": "a cat" },
                { "type": "input_image", "image_url": "data:image/png;base64,UE5H", "detail": "auto" },
            ]}],
            "tools": [{
                "type": "image_generation", "model": "gpt-image-2", "size": "1024x1024",
                "input_image_mask": { "file_id": "file_1" },
            }],
            "background": true,
            "previous_response_id": "resp_1",
        });
        assert_eq!(start_body(&request, Some("file_1")), expected);
    }

    #[test]
    fn one_picture_has_its_own_field_and_several_share_a_list() {
        let names = |count: usize| {
            let request =
                ImageEdit { inputs: vec![picture("a.png"); count], ..ImageEdit::default() };
            let (_, body) = edit_form(&request).finish();
            let text = String::from_utf8(body.to_vec()).unwrap();
            (text.matches("name=\"image\"").count(), text.matches("name=\"image[]\"").count())
        };
        assert_eq!(names(1), (1, 0));
        assert_eq!(names(3), (0, 3));
    }

    #[test]
    fn an_answer_without_a_picture_is_no_answer() {
        let answer: MadeImages =
            serde_json::from_str(r#"{"created":1,"data":[{"url":"u"}]}"#).unwrap();
        let error = answer.first().unwrap_err().to_string();
        assert_eq!(error, "the provider's answer cannot be used: it holds no picture in base64");
    }
}
