use std::task::{Context, Waker};

use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::*;
use crate::client::exchange::{Scratch, exchange};
use crate::client::judge::{Heads, Judge};

/// A connection that takes everything and gives the pieces one read after the other.
struct Script {
    pieces: std::vec::IntoIter<Vec<u8>>,
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        if let Some(piece) = self.pieces.find(|piece| !piece.is_empty()) {
            buffer.put_slice(&piece);
        }
        std::task::Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::task::Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}

/// Plays the pieces to a whole exchange; it must end in its first poll.
fn play(dialect: Dialect, pieces: Vec<Vec<u8>>) -> StreamReport {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    let seen = Seen::default();
    let heads = Heads::default();
    let terms = Terms {
        dialect,
        deadlines: PATIENT,
        minimum: NO_MINIMUM,
        observer: &seen,
        heads: &heads,
        wording: Wording::General,
    };
    let mut judge = Judge::new(&terms, Instant::now());
    judge.connected(None);
    let scratch = RefCell::<Scratch>::default();
    let ended = {
        let mut script = Script { pieces: pieces.into_iter() };
        let sleep = std::pin::pin!(tokio::time::sleep_until(judge.deadline()));
        let exchange = std::pin::pin!(exchange(&mut script, b"GET", &mut judge, &scratch, sleep));
        match exchange.poll(&mut Context::from_waker(Waker::noop())) {
            std::task::Poll::Ready(ended) => ended,
            std::task::Poll::Pending => panic!("an exchange waits although its connection ended"),
        }
    };
    judge.report(&ended.ending, ended.at, &mut scratch.borrow_mut().grammar)
}

fn split(bytes: &[u8], cuts: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect()
}

proptest! {
    #[test]
    fn any_bytes_of_any_server_end_in_a_report(
        dialect in prop::sample::select(Dialect::ALL.to_vec()),
        pieces in prop::collection::vec(prop_oneof![
            3 => Just(HEAD.as_bytes().to_vec()),
            1 => Just(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
            1 => Just(b"HTTP/1.1 429 No\r\ncontent-type: application/json\r\n\r\n{\"error\":".to_vec()),
            3 => Just(coded(&content("a")).into_bytes()),
            1 => Just(coded(STOP).into_bytes()),
            1 => Just(coded(DONE).into_bytes()),
            1 => Just(END.as_bytes().to_vec()),
            2 => prop::collection::vec(any::<u8>(), 0..30),
        ], 0..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let report = play(dialect, split(&pieces.concat(), &cuts));
        prop_assert!(report.outcome == Outcome::Ok || !report.detail.is_empty());
        prop_assert!(report.detail.chars().count() <= 260);
    }

    #[test]
    fn a_whole_answer_is_ok_in_any_split_and_never_when_a_part_is_missing(
        texts in prop::collection::vec(".{1,20}", 1..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        lost in any::<prop::sample::Index>(),
    ) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let answer = whole(&texts);
        let report = play(Dialect::OpenaiChat, split(answer.as_bytes(), &cuts));
        prop_assert_eq!(report.outcome, Outcome::Ok, "{}", report.detail);
        prop_assert_eq!(report.chunks, u64::try_from(texts.len()).unwrap());

        let without_end = answer.len() - DONE.len() - 2 - 5 - END.len();
        let cut = &answer.as_bytes()[..lost.index(without_end)];
        let report = play(Dialect::OpenaiChat, vec![cut.to_vec()]);
        prop_assert!(
            matches!(report.outcome, Outcome::Truncated | Outcome::ConnectError), "{:?}", report
        );
    }
}
