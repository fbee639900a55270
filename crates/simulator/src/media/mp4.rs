//! Puts pictures into an MP4 file. Source: ISO/IEC 14496-12 (boxes) and 14496-15 (`avcC`).

use super::h264::{PROFILE, Size};

/// Units of time in a second, a multiple of all usual frame rates.
const TIMESCALE: u32 = 600;

/// Pictures in a second.
pub(crate) const RATE: u32 = 24;

/// The pictures of a file.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) size: Size,
    pub(crate) sequence_parameters: Vec<u8>,
    pub(crate) picture_parameters: Vec<u8>,
    /// NAL units, one for each picture, with whether others may follow from it alone.
    pub(crate) pictures: Vec<(Vec<u8>, bool)>,
    /// Stands in the file as its title.
    pub(crate) title: String,
}

/// The box with which every file begins.
pub(crate) fn file_type() -> Vec<u8> {
    let mut out = Vec::new();
    boxed(&mut out, *b"ftyp", |out| {
        out.extend_from_slice(b"isom");
        number(out, 0x200);
        out.extend_from_slice(b"isomiso2avc1mp41");
    });
    out
}

/// The header of a box with `length` bytes to skip.
pub(crate) fn free_header(length: u32) -> [u8; 8] {
    let mut header = *b"\0\0\0\0free";
    header[..4].copy_from_slice(&(length + 8).to_be_bytes());
    header
}

/// Description and pictures of a film, for the place `offset` in a file.
pub(crate) fn film(track: &Track, offset: u32) -> Vec<u8> {
    // Where the pictures begin depends on the description's length, which does not depend on it.
    let description = movie(track, 0);
    let length = u32::try_from(description.len()).unwrap_or(u32::MAX);
    let mut out = movie(track, offset + length + 8);
    boxed(&mut out, *b"mdat", |out| {
        for (picture, _) in &track.pictures {
            number(out, length_of(picture));
            out.extend_from_slice(picture);
        }
    });
    out
}

fn movie(track: &Track, pictures_at: u32) -> Vec<u8> {
    let count = u32::try_from(track.pictures.len()).unwrap_or(u32::MAX);
    let duration = count * (TIMESCALE / RATE);
    let mut out = Vec::new();
    boxed(&mut out, *b"moov", |out| {
        full(out, *b"mvhd", 0, |out| {
            numbers(out, &[0, 0, TIMESCALE, duration, 0x1_0000]);
            out.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            matrix(out);
            numbers(out, &[0, 0, 0, 0, 0, 0, 2]);
        });
        boxed(out, *b"trak", |out| {
            full(out, *b"tkhd", 3, |out| {
                numbers(out, &[0, 0, 1, 0, duration, 0, 0, 0, 0]);
                matrix(out);
                numbers(out, &[track.size.width << 16, track.size.height << 16]);
            });
            boxed(out, *b"mdia", |out| media(out, track, duration, pictures_at));
        });
        boxed(out, *b"udta", |out| {
            boxed(out, [0xA9, b'n', b'a', b'm'], |out| {
                let title = track.title.as_bytes();
                let length = u16::try_from(title.len()).unwrap_or(u16::MAX);
                out.extend_from_slice(&length.to_be_bytes());
                // "und", packed as three letters of five bits.
                out.extend_from_slice(&[0x55, 0xC4]);
                out.extend_from_slice(&title[..usize::from(length)]);
            });
        });
    });
    out
}

fn media(out: &mut Vec<u8>, track: &Track, duration: u32, pictures_at: u32) {
    full(out, *b"mdhd", 0, |out| {
        numbers(out, &[0, 0, TIMESCALE, duration]);
        out.extend_from_slice(&[0x55, 0xC4, 0, 0]);
    });
    full(out, *b"hdlr", 0, |out| {
        number(out, 0);
        out.extend_from_slice(b"vide\0\0\0\0\0\0\0\0\0\0\0\0weir\0");
    });
    boxed(out, *b"minf", |out| {
        full(out, *b"vmhd", 1, |out| out.extend_from_slice(&[0; 8]));
        boxed(out, *b"dinf", |out| {
            full(out, *b"dref", 0, |out| {
                number(out, 1);
                full(out, *b"url ", 1, |_| {});
            });
        });
        boxed(out, *b"stbl", |out| samples(out, track, pictures_at));
    });
}

fn samples(out: &mut Vec<u8>, track: &Track, pictures_at: u32) {
    let count = u32::try_from(track.pictures.len()).unwrap_or(u32::MAX);
    full(out, *b"stsd", 0, |out| {
        number(out, 1);
        boxed(out, *b"avc1", |out| picture_format(out, track));
    });
    full(out, *b"stts", 0, |out| numbers(out, &[1, count, TIMESCALE / RATE]));
    full(out, *b"stss", 0, |out| {
        let keys: Vec<u32> = (1..)
            .zip(&track.pictures)
            .filter(|(_, (_, is_key))| *is_key)
            .map(|(number, _)| number)
            .collect();
        number(out, u32::try_from(keys.len()).unwrap_or(u32::MAX));
        numbers(out, &keys);
    });
    full(out, *b"stsc", 0, |out| numbers(out, &[1, 1, count, 1]));
    full(out, *b"stsz", 0, |out| {
        numbers(out, &[0, count]);
        track.pictures.iter().for_each(|(picture, _)| number(out, length_of(picture) + 4));
    });
    full(out, *b"stco", 0, |out| numbers(out, &[1, pictures_at]));
}

fn picture_format(out: &mut Vec<u8>, track: &Track) {
    out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]);
    out.extend_from_slice(&[0; 16]);
    for side in [track.size.width, track.size.height] {
        out.extend_from_slice(&u16::try_from(side).unwrap_or(u16::MAX).to_be_bytes());
    }
    numbers(out, &[0x48_0000, 0x48_0000, 0]);
    out.extend_from_slice(&[0, 1]);
    out.extend_from_slice(&[0; 32]);
    out.extend_from_slice(&[0, 24, 0xFF, 0xFF]);
    boxed(out, *b"avcC", |out| {
        out.push(1);
        out.extend_from_slice(&PROFILE);
        // Lengths of four bytes; one set of each kind.
        out.extend_from_slice(&[0xFF, 0xE1]);
        for (before, set) in
            [(None, &track.sequence_parameters), (Some(1), &track.picture_parameters)]
        {
            out.extend(before);
            out.extend_from_slice(&u16::try_from(set.len()).unwrap_or(u16::MAX).to_be_bytes());
            out.extend_from_slice(set);
        }
    });
}

/// A box: its length, its name, its contents.
fn boxed(out: &mut Vec<u8>, name: [u8; 4], contents: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    number(out, 0);
    out.extend_from_slice(&name);
    contents(out);
    let length = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

/// A box with version 0 and flags.
fn full(out: &mut Vec<u8>, name: [u8; 4], flags: u32, contents: impl FnOnce(&mut Vec<u8>)) {
    boxed(out, name, |out| {
        number(out, flags);
        contents(out);
    });
}

/// The transformation that changes nothing.
fn matrix(out: &mut Vec<u8>) {
    numbers(out, &[0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000]);
}

fn number(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_be_bytes());
}

fn numbers(out: &mut Vec<u8>, numbers: &[u32]) {
    numbers.iter().for_each(|&each| number(out, each));
}

fn length_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
