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
    /// The words of `N` blocks, turned so that each register has one word of every block.
    fn load(self, blocks: [&Block; N]) -> [Self::Row; 16];
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

/// Runs a block of code for each of sixteen numbers, which are constants there: what is indexed by
/// them stays in registers.
macro_rules! sixteen_times {
    ($t:ident => $body:block) => {
        sixteen_times!($t => $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
    ($t:ident => $body:block, $($number:literal)*) => {
        $({
            const $t: usize = $number;
            $body
        })*
    };
}

/// One round, section 6.2.2 step 3, of which only `d` and `h` change: what the standard then calls
/// `e` and `a`. So in round `t` the eight are found `t` places further back instead of being moved.
macro_rules! round {
    ($lanes:ident, $state:ident, $t:expr, $kw:expr) => {
        let at = |letter: usize| (16 + letter - $t) % 8;
        let [a, b, c] = [$state[at(0)], $state[at(1)], $state[at(2)]];
        let [e, f, g, h] = [$state[at(4)], $state[at(5)], $state[at(6)], $state[at(7)]];
        let sum = $lanes.add($lanes.upper_sigma_1(e), $lanes.choose(e, f, g));
        let first = $lanes.add($lanes.add(h, $kw), sum);
        let second = $lanes.add($lanes.upper_sigma_0(a), $lanes.majority(a, b, c));
        $state[at(3)] = $lanes.add($state[at(3)], first);
        $state[at(7)] = $lanes.add(first, second);
    };
}

/// The word of the message that round `t + 16` adds takes the place of the one of round `t`.
#[inline(always)]
fn schedule<const N: usize, L: Lanes<N>>(lanes: L, w: &mut [L::Row; 16], t: usize) {
    let sigmas =
        lanes.add(lanes.lower_sigma_0(w[(t + 1) % 16]), lanes.lower_sigma_1(w[(t + 14) % 16]));
    w[t] = lanes.add(lanes.add(w[t], w[(t + 9) % 16]), sigmas);
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
            let mut state = [lanes.splat(0); 8];
            for (row, words) in state.iter_mut().zip(&*states) {
                *row = lanes.row(*words);
            }
            for block in 0..count {
                let mut blocks = [&streams[0][block]; N];
                for (block_of, stream) in blocks.iter_mut().zip(streams) {
                    *block_of = &stream[block];
                }
                step(lanes, &mut state, lanes.load(blocks));
            }
            for (words, row) in states.iter_mut().zip(state) {
                *words = lanes.words(row);
            }
        },
    );
}

/// The 64 rounds of one block in every lane.
#[inline(always)]
fn step<const N: usize, L: Lanes<N>>(lanes: L, state: &mut [L::Row; 8], mut w: [L::Row; 16]) {
    let mut new = *state;
    let (constants, _) = ROUNDS.as_chunks::<16>();
    for constants in &constants[..3] {
        sixteen_times!(T => {
            round!(lanes, new, T, lanes.add(w[T], lanes.splat(constants[T])));
            schedule(lanes, &mut w, T);
        });
    }
    sixteen_times!(T => {
        round!(lanes, new, T, lanes.add(w[T], lanes.splat(constants[3][T])));
    });
    for (row, new) in state.iter_mut().zip(new) {
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
                let mut w = lanes.load(std::array::from_fn(|lane| &blocks[lane.min(last)]));
                for (sixteen, (rows, constants)) in scheduled
                    .as_chunks_mut::<16>()
                    .0
                    .iter_mut()
                    .zip(ROUNDS.as_chunks::<16>().0)
                    .enumerate()
                {
                    if sixteen > 0 {
                        sixteen_times!(T => { schedule(lanes, &mut w, T); });
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
    let mut new = *state;
    for rows in scheduled.as_chunks::<16>().0 {
        sixteen_times!(T => {
            round!(alone, new, T, rows[T][lane]);
        });
    }
    for (word, new) in state.iter_mut().zip(new) {
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

/// Where `VPSHUFB` takes each byte of four words from, whose first byte in memory is the highest.
const BIG_ENDIAN: [u8; 16] = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];

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
    fn load(self, blocks: [&Block; 16]) -> [__m512i; 16] {
        let (avx, zero) = (self.avx512f, self.splat(0));
        let turned = self.avx512bw;
        let mut rows = [zero; 16];
        for (row, block) in rows.iter_mut().zip(blocks) {
            *row = turned._mm512_shuffle_epi8(pulp::cast(*block), pulp::cast([BIG_ENDIAN; 4]));
        }
        // What two streams have next to each other, ...
        let mut pairs = [zero; 16];
        for i in 0..8 {
            pairs[2 * i] = avx._mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
            pairs[2 * i + 1] = avx._mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
        }
        // ... what four have: quarter `q` of register `4 j + c` has the words `4 q + c` of the streams
        // from `4 j` on, ...
        let mut fours = [zero; 16];
        for j in [0, 4, 8, 12] {
            fours[j] = avx._mm512_unpacklo_epi64(pairs[j], pairs[j + 2]);
            fours[j + 1] = avx._mm512_unpackhi_epi64(pairs[j], pairs[j + 2]);
            fours[j + 2] = avx._mm512_unpacklo_epi64(pairs[j + 1], pairs[j + 3]);
            fours[j + 3] = avx._mm512_unpackhi_epi64(pairs[j + 1], pairs[j + 3]);
        }
        // ... and then the quarters are turned: the even ones and the odd ones of two registers, ...
        let even = |a, b| avx._mm512_shuffle_i32x4::<0b10_00_10_00>(a, b);
        let odd = |a, b| avx._mm512_shuffle_i32x4::<0b11_01_11_01>(a, b);
        // ... and again, to all four of them.
        let mut words = [zero; 16];
        for c in 0..4 {
            let (low, high) = (even(fours[c], fours[c + 4]), even(fours[c + 8], fours[c + 12]));
            (words[c], words[c + 8]) = (even(low, high), odd(low, high));
            let (low, high) = (odd(fours[c], fours[c + 4]), odd(fours[c + 8], fours[c + 12]));
            (words[c + 4], words[c + 12]) = (even(low, high), odd(low, high));
        }
        words
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
    fn load(self, blocks: [&Block; 8]) -> [__m256i; 16] {
        let (avx, zero) = (self.avx2, self.splat(0));
        let mut words = [zero; 16];
        // As with sixteen lanes, for half a block and then the other.
        for half in [0, 1] {
            let mut rows = [zero; 8];
            for (row, block) in rows.iter_mut().zip(blocks) {
                let bytes = pulp::cast(block.as_chunks::<32>().0[half]);
                *row = avx._mm256_shuffle_epi8(bytes, pulp::cast([BIG_ENDIAN; 2]));
            }
            let mut pairs = [zero; 8];
            for i in 0..4 {
                pairs[2 * i] = avx._mm256_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
                pairs[2 * i + 1] = avx._mm256_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
            }
            let mut fours = [zero; 8];
            for j in [0, 4] {
                fours[j] = avx._mm256_unpacklo_epi64(pairs[j], pairs[j + 2]);
                fours[j + 1] = avx._mm256_unpackhi_epi64(pairs[j], pairs[j + 2]);
                fours[j + 2] = avx._mm256_unpacklo_epi64(pairs[j + 1], pairs[j + 3]);
                fours[j + 3] = avx._mm256_unpackhi_epi64(pairs[j + 1], pairs[j + 3]);
            }
            for c in 0..4 {
                words[8 * half + c] = avx._mm256_permute2x128_si256::<0x20>(fours[c], fours[c + 4]);
                words[8 * half + c + 4] =
                    avx._mm256_permute2x128_si256::<0x31>(fours[c], fours[c + 4]);
            }
        }
        words
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
