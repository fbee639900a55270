//! The tools, one entry each.

use serde_json::json;

use super::{Effect, Entry, output, parameters, tool, ui_meta};
use crate::provider::{DeletedVideo, ImageJob, Video};
use crate::server::VIEWER;
use crate::tools::{Parts, audio, image, inputs, local, reference, video, view, wait};

const VIDEO: Parts = Parts { video: true, image: false, audio: false, any: false };
const IMAGE: Parts = Parts { video: false, image: true, audio: false, any: false };
const AUDIO: Parts = Parts { video: false, image: false, audio: true, any: false };
const ANY: Parts = Parts { video: false, image: false, audio: false, any: true };

/// An entry for a plain tool function.
macro_rules! entry {
    ($tool:expr, $needs:expr, $function:path) => {
        Entry {
            tool: $tool,
            needs: $needs,
            call: |media, arguments, call| {
                Box::pin(async move {
                    let params = parameters(arguments)?;
                    output(&$function(&media, params, &call).await?)
                })
            },
        }
    };
}

/// All tools, in the order in which they are listed.
pub(super) fn all() -> Vec<Entry> {
    let mut all = videos();
    all.extend(references());
    all.extend(images());
    all.extend(audio());
    all.extend(views());
    all
}

fn videos() -> Vec<Entry> {
    vec![
        entry!(
            tool::<video::CreateVideo, Video>(
                "create_video",
                "Start a video job. It runs in the background: wait for it with wait_video, then \
                 download it with download_video.",
                Effect::Makes,
                true,
            ),
            VIDEO,
            video::create_video
        ),
        entry!(
            tool::<video::VideoId, Video>(
                "get_video_status",
                "Ask how far a video job is.",
                Effect::Reads,
                true,
            ),
            VIDEO,
            video::get_video_status
        ),
        entry!(
            tool::<wait::WaitVideo, Video>(
                "wait_video",
                "Wait until a video job has ended, with progress on the way.",
                Effect::Reads,
                true,
            ),
            VIDEO,
            wait::wait_video
        ),
        entry!(
            tool::<video::DownloadVideo, video::Downloaded>(
                "download_video",
                "Download a finished job's video, thumbnail or spritesheet into the video folder. \
                 The name appears only when the file is whole; the result has its length and \
                 SHA-256.",
                Effect::Settles,
                true,
            ),
            VIDEO,
            video::download_video
        ),
        entry!(
            tool::<video::ListVideos, video::VideoList>(
                "list_videos",
                "List the provider's video jobs, page by page.",
                Effect::Reads,
                true,
            ),
            VIDEO,
            video::list_videos
        ),
        entry!(
            tool::<video::VideoId, DeletedVideo>(
                "delete_video",
                "Delete a video job at the provider for good. Downloaded files stay.",
                Effect::Removes,
                true,
            ),
            VIDEO,
            video::delete_video
        ),
        entry!(
            tool::<video::RemixVideo, Video>(
                "remix_video",
                "Start a job that changes a finished video.",
                Effect::Makes,
                true,
            ),
            VIDEO,
            video::remix_video
        ),
        entry!(
            tool::<local::ListFiles<local::VideoFileType>, inputs::Files>(
                "list_local_videos",
                "List the finished files of the video folder.",
                Effect::Reads,
                false,
            ),
            VIDEO,
            local::list_local_videos
        ),
    ]
}

fn references() -> Vec<Entry> {
    vec![
        entry!(
            tool::<local::ListFiles<local::ImageFileType>, inputs::Files>(
                "list_reference_images",
                "List the finished pictures of the image folder.",
                Effect::Reads,
                false,
            ),
            IMAGE,
            local::list_reference_images
        ),
        entry!(
            tool::<reference::PrepareReferenceImage, reference::PreparedImage>(
                "prepare_reference_image",
                "Bring a picture of the image folder to exactly a video's size, for \
                 create_video's input_reference_filename.",
                Effect::Makes,
                false,
            ),
            IMAGE,
            reference::prepare_reference_image
        ),
    ]
}

fn images() -> Vec<Entry> {
    vec![
        entry!(
            tool::<image::CreateImage, ImageJob>(
                "create_image",
                "Start a background job whose answer holds a picture. Wait for it with \
                 wait_image, then download it with download_image.",
                Effect::Makes,
                true,
            ),
            IMAGE,
            image::create_image
        ),
        entry!(
            tool::<image::ImageId, ImageJob>(
                "get_image_status",
                "Ask how far an image job is.",
                Effect::Reads,
                true,
            ),
            IMAGE,
            image::get_image_status
        ),
        entry!(
            tool::<wait::WaitImage, ImageJob>(
                "wait_image",
                "Wait until an image job has ended, with progress on the way.",
                Effect::Reads,
                true,
            ),
            IMAGE,
            wait::wait_image
        ),
        entry!(
            tool::<image::DownloadImage, image::DownloadedImage>(
                "download_image",
                "Download a finished job's picture into the image folder.",
                Effect::Settles,
                true,
            ),
            IMAGE,
            image::download_image
        ),
        entry!(
            tool::<image::GenerateImage, image::GeneratedImage>(
                "generate_image",
                "Make a picture from words, at once, and keep it in the image folder.",
                Effect::Makes,
                true,
            ),
            IMAGE,
            image::generate_image
        ),
        entry!(
            tool::<image::EditImage, image::GeneratedImage>(
                "edit_image",
                "Make a picture from pictures and words, at once, and keep it in the image folder.",
                Effect::Makes,
                true,
            ),
            IMAGE,
            image::edit_image
        ),
    ]
}

fn audio() -> Vec<Entry> {
    vec![
        entry!(
            tool::<audio::ListAudioFiles, audio::AudioFiles>(
                "list_audio_files",
                "List the finished files of the audio folder, with their lengths.",
                Effect::Reads,
                false,
            ),
            AUDIO,
            audio::list_audio_files
        ),
        entry!(
            tool::<audio::Nothing, audio::AudioFile>(
                "get_latest_audio",
                "The file of the audio folder that was changed last.",
                Effect::Reads,
                false,
            ),
            AUDIO,
            audio::get_latest_audio
        ),
        entry!(
            tool::<audio::ConvertAudio, audio::MadeSound>(
                "convert_audio",
                "Write a sound as MP3 or WAV beside it.",
                Effect::Makes,
                false,
            ),
            AUDIO,
            audio::convert_audio
        ),
        entry!(
            tool::<audio::CompressAudio, audio::MadeSound>(
                "compress_audio",
                "Make a sound small enough for the models that listen.",
                Effect::Makes,
                false,
            ),
            AUDIO,
            audio::compress_audio
        ),
        entry!(
            tool::<audio::Transcribe, audio::Transcribed>(
                "transcribe_audio",
                "Write down what is said in a recording, of any length.",
                Effect::Reads,
                true,
            ),
            AUDIO,
            audio::transcribe_audio
        ),
        entry!(
            tool::<audio::Chat, audio::ChatAnswer>(
                "chat_with_audio",
                "Ask a model about a recording.",
                Effect::Reads,
                true,
            ),
            AUDIO,
            audio::chat_with_audio
        ),
        entry!(
            tool::<audio::Enhance, audio::Transcribed>(
                "transcribe_with_enhancement",
                "Write down what is said in a certain manner.",
                Effect::Reads,
                true,
            ),
            AUDIO,
            audio::transcribe_with_enhancement
        ),
        entry!(
            tool::<audio::CreateAudio, audio::Spoken>(
                "create_audio",
                "Speak a text, and keep it in the audio folder.",
                Effect::Makes,
                true,
            ),
            AUDIO,
            audio::create_audio
        ),
    ]
}

fn views() -> Vec<Entry> {
    let mut view = entry!(
        tool::<view::ViewMedia, view::Viewed>(
            "view_media",
            "Show a video, picture or sound of the media folders to the user.",
            Effect::Reads,
            false,
        ),
        ANY,
        view::view_media
    );
    view.tool = view.tool.with_meta(ui_meta(json!({ "resourceUri": VIEWER })));
    let mut data = entry!(
        tool::<view::GetMediaData, view::MediaData>(
            "_get_media_data",
            "A piece of a file in base64, for the page that view_media shows.",
            Effect::Reads,
            false,
        ),
        ANY,
        view::get_media_data
    );
    data.tool = data.tool.with_meta(ui_meta(json!({ "visibility": ["app"] })));
    vec![view, data]
}
