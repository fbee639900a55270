//! A tiny H.264 encoder for one kind of picture: vertical bars of plain colour.
//!
//! That is enough for videos of any size that every player shows, that differ from each other,
//! and that cost a byte for each block of 16 x 16 pixels. Where a bar begins, its colour is sent
//! as it is (I_PCM); everything else is predicted from the left or from above without any
//! residual. Pictures in between repeat the one before (P_Skip). Baseline profile, CAVLC.
//!
//! Source: ITU-T H.264 (08/2021), sections 7.3 (syntax) and 9.1, 9.2 (codes).

use super::bits::Bits;

/// Baseline profile with the constraints of `Constrained Baseline`, level 4.0: enough for 1080p.
pub(crate) const PROFILE: [u8; 3] = [66, 0xC0, 40];

/// Pixels of a macroblock's side.
const BLOCK: u32 = 16;

/// Width in bits of `frame_num`.
const FRAME_NUMBER_BITS: u8 = 8;

/// A colour: luma, then blue and red difference, each 16 to 240.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colour {
    pub(crate) luma: u8,
    pub(crate) blue: u8,
    pub(crate) red: u8,
}

/// Width and height of a picture in pixels; both even.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Size {
    /// Columns and rows of macroblocks.
    fn blocks(self) -> (u32, u32) {
        (self.width.div_ceil(BLOCK), self.height.div_ceil(BLOCK))
    }
}

/// The sequence parameter set: what all pictures have in common.
pub(crate) fn sequence_parameters(size: Size) -> Vec<u8> {
    let (columns, rows) = size.blocks();
    let mut bits = Bits::default();
    PROFILE.iter().for_each(|&byte| bits.put(u32::from(byte), 8));
    bits.unsigned(0); // seq_parameter_set_id
    bits.unsigned(u32::from(FRAME_NUMBER_BITS) - 4);
    bits.unsigned(2); // pic_order_cnt_type: shown in the order of decoding
    bits.unsigned(1); // max_num_ref_frames
    bits.put(0, 1); // gaps_in_frame_num_value_allowed_flag
    bits.unsigned(columns - 1);
    bits.unsigned(rows - 1);
    bits.put(0b11, 2); // frame_mbs_only_flag, direct_8x8_inference_flag
    let surplus = [0, columns * BLOCK - size.width, 0, rows * BLOCK - size.height];
    bits.put(u32::from(surplus != [0; 4]), 1); // frame_cropping_flag
    if surplus != [0; 4] {
        // Counted in chroma samples, of which there is one for two pixels.
        surplus.iter().for_each(|pixels| bits.unsigned(pixels / 2));
    }
    bits.put(0, 1); // vui_parameters_present_flag
    unit(0x67, bits)
}

/// The picture parameter set.
pub(crate) fn picture_parameters() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.unsigned(0); // pic_parameter_set_id
    bits.unsigned(0); // seq_parameter_set_id
    bits.put(0, 2); // CAVLC, no bottom_field_pic_order_in_frame
    bits.unsigned(0); // one slice group
    bits.unsigned(0); // one reference picture in list 0
    bits.unsigned(0); // and in list 1
    bits.put(0, 3); // no weighted prediction
    (0..3).for_each(|_| bits.unsigned(0)); // QP 26, no offsets
    bits.put(0b100, 3); // deblocking_filter_control_present_flag
    unit(0x68, bits)
}

/// A picture of its own: one bar for each colour, all about equally wide. Of two such pictures
/// in a row one must be `odd`.
pub(crate) fn key_picture(size: Size, bars: &[Colour], odd: bool) -> Vec<u8> {
    let (columns, rows) = size.blocks();
    let mut bits = Bits::default();
    bits.unsigned(0); // first_mb_in_slice
    bits.unsigned(7); // slice_type: I
    bits.unsigned(0); // pic_parameter_set_id
    bits.put(0, FRAME_NUMBER_BITS);
    bits.unsigned(u32::from(odd)); // idr_pic_id
    bits.put(0, 2); // dec_ref_pic_marking
    bits.unsigned(0); // slice_qp_delta
    bits.unsigned(1); // disable_deblocking_filter_idc
    let bar_of = |column: u32| {
        let count = u32::try_from(bars.len()).unwrap_or(1);
        usize::try_from(u64::from(column) * u64::from(count) / u64::from(columns)).unwrap_or(0)
    };
    let begins = |column: u32| column == 0 || bar_of(column) != bar_of(column - 1);
    for column in 0..columns {
        if begins(column) {
            plain(&mut bits, bars[bar_of(column)]);
        } else {
            predicted(&mut bits, Direction::FromLeft, begins(column - 1));
        }
    }
    for row in 1..rows {
        for column in 0..columns {
            predicted(&mut bits, Direction::FromAbove, row == 1 && begins(column));
        }
    }
    unit(0x65, bits)
}

/// The picture before, once more. `number` counts from the last key picture, from 1.
pub(crate) fn same_picture(size: Size, number: u32) -> Vec<u8> {
    let (columns, rows) = size.blocks();
    let mut bits = Bits::default();
    bits.unsigned(0); // first_mb_in_slice
    bits.unsigned(5); // slice_type: P
    bits.unsigned(0); // pic_parameter_set_id
    bits.put(number, FRAME_NUMBER_BITS);
    bits.put(0, 3); // no override, no reordering, no marking
    bits.unsigned(0); // slice_qp_delta
    bits.unsigned(1); // disable_deblocking_filter_idc
    bits.unsigned(columns * rows); // mb_skip_run
    unit(0x41, bits)
}

/// A block sent as it is.
fn plain(bits: &mut Bits, colour: Colour) {
    bits.unsigned(25); // mb_type: I_PCM
    bits.align();
    bits.bytes(&[colour.luma; 256]);
    bits.bytes(&[colour.blue; 64]);
    bits.bytes(&[colour.red; 64]);
}

#[derive(Debug, Clone, Copy)]
enum Direction {
    FromLeft,
    FromAbove,
}

/// A block that repeats its neighbour. Next to a plain one the code for "no coefficients" is the
/// long one, because plain blocks count as full of them (section 9.2.1).
fn predicted(bits: &mut Bits, direction: Direction, beside_plain: bool) {
    match direction {
        Direction::FromLeft => {
            bits.unsigned(2); // mb_type: I_16x16_1_0_0
            bits.unsigned(1); // intra_chroma_pred_mode: horizontal
        }
        Direction::FromAbove => {
            bits.unsigned(1); // mb_type: I_16x16_0_0_0
            bits.unsigned(2); // intra_chroma_pred_mode: vertical
        }
    }
    bits.unsigned(0); // mb_qp_delta
    if beside_plain {
        bits.put(0b00_0011, 6);
    } else {
        bits.put(1, 1);
    }
}

/// A NAL unit: header, payload, and a 3 wherever a start code could be seen (section 7.4.1).
fn unit(header: u8, bits: Bits) -> Vec<u8> {
    let payload = bits.end_with_stop_bit();
    let mut unit = Vec::with_capacity(payload.len() + 8);
    unit.push(header);
    let mut zeros = 0;
    for byte in payload {
        if zeros == 2 && byte <= 3 {
            unit.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        unit.push(byte);
    }
    unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_unit_holds_a_start_code() {
        let black = Colour { luma: 0, blue: 0, red: 1 };
        let picture = key_picture(Size { width: 64, height: 32 }, &[black; 2], true);
        assert!(picture.windows(3).all(|three| three[..2] != [0, 0] || three[2] >= 3));
        assert!(picture.windows(4).any(|four| four == [0, 0, 3, 0]), "nothing was escaped");
    }

    #[test]
    fn a_picture_costs_about_a_byte_for_each_block() {
        let grey = Colour { luma: 128, blue: 128, red: 128 };
        let size = Size { width: 1280, height: 720 };
        let bytes = key_picture(size, &[grey; 8], false).len();
        assert!((3600..3600 + 8 * 400).contains(&bytes), "{bytes} bytes");
        assert!(same_picture(size, 23).len() <= 12);
    }
}
