use proptest::prelude::*;

use super::*;

/// Fields as text, one a line.
fn fields(text: &str) -> Vec<(&str, &[u8])> {
    text.lines().map(|line| line.split_once(':').unwrap()).map(|(n, v)| (n, v.as_bytes())).collect()
}

fn answer(text: &str) -> Result<Framed, FramingError> {
    of_answer(200, 1, fields(text))
}

fn request(text: &str) -> Result<Framed, FramingError> {
    of_request(1, fields(text))
}

fn refused_both_ways(text: &str, expected: FramingError) {
    assert_eq!(answer(text).unwrap_err(), expected, "{text:?}");
    assert_eq!(request(text).unwrap_err(), expected, "{text:?}");
}

#[test]
fn an_answers_body_is_framed_as_the_specification_says() {
    let framing = |text| answer(text).unwrap().framing;
    assert!(matches!(framing("Transfer-Encoding: Chunked "), Framing::Chunked(_)));
    assert!(matches!(framing("content-length: 3\nContent-Length: 3"), Framing::Length(3)));
    assert!(matches!(framing("content-length: 0"), Framing::Done));
    assert!(matches!(framing("x: y"), Framing::UntilClose));
    for status in [204, 304] {
        let empty = of_answer(status, 1, fields("transfer-encoding: chunked"));
        assert!(empty.unwrap().framing.is_done(), "{status}");
    }
}

#[test]
fn a_request_without_a_length_has_no_body() {
    let framing = |text| request(text).unwrap().framing;
    assert!(matches!(framing("host: a"), Framing::Done));
    assert!(matches!(framing("content-length: 7"), Framing::Length(7)));
    assert!(matches!(framing("transfer-encoding: chunked"), Framing::Chunked(_)));
}

#[test]
fn connections_are_kept_unless_the_head_says_otherwise() {
    let check = |version, text: &str, expected| {
        let text = format!("content-length: 1\n{text}");
        let framed = of_answer(200, version, fields(&text)).unwrap();
        assert_eq!(framed.keeps_alive, expected, "{version} {text:?}");
        let framed = of_request(version, fields(&text)).unwrap();
        assert_eq!(framed.keeps_alive, expected, "{version} {text:?}");
    };
    check(1, "", true);
    check(1, "connection: x, Close", false);
    check(1, "Connection: x\nconnection: close", false);
    check(0, "", false);
    check(0, "connection: Keep-Alive", true);
    check(0, "connection: keep-alive, close", false);
    let until_close = answer("").unwrap();
    assert!(!until_close.keeps_alive, "its end is the connection's");
}

#[test]
fn what_is_broken_is_refused() {
    for text in [
        "content-length: 3\ncontent-length: 4",
        "content-length: 3\ncontent-length: x",
        "content-length: x\ncontent-length: 3",
        "content-length: 3\ncontent-length: 4\ncontent-length: 4",
        "content-length: +3",
        "content-length: 3, 3",
        "content-length: ",
        "content-length: 99999999999999999999999",
    ] {
        refused_both_ways(text, FramingError::Length);
    }
    for text in [
        "transfer-encoding: gzip, chunked",
        "transfer-encoding: chunked\ntransfer-encoding: x",
        "transfer-encoding: x\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\ntransfer-encoding: chunked",
        "transfer-encoding: ",
    ] {
        refused_both_ways(text, FramingError::Coding);
    }
}

#[test]
fn length_and_coding_together_refuse_a_request_and_end_an_answers_connection() {
    for text in [
        "content-length: 3\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\ncontent-length: 3",
        "transfer-encoding: chunked\ncontent-length: nonsense",
        "Content-Length: 3\nTRANSFER-ENCODING: gzip, chunked",
    ] {
        assert_eq!(request(text).unwrap_err(), FramingError::Both, "{text:?}");
        match answer(text) {
            Ok(Framed { framing: Framing::Chunked(_), keeps_alive: false }) => {}
            Err(FramingError::Coding) if text.contains("gzip") => {}
            other => panic!("{text:?}: {other:?}"),
        }
    }
}

fn take(framing: &mut Framing, mut input: &[u8]) -> (Vec<u8>, usize) {
    let mut data = Vec::new();
    while let Some(piece) = framing.next(&mut input).unwrap() {
        data.extend_from_slice(piece);
    }
    (data, input.len())
}

#[test]
fn a_body_is_read_to_its_end_and_no_further() {
    let check = |mut framing: Framing, input: &[u8], data: &[u8], rest: usize| {
        assert_eq!(take(&mut framing, input), (data.to_vec(), rest));
        assert!(framing.is_done());
        assert_eq!(take(&mut framing, b"more"), (Vec::new(), 4));
    };
    let chunked = || Framing::Chunked(Chunked::default());
    check(chunked(), b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\nHTTP", b"abc", 4);
    check(chunked(), b"0\r\n\r\n", b"", 0);
    check(Framing::Length(3), b"abcd", b"abc", 1);
    let mut open = Framing::UntilClose;
    assert_eq!(take(&mut open, b"abc"), (b"abc".to_vec(), 0));
    assert!(!open.is_done());
}

/// Fields that say something about a body, and some that do not.
fn any_field() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof!["content-length", "transfer-encoding", "connection", "x"];
    let value = prop_oneof!["0", "3", "4", "chunked", "gzip, chunked", "close", "keep-alive", "3x"];
    (name, value)
}

fn summary(framed: Result<Framed, FramingError>) -> Result<(String, bool), FramingError> {
    framed.map(|framed| (format!("{:?}", framed.framing), framed.keeps_alive))
}

proptest! {
    #[test]
    fn neither_order_nor_case_nor_other_fields_change_what_a_head_says(
        heads in prop::collection::vec(any_field(), 0..5).prop_flat_map(|fields| {
            (Just(fields.clone()), Just(fields).prop_shuffle())
        }),
        version in 0_u8..2,
        status in prop_oneof![Just(200_u16), Just(204)],
    ) {
        let (one, other) = heads;
        let upper: Vec<_> = other.iter().map(|(n, v)| (n.to_uppercase(), v.to_uppercase())).collect();
        let pairs = |fields: &[(String, String)]| -> Vec<(String, Vec<u8>)> {
            fields.iter().map(|(n, v)| (n.clone(), v.clone().into_bytes())).collect()
        };
        let (one, mut other) = (pairs(&one), pairs(&upper));
        other.push(("y".to_owned(), b"chunked, close, 5".to_vec()));
        fn refer(fields: &[(String, Vec<u8>)]) -> impl Iterator<Item = (&str, &[u8])> {
            fields.iter().map(|(n, v)| (n.as_str(), v.as_slice()))
        }
        prop_assert_eq!(
            summary(of_answer(status, version, refer(&one))),
            summary(of_answer(status, version, refer(&other)))
        );
        let asked = summary(of_request(version, refer(&one)));
        prop_assert_eq!(&asked, &summary(of_request(version, refer(&other))));
        // What is said in two ways is never believed.
        let says = |name| one.iter().any(|(found, _)| found == name);
        if says("content-length") && says("transfer-encoding") {
            prop_assert_eq!(asked, Err(FramingError::Both));
            if let Ok((_, keeps_alive)) = summary(of_answer(200, version, refer(&one))) {
                prop_assert!(!keeps_alive);
            }
        }
    }

    #[test]
    fn a_body_is_the_same_in_any_split(
        body in prop::collection::vec(any::<u8>(), 1..200),
        rest in prop::collection::vec(any::<u8>(), 0..20),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
        kind in 0..3,
    ) {
        let length = u64::try_from(body.len()).unwrap();
        let (mut framing, coded) = match kind {
            0 => (Framing::Length(length), body.clone()),
            1 => (Framing::UntilClose, body.clone()),
            _ => {
                let mut coded = format!("{length:x}\r\n").into_bytes();
                coded.extend_from_slice(&body);
                coded.extend_from_slice(b"\r\n0\r\n\r\n");
                (Framing::Chunked(Chunked::default()), coded)
            }
        };
        let rest = if kind == 1 { Vec::new() } else { rest };
        let input = [coded, rest.clone()].concat();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len())).collect();
        at.extend([0, input.len()]);
        at.sort_unstable();
        let (mut data, mut left) = (Vec::new(), 0);
        for pair in at.windows(2) {
            let (more, unread) = take(&mut framing, &input[pair[0]..pair[1]]);
            data.extend(more);
            left += unread;
        }
        prop_assert_eq!(data, body);
        prop_assert_eq!(left, rest.len());
        prop_assert_eq!(framing.is_done(), kind != 1);
    }
}
