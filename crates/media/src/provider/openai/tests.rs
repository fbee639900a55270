use std::num::NonZeroUsize;
use std::sync::mpsc;

use bytes::Bytes;
use futures_util::poll;

use super::*;
use crate::Limits;
use crate::pool::PoolError;
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

/// Whether a request with a file of this length goes to the pool before it goes anywhere else.
async fn is_built_on_the_pool<T>(answer: crate::provider::Answer<'_, T>) -> bool {
    let mut answer = answer;
    match poll!(&mut answer) {
        std::task::Poll::Ready(Err(ProviderError::Pool(PoolError::Full { .. }))) => true,
        std::task::Poll::Pending => false,
        std::task::Poll::Ready(_) => panic!("nobody answers here"),
    }
}

#[tokio::test]
async fn requests_with_long_files_are_built_on_the_pool_and_short_ones_at_once() {
    let upstream = Upstream::new(&Limits::default(), &Trust::system().unwrap());
    let pool = CpuPool::new(NonZeroUsize::MIN, 0);
    // Port 1 is nobody's.
    let base = Base::parse("http://127.0.0.1:1").unwrap();
    let provider = OpenAi::new(upstream, base, None, pool.clone());
    let (open, gate) = mpsc::channel::<()>();
    let mut blocker = Box::pin(pool.run(move |_| assert!(gate.recv().is_err())));
    assert!(poll!(&mut blocker).is_pending());
    for (length, expected) in [(inline::POOL_BYTES - 1, false), (inline::POOL_BYTES, true)] {
        let conversation = Conversation {
            audio: upload(length),
            format: SpeechFormat::Wav,
            model: String::new(),
            system_prompt: None,
            user_prompt: None,
        };
        assert_eq!(is_built_on_the_pool(provider.converse(conversation)).await, expected);
        let transcription = Transcription {
            audio: upload(length),
            model: String::new(),
            response_format: "json".to_owned(),
            prompt: None,
            timestamp_granularities: Vec::new(),
        };
        assert_eq!(is_built_on_the_pool(provider.transcribe(transcription)).await, expected);
        let start = ImageStart { inputs: vec![upload(length)], ..ImageStart::default() };
        assert_eq!(is_built_on_the_pool(provider.start(start)).await, expected);
        let masked = ImageStart { mask: Some(upload(length)), ..ImageStart::default() };
        assert_eq!(is_built_on_the_pool(provider.start(masked)).await, expected);
        let edit = ImageEdit { inputs: vec![upload(length)], ..ImageEdit::default() };
        assert_eq!(is_built_on_the_pool(provider.edit(edit)).await, expected);
        let video = NewVideo { reference: Some(upload(length)), ..NewVideo::default() };
        assert_eq!(is_built_on_the_pool(provider.create(video)).await, expected);
    }
    drop(open);
    blocker.await.unwrap();
}
