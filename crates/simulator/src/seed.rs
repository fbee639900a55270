//! Everything random comes from one seed per request.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// What a part of an answer draws its own numbers for, so that a change in one part leaves the
/// others as they were.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purpose(u64);

impl Purpose {
    /// Delays, number of events, characters of each.
    pub(crate) const SCHEDULE: Self = Self(1);
    /// Words.
    pub(crate) const TEXT: Self = Self(2);
    /// Ids and timestamps.
    pub(crate) const IDENTITY: Self = Self(3);
    /// Which of the configured faults happen.
    pub(crate) const FAULTS: Self = Self(4);
    /// Colours of pictures and videos.
    pub(crate) const PICTURE: Self = Self(6);
    /// Embedding vectors.
    pub(crate) const EMBEDDING: Self = Self(5);
}

/// One request's seed. By default it is mixed from the server's seed and the number of the
/// request, so that equal requests get different answers and a run can be repeated; the header
/// `x-weir-seed` sets it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seed(u64);

impl Seed {
    /// A seed that was asked for.
    pub(crate) fn pinned(seed: u64) -> Self {
        Self(seed)
    }

    /// The seed that follows from this one in a certain way.
    pub(crate) fn map(self, next: impl FnOnce(u64) -> u64) -> Self {
        Self(next(self.0))
    }

    /// The seed of the server's request with this number.
    pub(crate) fn of_request(server_seed: u64, number: u64) -> Self {
        Self(mix(server_seed, number))
    }

    /// A generator for one purpose. `Pcg64` by name: its numbers never change between versions.
    pub(crate) fn generator(self, purpose: Purpose) -> Pcg64 {
        Pcg64::seed_from_u64(mix(self.0, purpose.0))
    }
}

/// SplitMix64's finaliser over both numbers (Steele, Lea, Flood: "Fast splittable pseudorandom
/// number generators", 2014): close inputs give unrelated outputs.
pub(crate) fn mix(left: u64, right: u64) -> u64 {
    let mut z = left.wrapping_add(right.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Unix time from which the invented timestamps count: 2025-01-01.
const FIRST_CREATED: i64 = 1_735_689_600;

/// Draws the ids and the timestamp of one answer, always in the same order.
#[derive(Debug)]
pub(crate) struct Identity(Pcg64);

impl Identity {
    /// The identity that belongs to a seed.
    pub(crate) fn new(seed: Seed) -> Self {
        Self(seed.generator(Purpose::IDENTITY))
    }

    /// A Unix time in seconds within the year after 2025-01-01: not the clock's, so that the
    /// same seed gives the same bytes.
    pub(crate) fn created(&mut self) -> i64 {
        FIRST_CREATED + i64::from(self.0.random_range(0..31_536_000u32))
    }

    /// An id: the prefix and `length` letters and digits.
    pub(crate) fn id(&mut self, prefix: &str, length: usize) -> String {
        const ALPHABET: &[u8; 62] =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut id = String::with_capacity(prefix.len() + length);
        id.push_str(prefix);
        id.extend((0..length).map(|_| char::from(ALPHABET[self.0.random_range(0..62usize)])));
        id
    }
}
