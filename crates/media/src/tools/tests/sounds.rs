//! Lists of sounds: nothing is left out before it was looked at.

use serde_json::{Value, json};

use super::*;

/// More than one answer holds.
const FILES: u64 = 1_100;

/// A folder of sounds that have no length, each a byte longer than the one before, the later ones
/// of another format.
fn many(folder: &Path) {
    for number in 0..FILES {
        let extension = if number < 1_050 { "mp3" } else { "wav" };
        let file = std::fs::File::create(folder.join(format!("take-{number:04}.{extension}")));
        file.unwrap().set_len(number).unwrap();
    }
}

async fn list(media: &Media, asked: Value) -> Result<(usize, Vec<String>), ToolError> {
    let params = serde_json::from_value(asked).unwrap();
    let listed = audio::list_audio_files(media, params, &quiet()).await?;
    let names = listed.result.into_iter().map(|file| file.file_name).collect();
    Ok((listed.total, names))
}

#[tokio::test]
async fn what_fits_is_chosen_among_all_files_before_the_list_ends() {
    let folder = tempfile::tempdir().unwrap();
    many(folder.path());
    let media = media(folder.path()).await;
    let (total, names) = list(&media, json!({})).await.unwrap();
    assert_eq!((total, names.len()), (1_100, 1_000));
    assert_eq!((names[0].as_str(), names[999].as_str()), ("take-0000.mp3", "take-0999.mp3"));
    for order in ["name", "size", "format"] {
        let asked = json!({ "sort_by": order, "reverse": true });
        let (total, names) = list(&media, asked).await.unwrap();
        assert_eq!((total, names.len()), (1_100, 1_000), "{order}");
        assert_eq!((names[0].as_str(), names[999].as_str()), ("take-1099.wav", "take-0100.mp3"));
    }
    for asked in [
        json!({ "format": "wav" }),
        json!({ "pattern": r"^take-10[5-9]" }),
        json!({ "min_size_bytes": 1_050 }),
        // Lengths are looked for in few enough files.
        json!({ "format": "wav", "sort_by": "duration" }),
    ] {
        let (total, names) = list(&media, asked.clone()).await.unwrap();
        assert_eq!((total, names.len()), (50, 50), "{asked}");
        assert_eq!(names[0], "take-1050.wav", "{asked}");
    }
}

#[tokio::test]
async fn lengths_are_not_looked_for_in_more_files_than_an_answer_holds() {
    let folder = tempfile::tempdir().unwrap();
    many(folder.path());
    let media = media(folder.path()).await;
    for asked in [json!({ "sort_by": "duration" }), json!({ "min_duration_seconds": 1 })] {
        let error = list(&media, asked).await.unwrap_err();
        assert!(error.to_string().starts_with("1100 files fit, and at most 1000"), "{error}");
    }
    // The edge: exactly as many as an answer holds.
    let asked = json!({ "sort_by": "duration", "max_size_bytes": 999 });
    assert_eq!(list(&media, asked).await.unwrap().0, 1_000);
    let asked = json!({ "sort_by": "duration", "max_size_bytes": 1_000 });
    assert!(list(&media, asked).await.is_err());
}

#[tokio::test]
async fn a_sound_says_which_models_take_it() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.mp3", "b.flac", "c.aac"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let media = media(folder.path()).await;
    let listed = audio::list_audio_files(&media, audio::ListAudioFiles::default(), &quiet()).await;
    let listed = serde_json::to_value(listed.unwrap()).unwrap();
    let (mp3, flac, aac) = (&listed["result"][0], &listed["result"][1], &listed["result"][2]);
    assert_eq!(mp3["transcription_support"][0], "whisper-1");
    assert_eq!(mp3["chat_support"][0], "gpt-4o-audio-preview");
    assert_eq!(
        (&flac["transcription_support"][0], &flac["chat_support"]),
        (&json!("whisper-1"), &Value::Null)
    );
    assert_eq!((&aac["transcription_support"], &aac["chat_support"]), (&Value::Null, &Value::Null));
}
