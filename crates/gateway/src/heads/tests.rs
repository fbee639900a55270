use proptest::prelude::*;

use super::*;

const LIMIT: usize = 1000;

const CLEAR: &str = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";

const BOTH: &str =
    "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n";

/// The number of the first unclear request, of ten at most, and why it is.
fn unclear(pieces: &[&[u8]]) -> Option<(u64, FramingError)> {
    let mut heads = Heads::new(LIMIT);
    for piece in pieces {
        heads.push(piece);
        assert!(heads.carry.len() < LIMIT);
    }
    (0..10).find_map(|number| Some((number, heads.unclear(number)?)))
}

#[test]
fn a_length_beside_a_coding_is_seen_wherever_it_comes() {
    let both = Some(FramingError::Both);
    let check = |before: &str, number: u64| {
        let found = unclear(&[format!("{before}{BOTH}").as_bytes()]);
        assert_eq!(found, both.map(|both| (number, both)), "after {before:?}");
    };
    check("", 0);
    check("\r\n", 0);
    check(CLEAR, 1);
    check(&CLEAR.repeat(5), 5);
    check("POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc", 1);
    check("POST / HTTP/1.1\ntransfer-encoding: chunked\n\n3\r\nabc\r\n0\r\nx: y\r\n\r\n", 1);
    let coded = "POST / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n";
    assert_eq!(unclear(&[coded.as_bytes()]), Some((0, FramingError::Coding)));
}

#[test]
fn what_lies_in_a_body_is_no_head() {
    let length = BOTH.len();
    let sized = format!("POST / HTTP/1.1\r\ncontent-length: {length}\r\n\r\n{BOTH}");
    let coded = format!(
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n{length:x}\r\n{BOTH}\r\n0\r\n\r\n"
    );
    assert_eq!(unclear(&[sized.as_bytes(), coded.as_bytes(), CLEAR.as_bytes()]), None);
}

#[test]
fn a_head_is_followed_up_to_the_limit() {
    // Behind the head come five bytes of body.
    let long = |length: usize| BOTH.replace("POST", &"P".repeat(length + 4 + 5 - BOTH.len()));
    let found = |text: &str, size| unclear(&text.as_bytes().chunks(size).collect::<Vec<_>>());
    let both = Some((0, FramingError::Both));
    assert_eq!(found(&long(LIMIT), 1), both);
    assert_eq!(found(&long(LIMIT + 1), 1), None);
    // Hyper takes a longer one, too, when it comes at once.
    assert_eq!(found(&long(LIMIT + 1), 2 * LIMIT), both);
}

#[test]
fn what_is_not_http_1_is_not_followed() {
    for other in ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\u{16}\u{3}\u{1}", "hello\r\n\r\n"] {
        let mut heads = Heads::new(LIMIT);
        heads.push(other.as_bytes());
        heads.push(BOTH.as_bytes());
        assert!(heads.unclear(0).is_none() && heads.carry.is_empty(), "{other:?}");
    }
    let broken = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nx\r\n";
    assert_eq!(unclear(&[broken.as_bytes(), BOTH.as_bytes()]), None);
}

proptest! {
    #[test]
    fn in_any_split_the_same_request_is_unclear(
        bodies in prop::collection::vec((any::<bool>(), 0..40_usize), 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut sent = String::new();
        for (coded, length) in &bodies {
            let body = "x".repeat(*length);
            sent += &match coded {
                false => format!("POST / HTTP/1.1\r\ncontent-length: {length}\r\n\r\n{body}"),
                true if *length == 0 => CLEAR.to_owned(),
                true => format!(
                    "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n\
                     {length:x}\r\n{body}\r\n0\r\n\r\n"
                ),
            };
        }
        sent += BOTH;
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(sent.len())).collect();
        at.extend([0, sent.len()]);
        at.sort_unstable();
        let pieces: Vec<&[u8]> =
            at.windows(2).map(|pair| &sent.as_bytes()[pair[0]..pair[1]]).collect();
        let number = u64::try_from(bodies.len()).unwrap();
        prop_assert_eq!(unclear(&pieces), Some((number, FramingError::Both)));
    }
}
