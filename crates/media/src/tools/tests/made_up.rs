//! Names that tools make up from those of their inputs take no other file's place.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

fn params<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// Half a second of silence.
fn sound() -> Vec<u8> {
    let (rate, length) = (8_000_u32, 8_000_u32);
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + length).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend(rate.to_le_bytes());
    wav.extend((rate * 2).to_le_bytes());
    wav.extend(b"\x02\0\x10\0data");
    wav.extend(length.to_le_bytes());
    wav.resize(wav.len() + usize::try_from(length).unwrap(), 0);
    wav
}

fn picture() -> Vec<u8> {
    let pixels = ::image::DynamicImage::new_rgb8(3, 2);
    let picture = image::Picture { pixels, format: image::Format::Png, profile: None };
    image::encode(&picture, image::Format::Png).unwrap()
}

#[tokio::test]
async fn a_sound_in_another_format_leaves_an_unrelated_one_of_its_name_alone() {
    let folder = tempfile::tempdir().unwrap();
    let media = media(folder.path()).await;
    let at = |name: &str| folder.path().join(name);
    // A sound by its content: names say nothing about what is in a file.
    std::fs::write(at("talk.ogg"), sound()).unwrap();
    std::fs::write(at("talk.wav"), b"unrelated").unwrap();
    let convert = async |asked: Value| audio::convert_audio(&media, params(asked), &quiet()).await;
    let usual = json!({ "input_path": "talk.ogg", "output_format": "wav" });
    assert_eq!(convert(usual.clone()).await.unwrap().output_file, "talk-2.wav");
    assert_eq!(convert(usual).await.unwrap().output_file, "talk-3.wav");
    assert_eq!(std::fs::read(at("talk.wav")).unwrap(), b"unrelated");

    let strict =
        json!({ "input_path": "talk.ogg", "output_format": "wav", "on_conflict": "error" });
    assert!(convert(strict).await.unwrap_err().to_string().contains("talk.wav"));
    assert_eq!(std::fs::read(at("talk.wav")).unwrap(), b"unrelated");
    let asked = json!({
        "input_path": "talk.ogg", "output_format": "wav", "on_conflict": "overwrite",
    });
    assert_eq!(convert(asked).await.unwrap().output_file, "talk.wav");
    assert_ne!(std::fs::read(at("talk.wav")).unwrap(), b"unrelated");
}

#[tokio::test]
async fn a_sound_that_is_small_enough_is_copied_to_a_free_name_or_the_one_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let media = media(folder.path()).await;
    std::fs::write(folder.path().join("talk.wav"), sound()).unwrap();
    let compress =
        async |asked: Value| audio::compress_audio(&media, params(asked), &quiet()).await.unwrap();
    for expected in ["compressed_talk.wav", "compressed_talk-2.wav"] {
        assert_eq!(compress(json!({ "input_path": "talk.wav" })).await.output_file, expected);
    }
    let named = json!({ "input_path": "talk.wav", "output_filename": "compressed_talk.wav" });
    assert_eq!(compress(named).await.output_file, "compressed_talk.wav");
    let renamed = json!({
        "input_path": "talk.wav", "output_filename": "compressed_talk.wav", "on_conflict": "rename",
    });
    assert_eq!(compress(renamed).await.output_file, "compressed_talk-3.wav");
}

#[tokio::test]
async fn pictures_of_one_stem_are_prepared_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let media = media(folder.path()).await;
    std::fs::create_dir(folder.path().join("takes")).unwrap();
    for name in ["photo.png", "photo.jpg", "takes/photo.png"] {
        std::fs::write(folder.path().join(name), picture()).unwrap();
    }
    let prepare = async |name: &str| {
        let asked = json!({ "input_filename": name, "target_size": "1280x720" });
        let made = reference::prepare_reference_image(&media, params(asked), &quiet()).await;
        made.unwrap().output_filename
    };
    assert_eq!(prepare("photo.png").await, "photo_1280x720.png");
    assert_eq!(prepare("photo.jpg").await, "photo_1280x720-2.png");
    assert_eq!(prepare("takes/photo.png").await, "takes/photo_1280x720.png");
}
