//! The tools against providers that are not OpenAI: what they need of one is the trait alone.

mod made_up;
mod other_wire;
mod paid;
mod sounds;
mod surface;
mod waits;

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::Limits;
use crate::admission::{Admission, Caller};
use crate::download::Downloads;
use crate::pool::CpuPool;
use crate::provider::{Variant, VideoProvider};
use crate::server::Metrics;
use crate::store::{Kind, OnConflict, Store};
use crate::transform::audio::Encoder;
use crate::transform::image;
use crate::upstream::{Trust, Upstream};

/// Media in a folder, without a provider.
pub(crate) async fn media(folder: &Path) -> Media {
    let limits = Limits::default();
    let upstream = Upstream::new(&limits, &Trust::system().unwrap());
    let admission = Admission::new(&limits);
    let open = async |kind| Some(Store::open_folder(kind, folder, &limits).await.unwrap());
    Media {
        video: open(Kind::Video).await,
        image: open(Kind::Image).await,
        audio: open(Kind::Audio).await,
        video_provider: None,
        image_provider: None,
        audio_provider: None,
        downloads: Downloads::new(upstream, admission.clone(), &limits),
        admission,
        pool: CpuPool::of_cores(),
        encoder: Encoder::new("ffmpeg"),
        image_limits: image::Limits::DEFAULT,
        on_conflict: OnConflict::default(),
        windows: Limits::USUAL_WINDOWS,
        metrics: Arc::new(Metrics::default()),
    }
}

pub(crate) fn quiet() -> Call {
    Call::quiet(Caller::ALONE)
}

#[tokio::test]
async fn a_provider_with_another_wire_needs_no_other_tools() {
    let folder = tempfile::tempdir().unwrap();
    let provider = other_wire::start().await;
    let media = Media { video_provider: Some(Arc::new(provider)), ..media(folder.path()).await };
    let asked = serde_json::json!({ "prompt": "a weir", "seconds": "8" });
    let asked = serde_json::from_value(asked).unwrap();
    let started = video::create_video(&media, asked, &quiet()).await.unwrap();
    assert_eq!(started.prompt.as_deref(), Some("a weir"));
    let waiting = wait::WaitVideo { video_id: started.id.clone(), timeout_seconds: 60 };
    let done = wait::wait_video(&media, waiting, &quiet()).await.unwrap();
    assert!(!done.status.is_active());
    let wanted = video::DownloadVideo {
        video_id: started.id,
        filename: None,
        variant: Variant::Video,
        on_conflict: None,
        md5: true,
    };
    let file = video::download_video(&media, wanted, &quiet()).await.unwrap();
    assert_eq!(std::fs::read(folder.path().join(&file.filename)).unwrap(), other_wire::CONTENT);
    assert_eq!(file.sha256.len(), 64);
    assert_eq!(file.md5.map(|md5| md5.len()), Some(32));
}

#[tokio::test]
async fn a_job_that_failed_is_told_with_the_providers_reason() {
    let folder = tempfile::tempdir().unwrap();
    let provider = other_wire::start().await;
    let id = provider.create(crate::provider::NewVideo {
        prompt: "fail".to_owned(),
        ..crate::provider::NewVideo::default()
    });
    let id = id.await.unwrap().id;
    let media = Media { video_provider: Some(Arc::new(provider)), ..media(folder.path()).await };
    let waiting = wait::WaitVideo { video_id: id.clone(), timeout_seconds: 60 };
    let error = wait::wait_video(&media, waiting, &quiet()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("job {id} ended as failed: it was to fail"));
    assert_eq!(error.kind(), ErrorKind::JobFailed);
}

#[tokio::test]
async fn without_a_provider_the_way_out_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let media = media(folder.path()).await;
    let id = video::VideoId { video_id: "video_1".to_owned() };
    let error = video::get_video_status(&media, id, &quiet()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("OPENAI_API_KEY"), "{error}");
}

#[tokio::test]
async fn tools_are_offered_for_the_folders_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let all = media(folder.path()).await;
    assert_eq!(Catalog::of(&all).tools().len(), 26);
    let only_audio = Media { video: None, image: None, ..all.clone() };
    let names: Vec<String> =
        Catalog::of(&only_audio).tools().iter().map(|tool| tool.name.to_string()).collect();
    assert!(names.contains(&"create_audio".to_owned()) && names.contains(&"view_media".to_owned()));
    assert!(!names.contains(&"create_video".to_owned()));
    let nothing = Media { video: None, image: None, audio: None, ..all };
    assert!(Catalog::of(&nothing).tools().is_empty());
}

#[tokio::test]
async fn a_prepared_picture_never_takes_the_inputs_place() {
    let folder = tempfile::tempdir().unwrap();
    let media = media(folder.path()).await;
    std::fs::write(folder.path().join("a.png"), b"whatever").unwrap();
    let params = serde_json::json!({
        "input_filename": "a.png", "target_size": "1280x720", "output_filename": "./a.png",
    });
    let params = serde_json::from_value(params).unwrap();
    let error = reference::prepare_reference_image(&media, params, &quiet()).await.unwrap_err();
    assert!(error.to_string().contains("is the input itself"), "{error}");
    assert_eq!(std::fs::read(folder.path().join("a.png")).unwrap(), b"whatever");
}

#[tokio::test]
async fn a_piece_of_the_usual_size_fits_into_an_event_of_one_mebibyte() {
    let folder = tempfile::tempdir().unwrap();
    let media = media(folder.path()).await;
    std::fs::write(folder.path().join("a.mp4"), vec![255; 1 << 20]).unwrap();
    let params = serde_json::json!({ "media_type": "video", "filename": "a.mp4" });
    let params = serde_json::from_value(params).unwrap();
    let piece = view::get_media_data(&media, params, &quiet()).await.unwrap();
    assert_eq!((piece.chunk_size, piece.is_last), (256 << 10, false));
    let text = serde_json::to_string_pretty(&piece).unwrap();
    let result = serde_json::json!({
        "content": [{ "type": "text", "text": text }], "structuredContent": piece,
    });
    // Some room for the message around it.
    assert!(result.to_string().len() < (1 << 20) - 4096);
}

#[tokio::test]
async fn a_piece_of_a_file_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let media = media(folder.path()).await;
    std::fs::write(folder.path().join("a.mp4"), b"0123456789").unwrap();
    let get = async |offset: u64, size: u64| {
        let params = serde_json::json!({
            "media_type": "video", "filename": "a.mp4", "offset": offset, "chunk_size": size,
        });
        let params = serde_json::from_value(params).unwrap();
        view::get_media_data(&media, params, &quiet()).await
    };
    let piece = get(4, 3).await.unwrap();
    assert_eq!((piece.data.as_str(), piece.chunk_size, piece.is_last), ("NDU2", 3, false));
    assert!(get(4, 100).await.unwrap().is_last);
    assert_eq!(get(10, 1).await.unwrap().chunk_size, 0);
    for (offset, size) in [(0, 0), (0, (8 << 20) + 1), (11, 1)] {
        assert_eq!(get(offset, size).await.unwrap_err().kind(), ErrorKind::Usage);
    }
}
