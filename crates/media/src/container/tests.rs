//! Real files of each format, in pieces of any size and with any end cut off.

use image::{DynamicImage, ImageFormat};
use proptest::prelude::*;

use super::*;

/// A real file: `ftyp`, `free`, `mdat`, `moov`.
const SOUND: &[u8] = include_bytes!("../transform/audio/tests/tone.m4a");

fn picture(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    let picture = image::RgbImage::from_fn(33, 17, |x, y| {
        image::Rgb([x, y, x * y].map(|it| u8::try_from(it % 256).unwrap()))
    });
    DynamicImage::from(picture).write_to(&mut std::io::Cursor::new(&mut bytes), format).unwrap();
    bytes
}

/// A real file of each format.
fn files() -> [(Container, Vec<u8>); 3] {
    [
        (Container::Mp4, SOUND.to_vec()),
        (Container::Webp, picture(ImageFormat::WebP)),
        (Container::Jpeg, picture(ImageFormat::Jpeg)),
    ]
}

fn walk<'a>(
    container: Container,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(), NotWhole> {
    let mut walker = Walker::new(container);
    for piece in pieces {
        walker.feed(piece)?;
    }
    walker.end()
}

/// What a file is found to be, whole and byte by byte.
fn check(container: Container, bytes: &[u8], expected: Result<(), &str>) {
    let expected = expected.map_err(str::to_owned);
    let told = |it: Result<(), NotWhole>| it.map_err(|error| error.to_string());
    assert_eq!(told(walk(container, [bytes])), expected, "{container}");
    assert_eq!(told(walk(container, bytes.chunks(1))), expected, "{container}, byte by byte");
}

/// A box with a length of 32 bits.
fn boxed(kind: &str, body: usize) -> Vec<u8> {
    let size = u32::try_from(body + 8).unwrap();
    [&size.to_be_bytes(), kind.as_bytes(), &vec![7; body]].concat()
}

/// The head of a box whose length has 64 bits.
fn long(kind: &str, size: u64) -> Vec<u8> {
    [&[0, 0, 0, 1], kind.as_bytes(), &size.to_be_bytes()].concat()
}

#[test]
fn real_files_are_whole() {
    for (container, bytes) in files() {
        check(container, &bytes, Ok(()));
    }
}

#[test]
fn any_end_that_is_cut_off_a_real_file_is_missed() {
    for (container, bytes) in files() {
        for end in 0..bytes.len() {
            assert!(walk(container, [&bytes[..end]]).is_err(), "{container}, {end} bytes");
        }
    }
}

#[test]
fn a_file_of_one_format_is_none_of_another() {
    for (container, bytes) in files() {
        for (other, _) in files().iter().filter(|(other, _)| *other != container) {
            let reason = format!("it does not begin as {other} does");
            check(*other, &bytes, Err(&reason));
        }
    }
    let message = br#"{"error": {"message": "no such video"}}"#;
    check(Container::Mp4, message, Err("it does not begin as MP4 does"));
}

#[test]
fn every_box_ends_within_the_file() {
    let film = [boxed("ftyp", 16), boxed("moov", 90), boxed("mdat", 1000)].concat();
    check(Container::Mp4, &film, Ok(()));
    let but = |lost: usize| &film[..film.len() - lost];
    check(Container::Mp4, but(1), Err("box 'mdat' says 1008 bytes, 1007 came"));
    check(Container::Mp4, but(1000), Err("box 'mdat' says 1008 bytes, 8 came"));
    check(Container::Mp4, but(1001), Err("it ends within the head of a box"));
    check(Container::Mp4, but(1008), Err("there is no box 'mdat'"));
    check(Container::Mp4, but(1009), Err("box 'moov' says 98 bytes, 97 came"));
    let reversed = [boxed("ftyp", 16), boxed("mdat", 1000)].concat();
    check(Container::Mp4, &reversed, Err("there is no box 'moov'"));
}

#[test]
fn boxes_have_lengths_of_64_bits_or_reach_to_the_end() {
    let begin = [boxed("ftyp", 0), boxed("moov", 0)].concat();
    let huge = [begin.clone(), long("mdat", u64::MAX)].concat();
    let reason = format!("box 'mdat' says {} bytes, 16 came", u64::MAX);
    check(Container::Mp4, &huge, Err(&reason));
    let fits = [begin.clone(), long("mdat", 18), vec![7, 7]].concat();
    check(Container::Mp4, &fits, Ok(()));
    let open = [begin, b"\0\0\0\0mdat".to_vec(), vec![7; 30]].concat();
    check(Container::Mp4, &open, Ok(()));
}

#[test]
fn a_box_smaller_than_its_head_leads_nowhere() {
    let tiny = [boxed("ftyp", 0), vec![0, 0, 0, 7], b"m\noV".to_vec()].concat();
    check(Container::Mp4, &tiny, Err(r"box 'm\noV' says 7 bytes, fewer than its head has"));
    let tiny = [boxed("ftyp", 0), long("mdat", 15)].concat();
    check(Container::Mp4, &tiny, Err("box 'mdat' says 15 bytes, fewer than its head has"));
}

#[test]
fn a_webp_may_be_longer_than_it_says_by_the_byte_that_makes_it_even_and_no_more() {
    let file = |said: u32, body: usize| {
        [&b"RIFF"[..], &said.to_le_bytes(), b"WEBP", &vec![7; body]].concat()
    };
    check(Container::Webp, &file(4, 0), Ok(()));
    check(Container::Webp, &file(9, 5), Ok(()));
    check(Container::Webp, &file(9, 6), Ok(()));
    check(Container::Webp, &file(9, 7), Err("its head says 17 bytes, 19 came"));
    check(Container::Webp, &file(10, 7), Err("its head says 18 bytes, 19 came"));
}

#[test]
fn zeros_may_follow_a_jpeg_and_nothing_else() {
    let whole = picture(ImageFormat::Jpeg);
    check(Container::Jpeg, &[&whole[..], &[0; 100]].concat(), Ok(()));
    check(Container::Jpeg, &[&whole[..], &[0, 1]].concat(), Err("its end marker is missing"));
    // The two bytes of the marker with zeros between them are none.
    let cut = &whole[..whole.len() - 1];
    check(Container::Jpeg, &[cut, &[0, 0xD9]].concat(), Err("its end marker is missing"));
}

proptest! {
    #[test]
    fn every_cutting_into_pieces_gives_the_same_result(
        which in 0..3_usize,
        end in any::<prop::sample::Index>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        changed in prop::option::of((0..64_usize, any::<u8>())),
    ) {
        let (container, mut bytes) = files()[which].clone();
        bytes.truncate(end.index(bytes.len() + 1));
        // Nonsense at the beginning is walked as surely as a real file.
        if let Some((at, byte)) = changed && let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
        prop_assert_eq!(walk(container, pieces), walk(container, [&bytes[..]]));
    }
}
