use std::num::NonZeroUsize;
use std::sync::mpsc;

use bytes::Bytes;
use futures_util::poll;

use super::*;
use crate::Limits;
use crate::provider::{
    AudioProvider, Conversation, ImageEdit, ImageProvider, ImageStart, NewVideo, SpeechFormat,
    Transcription, VideoProvider,
};
use crate::upstream::Trust;

fn upload(length: usize) -> Upload {
    Upload {
        filename: "a.wav".to_owned(),
        media_type: "audio/wav",
        bytes: Bytes::from(vec![0; length]),
    }
}

/// Whether a request goes to the pool before it goes anywhere else: once the job that has the only
/// thread ends, the thread is the request's, which is not asked to go on.
async fn is_built_on_the_pool<T>(
    pool: &CpuPool,
    mut answer: crate::provider::Answer<'_, T>,
) -> bool {
    let (open, gate) = mpsc::channel::<()>();
    let mut blocker = Box::pin(pool.run(move |_| assert!(gate.recv().is_err())));
    assert!(poll!(&mut blocker).is_pending());
    assert!(poll!(&mut answer).is_pending(), "a full queue refuses nobody who was admitted");
    drop(open);
    blocker.await.unwrap();
    pool.busy() == 1
}

#[tokio::test]
async fn requests_with_long_files_are_built_on_the_pool_and_short_ones_at_once() {
    let upstream = Upstream::new(&Limits::default(), &Trust::system().unwrap());
    let pool = CpuPool::new(NonZeroUsize::MIN, 0);
    // Port 1 is nobody's.
    let base = Base::parse("http://127.0.0.1:1").unwrap();
    let provider = OpenAi::new(upstream, base, None, pool.clone());
    for (length, expected) in [(inline::POOL_BYTES - 1, false), (inline::POOL_BYTES, true)] {
        let conversation = Conversation {
            audio: upload(length),
            format: SpeechFormat::Wav,
            model: String::new(),
            system_prompt: None,
            user_prompt: None,
        };
        assert_eq!(is_built_on_the_pool(&pool, provider.converse(conversation)).await, expected);
        let transcription = Transcription {
            audio: upload(length),
            model: String::new(),
            response_format: "json".to_owned(),
            prompt: None,
            timestamp_granularities: Vec::new(),
        };
        assert_eq!(is_built_on_the_pool(&pool, provider.transcribe(transcription)).await, expected);
        let start = ImageStart { inputs: vec![upload(length)], ..ImageStart::default() };
        assert_eq!(is_built_on_the_pool(&pool, provider.start(start)).await, expected);
        let masked = ImageStart { mask: Some(upload(length)), ..ImageStart::default() };
        assert_eq!(is_built_on_the_pool(&pool, provider.start(masked)).await, expected);
        let edit = ImageEdit { inputs: vec![upload(length)], ..ImageEdit::default() };
        assert_eq!(is_built_on_the_pool(&pool, provider.edit(edit)).await, expected);
        let video = NewVideo { reference: Some(upload(length)), ..NewVideo::default() };
        assert_eq!(is_built_on_the_pool(&pool, provider.create(video)).await, expected);
    }
}
