//! Writes bit by bit, as H.264 and MPEG audio are written: the highest bit first.

/// Bits on their way to bytes.
#[derive(Debug, Default)]
pub(crate) struct Bits {
    bytes: Vec<u8>,
    /// Bits of the byte that is being filled, right-aligned.
    open: u8,
    /// How many bits `open` holds, 0 to 7.
    count: u8,
}

impl Bits {
    /// Appends the lowest `width` bits of a number; at most 32.
    pub(crate) fn put(&mut self, value: u32, width: u8) {
        for bit in (0..width).rev() {
            let one = u8::from(value >> bit & 1 == 1);
            self.open = self.open << 1 | one;
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(self.open);
                (self.open, self.count) = (0, 0);
            }
        }
    }

    /// Appends an unsigned Exp-Golomb code (H.264, section 9.1): `ue(v)`.
    pub(crate) fn unsigned(&mut self, value: u32) {
        let code = value.saturating_add(1);
        let length = u8::try_from(code.ilog2()).unwrap_or(31);
        self.put(0, length);
        self.put(code, length + 1);
    }

    /// Fills the open byte with zeros.
    pub(crate) fn align(&mut self) {
        while self.count != 0 {
            self.put(0, 1);
        }
    }

    /// Appends whole bytes; the open byte must have been filled.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        debug_assert_eq!(self.count, 0, "bytes begin at a byte");
        self.bytes.extend_from_slice(bytes);
    }

    /// Ends with a one and zeros up to the byte's end (H.264, section 7.3.2.11).
    pub(crate) fn end_with_stop_bit(mut self) -> Vec<u8> {
        self.put(1, 1);
        self.into_bytes()
    }

    /// The bytes; the last one is filled with zeros.
    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        self.align();
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[u32], expected: &str) {
        let mut bits = Bits::default();
        values.iter().for_each(|&value| bits.unsigned(value));
        let written: String = bits.into_bytes().iter().map(|byte| format!("{byte:08b}")).collect();
        assert!(written.starts_with(expected), "{values:?}: {written}");
        assert!(written.len() < expected.len() + 8 && !written[expected.len()..].contains('1'));
    }

    #[test]
    fn exp_golomb_codes_are_those_of_the_standard() {
        check(&[0], "1");
        check(&[1, 2], "010011");
        check(&[3, 25], "00100000011010");
        check(&[3600], "00000000000111000010001");
    }

    #[test]
    fn the_stop_bit_ends_a_payload() {
        let mut bits = Bits::default();
        bits.put(0b101, 3);
        assert_eq!(bits.end_with_stop_bit(), [0b1011_0000]);
        assert_eq!(Bits::default().end_with_stop_bit(), [0b1000_0000]);
    }
}
