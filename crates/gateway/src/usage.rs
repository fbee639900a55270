//! The usage log: one JSON line for each answer, whoever ended it.

use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use prometheus_client::metrics::counter::Counter;
use serde::{Deserialize, Serialize};

/// Lines that may wait for the writer. A disk that stands still for longer costs lines, which are
/// counted, and never an answer.
const QUEUE: usize = 8192;

/// What one answer used. Never a prompt, an answer or a key.
#[derive(Debug, Serialize)]
pub(crate) struct UsageLine<'a> {
    pub(crate) at: jiff::Timestamp,
    pub(crate) request_id: &'a str,
    /// The client key's name.
    pub(crate) key: Option<&'a str>,
    pub(crate) endpoint: &'static str,
    pub(crate) model: &'a str,
    pub(crate) upstream: Option<&'a str>,
    pub(crate) upstream_request_id: Option<&'a str>,
    pub(crate) outcome: &'static str,
    pub(crate) status: u16,
    pub(crate) attempts: u32,
    pub(crate) streamed: bool,
    /// As the provider reported them; null where it did not. A stream that was cancelled has what it
    /// had reported until then, which of Anthropic's is one token of output.
    pub(crate) input_tokens: Option<u64>,
    pub(crate) output_tokens: Option<u64>,
    /// Events with content that were passed on: for a cancelled stream, what is known of its
    /// output.
    pub(crate) chunks: u64,
    pub(crate) ttft_ms: Option<u64>,
    pub(crate) duration_ms: u64,
}

/// Tokens as a provider reports them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// All of the prompt, also what came from a provider's cache or went into it.
    pub(crate) input_tokens: Option<u64>,
    pub(crate) output_tokens: Option<u64>,
}

/// Tokens as they are written in an answer.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Usage {
    #[serde(alias = "prompt_tokens")]
    input_tokens: Option<u64>,
    #[serde(alias = "completion_tokens")]
    output_tokens: Option<u64>,
    /// Anthropic counts these apart from `input_tokens`; OpenAI's counts of its cache are within.
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
}

impl Usage {
    fn input(&self) -> Option<u64> {
        let cached = self.cache_read_input_tokens.unwrap_or(0);
        let cached = cached.saturating_add(self.cache_creation_input_tokens.unwrap_or(0));
        self.input_tokens.map(|input| input.saturating_add(cached))
    }
}

/// Where an event or a whole answer may hold its usage.
#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    usage: Option<Usage>,
    /// Anthropic's `message_start`.
    #[serde(default)]
    message: Option<Inner>,
    /// The end of an answer of OpenAI Responses.
    #[serde(default)]
    response: Option<Inner>,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(default)]
    usage: Option<Usage>,
}

impl Tokens {
    /// Takes over what a JSON document (an event's data, an answer) says about usage. What comes
    /// later is more: providers count up.
    pub(crate) fn read(&mut self, document: &[u8]) {
        let Ok(envelope) = serde_json::from_slice::<Envelope>(document) else { return };
        let inner = envelope.message.or(envelope.response).and_then(|inner| inner.usage);
        if let Some(usage) = envelope.usage.or(inner) {
            self.input_tokens = usage.input().or(self.input_tokens);
            self.output_tokens = usage.output_tokens.or(self.output_tokens);
        }
    }

    /// Takes over what whole server-sent events say about usage. Events that say nothing about it
    /// cost one search.
    pub(crate) fn read_events(&mut self, events: &[u8]) {
        if memchr::memmem::find(events, b"\"usage\"").is_none() {
            return;
        }
        for line in events.split(|byte| matches!(byte, b'\n' | b'\r')) {
            if let Some(data) = line.strip_prefix(b"data:")
                && memchr::memmem::find(data, b"\"usage\"").is_some()
            {
                self.read(data);
            }
        }
    }

    /// What was used in all, as far as anybody knows: of output no less than so many chunks, because
    /// a provider's last word on it comes with the end, which a cancelled stream has not.
    pub(crate) fn used(self, chunks: u64) -> u64 {
        let output = self.output_tokens.unwrap_or(0).max(chunks);
        self.input_tokens.unwrap_or(0).saturating_add(output)
    }
}

/// Hands lines to a thread that writes them. Cloning shares the thread.
#[derive(Debug, Clone)]
pub(crate) struct UsageLog {
    lines: Option<SyncSender<Vec<u8>>>,
    lost: Counter,
}

/// The writing thread.
#[derive(Debug)]
pub(crate) struct Writer(Option<(SyncSender<Vec<u8>>, JoinHandle<()>)>);

impl UsageLog {
    /// Starts the writer, or logs nothing without a `sink`.
    pub(crate) fn start(
        sink: Option<Box<dyn Write + Send>>,
        lost: Counter,
    ) -> std::io::Result<(Self, Writer)> {
        let Some(sink) = sink else { return Ok((Self { lines: None, lost }, Writer(None))) };
        let (sender, receiver) = sync_channel(QUEUE);
        let failed = lost.clone();
        let thread = thread::Builder::new()
            .name("usage-log".to_owned())
            .spawn(move || write_all(&receiver, sink, &failed))?;
        Ok((Self { lines: Some(sender.clone()), lost }, Writer(Some((sender, thread)))))
    }

    /// Writes a line, or counts it as lost.
    pub(crate) fn write(&self, line: &UsageLine<'_>) {
        let Some(lines) = &self.lines else { return };
        let Ok(mut text) = serde_json::to_vec(line) else { return };
        text.push(b'\n');
        if lines.try_send(text).is_err() {
            self.lost.inc();
        }
    }
}

impl Writer {
    /// Waits until everything handed over so far is written, and ends the thread.
    pub(crate) fn finish(self) {
        let Some((lines, thread)) = self.0 else { return };
        if lines.send(END).is_err() || thread.join().is_err() {
            tracing::error!("the writer of the usage log panicked");
        }
    }
}

/// What ends the writer: no line is empty.
const END: Vec<u8> = Vec::new();

fn write_all(lines: &Receiver<Vec<u8>>, mut sink: Box<dyn Write + Send>, lost: &Counter) {
    while let Ok(mut batch) = lines.recv() {
        let mut ends = batch == END;
        let mut count = u64::from(!ends);
        // One write for all that is there, so that a line is never cut by a rotation.
        while !ends && let Ok(more) = lines.try_recv() {
            ends = more == END;
            count += u64::from(!ends);
            batch.extend_from_slice(&more);
        }
        if let Err(error) = sink.write_all(&batch).and_then(|()| sink.flush()) {
            lost.inc_by(count);
            tracing::error!(%error, "the usage log cannot be written");
        }
        if ends {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(events: &[&str]) -> (Option<u64>, Option<u64>) {
        let mut tokens = Tokens::default();
        for event in events {
            tokens.read_events(event.as_bytes());
        }
        (tokens.input_tokens, tokens.output_tokens)
    }

    #[test]
    fn every_dialects_usage_is_read_and_the_last_count_wins() {
        let chat = [
            "data: {\"choices\":[],\"usage\":null}\n\n",
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}}\n\ndata: [DONE]\n\n",
        ];
        assert_eq!(read(&chat), (Some(3), Some(5)));
        let anthropic = [
            "event: message_start\ndata: {\"message\":{\"usage\":{\"input_tokens\":7,\"output_tokens\":1}}}\n\n",
            "event: message_delta\ndata: {\"delta\":{},\"usage\":{\"output_tokens\":9}}\n\n",
        ];
        assert_eq!(read(&anthropic), (Some(7), Some(9)));
        assert_eq!(read(&anthropic[..1]), (Some(7), Some(1)), "a cancelled stream");
        let responses =
            ["data:{\"response\":{\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}}\r\n\r\n"];
        assert_eq!(read(&responses), (Some(1), Some(2)));
    }

    #[test]
    fn what_came_from_a_cache_was_input_as_well() {
        let start = "data: {\"message\":{\"usage\":{\"input_tokens\":7,\"cache_read_input_tokens\":90,\
                     \"cache_creation_input_tokens\":3,\"output_tokens\":1}}}\n\n";
        assert_eq!(read(&[start]), (Some(100), Some(1)));
    }

    #[test]
    fn a_cancelled_stream_has_used_its_prompt_and_what_was_passed_on() {
        let cancelled = Tokens { input_tokens: Some(13), output_tokens: Some(1) };
        assert_eq!(cancelled.used(14), 27);
        let ended = Tokens { output_tokens: Some(40), ..cancelled };
        assert_eq!(ended.used(14), 53);
        assert_eq!(Tokens::default().used(3), 3);
    }

    #[test]
    fn text_that_speaks_of_usage_is_no_usage() {
        assert_eq!(read(&["data: {\"delta\":\"the \\\"usage\\\" of\"}\n\n"]), (None, None));
        assert_eq!(read(&["data: \"usage\"\n\n"]), (None, None));
    }
}
