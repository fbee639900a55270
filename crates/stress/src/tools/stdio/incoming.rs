//! What a server writes to stdout, line by line, and whom it is for.

use std::rc::Rc;

use memchr::memchr;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Waiting;
use crate::client::{Detail, generalise};
use crate::tools::message::{self, MAX_MESSAGE_BYTES, Message};
use crate::tools::transport::Failure;

/// How much one read takes from the pipe: what a pipe holds on Linux.
const READ_BYTES: usize = 64 * 1024;

/// Reads messages until stdout ends, and gives each to the call that waits for it. Returns why
/// no more can come.
pub(super) async fn read(
    mut stdout: impl AsyncRead + Unpin,
    waiting: Rc<Waiting>,
    outgoing: mpsc::WeakSender<String>,
) -> Detail {
    let mut lines = Lines::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = match stdout.read(&mut buffer).await {
            Ok(0) => return "the process closed its stdout".into(),
            Ok(read) => &buffer[..read],
            Err(error) => return format!("reading its stdout failed: {}", error.kind()).into(),
        };
        let at = Instant::now();
        let taken = lines.push(read, |line| {
            if let Some(answer) = take(line, &waiting, at)
                && let Some(outgoing) = outgoing.upgrade()
                && outgoing.try_send(answer).is_err()
            {
                tracing::debug!("a server that does not read was not answered");
            }
        });
        if taken.is_err() {
            return "the process wrote a line longer than 16 MiB".into();
        }
    }
}

/// Gives one line to whom it is for; the answer, where the server asked for one.
fn take(line: &[u8], waiting: &Waiting, at: Instant) -> Option<String> {
    match message::read(line) {
        Ok(Message::Result { id, result }) => {
            waiting.settle(id, Ok(result.to_owned()), line.len(), at);
        }
        Ok(Message::Error { id: Some(id), error }) => {
            waiting.settle(id, Err(Failure::Rpc(error)), line.len(), at);
        }
        Ok(Message::Error { id: None, error }) => {
            tracing::warn!(%error, "the server could not read a request");
        }
        Ok(Message::Notification { method, params }) => {
            if method == "notifications/progress"
                && let Some(token) = params.and_then(progress_token)
            {
                waiting.count_progress(token, at);
            }
        }
        Ok(Message::Request { method, id }) if method == "ping" => {
            return Some(message::pong(id));
        }
        Ok(Message::Request { method, .. }) => {
            tracing::warn!(
                method = generalise(&method),
                "the server asks for what was not offered"
            );
        }
        // Servers that log to stdout are many; a call whose answer is lost this way times out.
        Err(error) => tracing::warn!(%error, "the server wrote a line that is no message"),
    }
    None
}

fn progress_token(params: &RawValue) -> Option<u64> {
    #[derive(Deserialize)]
    struct Progress {
        #[serde(rename = "progressToken")]
        token: u64,
    }
    serde_json::from_str::<Progress>(params.get()).ok().map(|progress| progress.token)
}

/// A line has no end within [`MAX_MESSAGE_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct LineTooLong;

/// Bytes cut into lines. Only a line whose end has not come is kept.
#[derive(Debug, Default)]
struct Lines {
    carry: Vec<u8>,
}

impl Lines {
    /// Hands out every line that `input` completes, without its end; empty lines are left out.
    fn push(&mut self, mut input: &[u8], mut sink: impl FnMut(&[u8])) -> Result<(), LineTooLong> {
        while let Some(end) = memchr(b'\n', input) {
            let (line, rest) = (&input[..end], &input[end + 1..]);
            input = rest;
            if self.carry.is_empty() {
                emit(line, &mut sink);
            } else {
                self.keep(line)?;
                emit(&std::mem::take(&mut self.carry), &mut sink);
            }
        }
        self.keep(input)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), LineTooLong> {
        if self.carry.len() + bytes.len() > MAX_MESSAGE_BYTES {
            return Err(LineTooLong);
        }
        self.carry.extend_from_slice(bytes);
        Ok(())
    }
}

fn emit(line: &[u8], sink: &mut impl FnMut(&[u8])) {
    let line = line.trim_ascii();
    if !line.is_empty() {
        sink(line);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut lines, mut all) = (Lines::default(), Vec::new());
        for piece in pieces {
            lines.push(piece, |line| all.push(line.to_vec())).unwrap();
        }
        all
    }

    #[test]
    fn a_line_may_be_as_long_as_a_message_and_no_longer() {
        let mut exact = Lines::default();
        let mut count = 0;
        assert_eq!(exact.push(&vec![b'x'; MAX_MESSAGE_BYTES], |_| count += 1), Ok(()));
        assert_eq!(exact.push(b"\n", |_| count += 1), Ok(()));
        assert_eq!(count, 1);
        let mut longer = Lines::default();
        assert_eq!(longer.push(&vec![b'x'; MAX_MESSAGE_BYTES + 1], |_| ()), Err(LineTooLong));
    }

    #[test]
    fn line_ends_of_windows_and_empty_lines_do_not_matter() {
        assert_eq!(lines(&[b"a\r\n\n  \nb", b"c\n"]), [b"a".to_vec(), b"bc".to_vec()]);
    }

    proptest! {
        #[test]
        fn any_split_of_the_bytes_gives_the_same_lines(
            bytes in prop::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..60),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(lines(&pieces), lines(&[&bytes]));
        }
    }
}
