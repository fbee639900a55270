use proptest::prelude::*;

use super::*;

/// What a sink saw.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    interim: u32,
    status: Option<u16>,
    server: Option<Vec<u8>>,
    data: Vec<u8>,
}

impl Sink for Seen {
    fn head_bytes(&mut self) {}

    fn interim(&mut self) {
        self.interim += 1;
    }

    fn head<F: Fields + ?Sized>(&mut self, status: u16, fields: &F) {
        assert_eq!(self.status.replace(status), None, "two final heads");
        self.server = fields.field("server").map(<[u8]>::to_vec);
    }

    fn data(&mut self, data: &[u8]) {
        assert!(!data.is_empty());
        self.data.extend_from_slice(data);
    }
}

fn read(pieces: &[&[u8]]) -> (Seen, Result<Answer, AnswerError>) {
    let mut seen = Seen::default();
    let mut answer = Answer::new();
    for piece in pieces {
        if let Err(error) = answer.push(piece, &mut seen) {
            return (seen, Err(error));
        }
    }
    (seen, Ok(answer))
}

/// Reads a whole answer, at once and byte by byte; body, end, and whether it is reusable.
fn check(text: &str, body: &str, end: BodyEnd, done: bool, reusable: bool) -> Seen {
    let single: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
    let (whole, answer) = read(&[text.as_bytes()]);
    let (split, split_answer) = read(&single);
    assert_eq!(whole, split, "{text:?}");
    for answer in [answer.unwrap(), split_answer.unwrap()] {
        assert_eq!((answer.end(), answer.is_done(), answer.is_reusable()), (end, done, reusable));
    }
    assert_eq!(String::from_utf8_lossy(&whole.data), body);
    whole
}

fn refuse(text: &[u8], expected: AnswerError) {
    assert_eq!(read(&[text]).1.unwrap_err(), expected, "{:?}", String::from_utf8_lossy(text));
}

#[test]
fn every_way_to_delimit_a_body_is_understood() {
    use BodyEnd::{Clean, Cut};
    check("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", "abc", Clean, true, true);
    check("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab", "ab", Cut, false, false);
    check("HTTP/1.1 200 OK\r\n\r\nabc", "abc", Clean, false, false);
    check(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "abc",
        Clean,
        true,
        true,
    );
    check(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "abc",
        Cut,
        false,
        false,
    );
    check("HTTP/1.1 204 No Content\r\n\r\n", "", Clean, true, true);
    check("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "", Clean, true, true);
    check("HTTP/1.1 200 OK\r\ncontent-le", "", Cut, false, false);
}

#[test]
fn a_coding_beside_a_length_counts_and_its_connection_is_not_used_again() {
    check(
        "HTTP/1.1 200 OK\r\ncontent-length: 99\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        "a",
        BodyEnd::Clean,
        true,
        false,
    );
}

#[test]
fn a_connection_is_reusable_only_if_the_server_says_so_and_nothing_follows() {
    let with = |head: &str, reusable: bool| {
        check(
            &format!("{head}\r\ncontent-length: 1\r\n\r\na"),
            "a",
            BodyEnd::Clean,
            true,
            reusable,
        );
    };
    with("HTTP/1.1 200 OK\r\nConnection: keep-alive, Close", false);
    with("HTTP/1.1 200 OK\r\nconnection: upgrade", true);
    with("HTTP/1.0 200 OK", false);
    with("HTTP/1.0 200 OK\r\nconnection: Keep-Alive", true);
    check("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab", "a", BodyEnd::Clean, true, false);
}

#[test]
fn interim_heads_are_passed_over_up_to_a_bound() {
    let interim = "HTTP/1.1 103 Early Hints\r\nserver: early\r\n\r\n";
    let last = "HTTP/1.1 200 OK\r\nserver: x\r\ncontent-length: 0\r\n\r\n";
    let most = interim.repeat(usize::from(MAX_INTERIM_HEADS));
    let seen = check(&(most.clone() + last), "", BodyEnd::Clean, true, true);
    assert_eq!((seen.interim, seen.server.as_deref()), (16, Some(&b"x"[..])));
    refuse((most + interim + last).as_bytes(), AnswerError::HeadTooLong);
    refuse(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", AnswerError::Upgrade);
}

#[test]
fn what_is_no_http_is_refused_at_once() {
    refuse(b"SSH-2.0-OpenSSH_9.2\r\n", AnswerError::NotHttp);
    refuse(b"data: hello\n\n", AnswerError::NotHttp);
    refuse(b"HTTP/2 200\r\n\r\n", AnswerError::NotHttp);
    refuse(b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n", AnswerError::NotHttp);
    let broken = b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n";
    refuse(broken, AnswerError::Framing(FramingError::Length));
    let coded = b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n";
    refuse(coded, AnswerError::Framing(FramingError::Coding));
}

#[test]
fn a_head_is_bounded_in_bytes_and_fields() {
    let padded = |length: usize| {
        let open = "HTTP/1.1 204 No Content\r\nx: ";
        let filler = "y".repeat(length - open.len() - 4);
        format!("{open}{filler}\r\n\r\n").into_bytes()
    };
    for size in [usize::MAX, 1000] {
        let read_in = |bytes: &[u8]| {
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            read(&pieces).1.map(|answer| answer.is_done())
        };
        assert_eq!(read_in(&padded(MAX_HEAD_BYTES)), Ok(true));
        let endless = [b"HTTP/1.1 200 OK\r\nx: ".as_slice(), &vec![b'y'; MAX_HEAD_BYTES]].concat();
        assert_eq!(read_in(&endless), Err(AnswerError::HeadTooLong));
    }
    let fields = |count: usize| format!("HTTP/1.1 204 N\r\n{}\r\n", "a: b\r\n".repeat(count));
    assert!(read(&[fields(MAX_FIELDS).as_bytes()]).1.is_ok());
    refuse(fields(MAX_FIELDS + 1).as_bytes(), AnswerError::HeadTooLong);
}

#[test]
fn a_head_that_is_completed_together_with_a_large_body_is_no_long_head() {
    let body = vec![b'x'; MAX_HEAD_BYTES];
    let rest = [b"OK\r\n\r\n".as_slice(), &body].concat();
    let (seen, answer) = read(&[b"HTTP/1.1 200 ", &rest]);
    assert!(answer.is_ok());
    assert_eq!(seen.data, body);
}

proptest! {
    #[test]
    fn any_bytes_in_any_split_are_read_alike_and_without_panic(
        start in prop::sample::select(vec![
            "", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", "HTTP/1.0 429 Too\r\nServer: x\r\nA: b\r\n\r\n",
        ]),
        rest in prop::collection::vec(prop_oneof![
            Just(b'\r'), Just(b'\n'), Just(b'0'), Just(b'3'), any::<u8>()], 0..60),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let bytes = [start.as_bytes(), &rest].concat();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let (seen, answer) = read(&pieces);
        let (whole, whole_answer) = read(&[&bytes]);
        match (answer, whole_answer) {
            (Ok(answer), Ok(whole_answer)) => {
                prop_assert_eq!(seen, whole);
                prop_assert_eq!(answer.end(), whole_answer.end());
                prop_assert_eq!(answer.is_done(), whole_answer.is_done());
            }
            // A broken head that comes in pieces may not have been looked at yet: it waits for
            // its end. Broken bodies are noticed at the same byte.
            (answer, whole_answer) => {
                let in_head = seen.status.is_none();
                prop_assert!(in_head || answer.is_err() && whole_answer.is_err());
                prop_assert!(whole.data.starts_with(&seen.data));
            }
        }
    }
}
