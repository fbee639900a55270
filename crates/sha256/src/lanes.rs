//! Many streams at once: in every lane of a wide register the same step of another stream.
//!
//! The same registers help one stream that is alone: what the rounds add of its blocks (the message
//! schedule, some two fifths of the work) does not depend on what came before, so it is computed for
//! several of its blocks at once.

use std::arch::x86_64::{__m256i, __m512i};

use pulp::x86::{V3, V4};

use crate::BLOCK_BYTES;
use crate::constants::ROUNDS;

/// A block as it is in memory.
type Block = [u8; BLOCK_BYTES];

/// A kind of wide registers, `N` lanes of 32 bits, and what SHA-256 does with them. Names are those
/// of FIPS 180-4, section 4.1.2. A value is the proof that the processor has them.
pub(crate) trait Lanes<const N: usize>: Copy + Send {
    /// A register: a word of each stream.
    type Row: Copy;

    /// Runs a function that is compiled for these registers.
    fn run<R>(self, job: impl FnOnce() -> R) -> R;
    fn row(self, words: [u32; N]) -> Self::Row;
    fn words(self, row: Self::Row) -> [u32; N];
    fn add(self, a: Self::Row, b: Self::Row) -> Self::Row;
    fn choose(self, e: Self::Row, f: Self::Row, g: Self::Row) -> Self::Row;
    fn majority(self, a: Self::Row, b: Self::Row, c: Self::Row) -> Self::Row;
    fn upper_sigma_0(self, a: Self::Row) -> Self::Row;
    fn upper_sigma_1(self, e: Self::Row) -> Self::Row;
    fn lower_sigma_0(self, w: Self::Row) -> Self::Row;
    fn lower_sigma_1(self, w: Self::Row) -> Self::Row;

    /// The same word in all lanes.
    #[inline(always)]
    fn splat(self, word: u32) -> Self::Row {
        self.row([word; N])
    }
}

/// One round, section 6.2.2 step 3, of which only `d` and `h` change: what the standard then calls
/// `e` and `a`. The caller passes the eight in turned order instead of moving them.
macro_rules! round {
    ($lanes:ident, $a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident, $kw:expr) => {
        let sum = $lanes.add($lanes.upper_sigma_1($e), $lanes.choose($e, $f, $g));
        let first = $lanes.add($lanes.add($h, $kw), sum);
        let second = $lanes.add($lanes.upper_sigma_0($a), $lanes.majority($a, $b, $c));
        $d = $lanes.add($d, first);
        $h = $lanes.add(first, second);
    };
}

/// The sixteen words of the message that the next sixteen rounds add, from those of the last.
#[inline(always)]
fn schedule<const N: usize, L: Lanes<N>>(lanes: L, w: &mut [L::Row; 16]) {
    for t in 0..16 {
        let sigmas =
            lanes.add(lanes.lower_sigma_0(w[(t + 1) % 16]), lanes.lower_sigma_1(w[(t + 14) % 16]));
        w[t] = lanes.add(lanes.add(w[t], w[(t + 9) % 16]), sigmas);
    }
}

/// The words of `N` blocks, turned so that each register has one word of every block.
#[inline(always)]
fn load<const N: usize, L: Lanes<N>>(lanes: L, blocks: [&Block; N]) -> [L::Row; 16] {
    let mut words = [[0; N]; 16];
    for (lane, block) in blocks.into_iter().enumerate() {
        for (row, word) in words.iter_mut().zip(block.as_chunks().0) {
            row[lane] = u32::from_be_bytes(*word);
        }
    }
    words.map(|row| lanes.row(row))
}

/// Hashes `count` blocks of each of `N` streams. States are turned as well: eight rows.
pub(crate) fn compress<const N: usize, L: Lanes<N>>(
    lanes: L,
    states: &mut [[u32; N]; 8],
    streams: [&[Block]; N],
    count: usize,
) {
    lanes.run(
        #[inline(always)]
        || {
            let mut state = states.map(|row| lanes.row(row));
            for block in 0..count {
                let mut w = load(lanes, streams.map(|stream| &stream[block]));
                step(lanes, &mut state, &mut w);
            }
            *states = state.map(|row| lanes.words(row));
        },
    );
}

/// The 64 rounds of one block in every lane.
#[inline(always)]
fn step<const N: usize, L: Lanes<N>>(lanes: L, state: &mut [L::Row; 8], w: &mut [L::Row; 16]) {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for sixteen in 0..4 {
        if sixteen > 0 {
            schedule(lanes, w);
        }
        let kw = |t: usize| lanes.add(w[t], lanes.splat(ROUNDS[16 * sixteen + t]));
        for t in [0, 8] {
            round!(lanes, a b c d e f g h, kw(t));
            round!(lanes, h a b c d e f g, kw(t + 1));
            round!(lanes, g h a b c d e f, kw(t + 2));
            round!(lanes, f g h a b c d e, kw(t + 3));
            round!(lanes, e f g h a b c d, kw(t + 4));
            round!(lanes, d e f g h a b c, kw(t + 5));
            round!(lanes, c d e f g h a b, kw(t + 6));
            round!(lanes, b c d e f g h a, kw(t + 7));
        }
    }
    for (row, new) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *row = lanes.add(*row, new);
    }
}

/// Hashes the blocks of one stream: the message schedule of `N` of them at once, then their rounds
/// one after the other.
pub(crate) fn compress_alone<const N: usize, L: Lanes<N>>(
    lanes: L,
    state: &mut [u32; 8],
    blocks: &[Block],
) {
    lanes.run(
        #[inline(always)]
        || {
            let mut scheduled = [[0; N]; 64];
            for blocks in blocks.chunks(N) {
                let last = blocks.len() - 1;
                let mut w = load(lanes, std::array::from_fn(|lane| &blocks[lane.min(last)]));
                for (sixteen, (rows, constants)) in scheduled
                    .as_chunks_mut::<16>()
                    .0
                    .iter_mut()
                    .zip(ROUNDS.as_chunks::<16>().0)
                    .enumerate()
                {
                    if sixteen > 0 {
                        schedule(lanes, &mut w);
                    }
                    for ((row, w), constant) in rows.iter_mut().zip(w).zip(constants) {
                        *row = lanes.words(lanes.add(w, lanes.splat(*constant)));
                    }
                }
                for lane in 0..blocks.len() {
                    rounds_alone(state, &scheduled, lane);
                }
            }
        },
    );
}

/// The 64 rounds of the block whose schedule is in one lane.
#[inline(always)]
fn rounds_alone<const N: usize>(state: &mut [u32; 8], scheduled: &[[u32; N]; 64], lane: usize) {
    let alone = Alone;
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for rows in scheduled.as_chunks::<8>().0 {
        round!(alone, a b c d e f g h, rows[0][lane]);
        round!(alone, h a b c d e f g, rows[1][lane]);
        round!(alone, g h a b c d e f, rows[2][lane]);
        round!(alone, f g h a b c d e, rows[3][lane]);
        round!(alone, e f g h a b c d, rows[4][lane]);
        round!(alone, d e f g h a b c, rows[5][lane]);
        round!(alone, c d e f g h a b, rows[6][lane]);
        round!(alone, b c d e f g h a, rows[7][lane]);
    }
    for (word, new) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = word.wrapping_add(new);
    }
}

/// A single lane: an ordinary register.
#[derive(Clone, Copy)]
struct Alone;

impl Alone {
    #[inline(always)]
    fn add(self, a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }

    #[inline(always)]
    fn choose(self, e: u32, f: u32, g: u32) -> u32 {
        (e & f) ^ (!e & g)
    }

    #[inline(always)]
    fn majority(self, a: u32, b: u32, c: u32) -> u32 {
        (a & b) ^ (a & c) ^ (b & c)
    }

    #[inline(always)]
    fn upper_sigma_0(self, a: u32) -> u32 {
        a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22)
    }

    #[inline(always)]
    fn upper_sigma_1(self, e: u32) -> u32 {
        e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25)
    }
}

/// What `VPTERNLOGD` computes of three bits: its immediate is the column of the truth table.
const XOR: i32 = 0b1001_0110;
const CHOOSE: i32 = 0b1100_1010;
const MAJORITY: i32 = 0b1110_1000;

/// Sixteen lanes: AVX-512, which can also rotate.
impl Lanes<16> for V4 {
    type Row = __m512i;

    #[inline(always)]
    fn run<R>(self, job: impl FnOnce() -> R) -> R {
        self.vectorize(job)
    }

    #[inline(always)]
    fn row(self, words: [u32; 16]) -> __m512i {
        pulp::cast(words)
    }

    #[inline(always)]
    fn words(self, row: __m512i) -> [u32; 16] {
        pulp::cast(row)
    }

    #[inline(always)]
    fn add(self, a: __m512i, b: __m512i) -> __m512i {
        self.avx512f._mm512_add_epi32(a, b)
    }

    #[inline(always)]
    fn choose(self, e: __m512i, f: __m512i, g: __m512i) -> __m512i {
        self.avx512f._mm512_ternarylogic_epi32::<CHOOSE>(e, f, g)
    }

    #[inline(always)]
    fn majority(self, a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        self.avx512f._mm512_ternarylogic_epi32::<MAJORITY>(a, b, c)
    }

    #[inline(always)]
    fn upper_sigma_0(self, a: __m512i) -> __m512i {
        let avx = self.avx512f;
        let (x, y) = (avx._mm512_ror_epi32::<2>(a), avx._mm512_ror_epi32::<13>(a));
        avx._mm512_ternarylogic_epi32::<XOR>(x, y, avx._mm512_ror_epi32::<22>(a))
    }

    #[inline(always)]
    fn upper_sigma_1(self, e: __m512i) -> __m512i {
        let avx = self.avx512f;
        let (x, y) = (avx._mm512_ror_epi32::<6>(e), avx._mm512_ror_epi32::<11>(e));
        avx._mm512_ternarylogic_epi32::<XOR>(x, y, avx._mm512_ror_epi32::<25>(e))
    }

    #[inline(always)]
    fn lower_sigma_0(self, w: __m512i) -> __m512i {
        let avx = self.avx512f;
        let (x, y) = (avx._mm512_ror_epi32::<7>(w), avx._mm512_ror_epi32::<18>(w));
        avx._mm512_ternarylogic_epi32::<XOR>(x, y, avx._mm512_srli_epi32::<3>(w))
    }

    #[inline(always)]
    fn lower_sigma_1(self, w: __m512i) -> __m512i {
        let avx = self.avx512f;
        let (x, y) = (avx._mm512_ror_epi32::<17>(w), avx._mm512_ror_epi32::<19>(w));
        avx._mm512_ternarylogic_epi32::<XOR>(x, y, avx._mm512_srli_epi32::<10>(w))
    }
}

/// A rotation, which AVX2 has not: two shifts.
macro_rules! rotate {
    ($simd:expr, $row:expr, $right:literal) => {
        $simd.avx2._mm256_or_si256(
            $simd.avx2._mm256_srli_epi32::<$right>($row),
            $simd.avx2._mm256_slli_epi32::<{ 32 - $right }>($row),
        )
    };
}

/// Eight lanes: AVX2.
impl Lanes<8> for V3 {
    type Row = __m256i;

    #[inline(always)]
    fn run<R>(self, job: impl FnOnce() -> R) -> R {
        self.vectorize(job)
    }

    #[inline(always)]
    fn row(self, words: [u32; 8]) -> __m256i {
        pulp::cast(words)
    }

    #[inline(always)]
    fn words(self, row: __m256i) -> [u32; 8] {
        pulp::cast(row)
    }

    #[inline(always)]
    fn add(self, a: __m256i, b: __m256i) -> __m256i {
        self.avx2._mm256_add_epi32(a, b)
    }

    #[inline(always)]
    fn choose(self, e: __m256i, f: __m256i, g: __m256i) -> __m256i {
        let avx = self.avx2;
        avx._mm256_xor_si256(avx._mm256_and_si256(e, f), avx._mm256_andnot_si256(e, g))
    }

    #[inline(always)]
    fn majority(self, a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        let avx = self.avx2;
        let either = avx._mm256_or_si256(a, b);
        avx._mm256_or_si256(avx._mm256_and_si256(a, b), avx._mm256_and_si256(either, c))
    }

    #[inline(always)]
    fn upper_sigma_0(self, a: __m256i) -> __m256i {
        let both = self.avx2._mm256_xor_si256(rotate!(self, a, 2), rotate!(self, a, 13));
        self.avx2._mm256_xor_si256(both, rotate!(self, a, 22))
    }

    #[inline(always)]
    fn upper_sigma_1(self, e: __m256i) -> __m256i {
        let both = self.avx2._mm256_xor_si256(rotate!(self, e, 6), rotate!(self, e, 11));
        self.avx2._mm256_xor_si256(both, rotate!(self, e, 25))
    }

    #[inline(always)]
    fn lower_sigma_0(self, w: __m256i) -> __m256i {
        let both = self.avx2._mm256_xor_si256(rotate!(self, w, 7), rotate!(self, w, 18));
        self.avx2._mm256_xor_si256(both, self.avx2._mm256_srli_epi32::<3>(w))
    }

    #[inline(always)]
    fn lower_sigma_1(self, w: __m256i) -> __m256i {
        let both = self.avx2._mm256_xor_si256(rotate!(self, w, 17), rotate!(self, w, 19));
        self.avx2._mm256_xor_si256(both, self.avx2._mm256_srli_epi32::<10>(w))
    }
}
