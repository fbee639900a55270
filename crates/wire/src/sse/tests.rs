use proptest::prelude::*;

use super::*;

type Owned = (Option<String>, String, Option<String>, Option<u64>);

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn parse(pieces: &[&[u8]]) -> (Vec<Owned>, bool) {
    let mut parser = Parser::default();
    let mut events = Vec::new();
    for piece in pieces {
        parser
            .push(piece, |event| {
                events.push((
                    event.name.map(text),
                    text(event.data),
                    event.id.map(text),
                    event.retry,
                ));
            })
            .unwrap();
    }
    (events, parser.is_inside_event())
}

fn check(stream: &str, expected: &[(&str, &str)]) {
    let (events, _) = parse(&[stream.as_bytes()]);
    let found: Vec<(&str, &str)> = events
        .iter()
        .map(|(name, data, ..)| (name.as_deref().unwrap_or(""), data.as_str()))
        .collect();
    assert_eq!(found, expected, "{stream:?}");
    // Byte by byte, and every split in two, must give the same.
    let single: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
    assert_eq!(parse(&single).0, events, "{stream:?} byte by byte");
    for cut in 0..=stream.len() {
        let (left, right) = stream.as_bytes().split_at(cut);
        assert_eq!(parse(&[left, right]).0, events, "{stream:?} cut at {cut}");
    }
}

#[test]
fn events_end_at_an_empty_line() {
    check("data: a\n\ndata: b\n\n", &[("", "a"), ("", "b")]);
    check("data: a\n\ndata: b\n", &[("", "a")]);
}

#[test]
fn all_three_line_ends_work_and_mix() {
    check("data: a\r\n\r\ndata: b\r\rdata: c\n\n", &[("", "a"), ("", "b"), ("", "c")]);
    check("data: a\r\n\ndata: b\n\r\n", &[("", "a"), ("", "b")]);
    check("data: a\r\ndata: b\r\n\r\n\r\n\r\ndata: c\r\n\r\n", &[("", "a\nb"), ("", "c")]);
}

#[test]
fn several_data_lines_are_joined() {
    check("data: a\ndata:\ndata:  b\n\n", &[("", "a\n\n b")]);
    check("data\ndata\n\n", &[("", "\n")]);
}

#[test]
fn an_event_without_data_is_not_dispatched() {
    check("event: ping\n\n: comment\n\nid: 7\n\n", &[]);
    check("data\n\n", &[("", "")]);
}

#[test]
fn the_event_name_belongs_to_one_event() {
    check(
        "event: x\ndata: a\n\ndata: b\n\nevent:\ndata: c\n\n",
        &[("x", "a"), ("", "b"), ("", "c")],
    );
}

#[test]
fn a_byte_order_mark_is_skipped_once() {
    check("\u{feff}data: a\n\n\u{feff}data: b\n\n", &[("", "a")]);
    check("\u{feff}\u{feff}data: a\n\ndata: b\n\n", &[("", "b")]);
    check("\n\u{feff}data: a\n\n", &[]);
}

#[test]
fn half_a_byte_order_mark_is_a_part_of_the_first_line() {
    let (events, _) = parse(&[b"\xEF", b"\xBBdata: a\n\ndata: b\n\n"]);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].1, "b");
}

#[test]
fn comments_unknown_fields_and_ids_follow_the_standard() {
    let (events, _) = parse(&[b":x\nfoo: bar\nid: 1\nid: a\0b\nretry: 250\nretry: 1s\ndata:x\n\n"]);
    assert_eq!(events, [(None, "x".into(), Some("1".into()), Some(250))]);
}

#[test]
fn a_stream_that_stops_inside_an_event_says_so() {
    assert!(!parse(&[b"data: a\n\n"]).1);
    assert!(!parse(&[b"data: a\r\n\r", b"\n"]).1);
    assert!(parse(&[b"data: a\n"]).1);
    assert!(parse(&[b"data: a\n\nda"]).1);
}

#[test]
fn an_event_in_one_slice_is_borrowed_and_a_carry_is_given_back() {
    let stream = b"event: e\ndata: hello\n\ndata: wor";
    let mut parser = Parser::default();
    parser
        .push(stream, |event| {
            assert_eq!(event.data.as_ptr(), stream[15..].as_ptr());
        })
        .unwrap();
    assert!(parser.held_bytes() > 0);
    let mut count = 0;
    parser
        .push(b"ld\n\n", |event| {
            assert_eq!(event.data, b"world");
            count += 1;
        })
        .unwrap();
    assert_eq!((count, parser.held_bytes()), (1, 0));
}

#[test]
fn an_event_may_be_as_long_as_the_limit_and_no_longer() {
    let event = |length: usize| {
        let mut event = b"data: ".to_vec();
        event.resize(length - 2, b'x');
        event.extend_from_slice(b"\n\n");
        event
    };
    for size in [usize::MAX, 1 << 16, 7919] {
        let push = |bytes: &[u8]| {
            let mut parser = Parser::default();
            let mut count = 0;
            for piece in bytes.chunks(size) {
                parser.push(piece, |_| count += 1)?;
            }
            Ok(count)
        };
        assert_eq!(push(&event(MAX_EVENT_BYTES)), Ok(1));
        assert_eq!(push(&event(MAX_EVENT_BYTES + 1)), Err(SseError::EventTooLong(MAX_EVENT_BYTES)));
    }
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(
        lines in prop::collection::vec(
            prop_oneof![
                Just(String::new()), Just("data: x".into()), Just("data".into()),
                "(data|event|id|retry|:)?:? ?[a-zü0-9:{}\"\u{feff}]{0,12}",
            ], 0..30),
        ends in prop::collection::vec(prop::sample::select(vec!["\n", "\r\n", "\r"]), 30),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let stream: String = lines.iter().zip(ends).map(|(line, end)| format!("{line}{end}")).collect();
        let bytes = stream.as_bytes();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(parse(&pieces), parse(&[bytes]));
    }

    #[test]
    fn any_bytes_in_any_split_do_not_panic_and_agree(
        pieces in prop::collection::vec(
            prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..40), 0..8),
    ) {
        let whole: Vec<u8> = pieces.concat();
        let slices: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(parse(&slices), parse(&[&whole]));
    }
}
