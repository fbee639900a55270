//! Sharing out streams among lanes.

use crate::{BLOCK_BYTES, Hasher, blocks};

#[cfg(target_arch = "x86_64")]
use {
    crate::lanes::{self, Lanes},
    pulp::x86::{V3, V4},
};

/// From how many streams on eight lanes are quicker than one stream after the other: a step of all
/// lanes takes as long as two to three blocks of a stream alone (`cargo bench -p sha256`).
#[cfg(target_arch = "x86_64")]
const EIGHT_FROM: usize = 3;

/// From how many streams on sixteen lanes are quicker: a step of them takes as long as one and a half
/// blocks of a stream alone, and less than a step of eight lanes, which cannot rotate (as above).
#[cfg(target_arch = "x86_64")]
const SIXTEEN_FROM: usize = 2;

/// The way in which streams are hashed. All give the same digests.
#[derive(Debug, Clone, Copy)]
pub struct Engine(Kind);

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// One stream after the other, with the processor's instructions for SHA-256 where it has them.
    OneByOne,
    #[cfg(target_arch = "x86_64")]
    Eight(V3),
    #[cfg(target_arch = "x86_64")]
    Sixteen(V4),
}

impl Engine {
    /// The fastest on this machine.
    #[must_use]
    pub fn of_this_machine() -> Self {
        #[cfg(target_arch = "x86_64")]
        if !std::arch::is_x86_feature_detected!("sha") {
            return Self::sixteen().or_else(Self::eight).unwrap_or_else(Self::one_by_one);
        }
        Self::one_by_one()
    }

    /// The way of a processor that has instructions for SHA-256, or nothing at all.
    #[must_use]
    pub fn one_by_one() -> Self {
        Self(Kind::OneByOne)
    }

    /// Eight streams at once, if the processor has AVX2.
    #[must_use]
    pub fn eight() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        return V3::try_new().map(|lanes| Self(Kind::Eight(lanes)));
        #[cfg(not(target_arch = "x86_64"))]
        None
    }

    /// Sixteen streams at once, if the processor has AVX-512.
    #[must_use]
    pub fn sixteen() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        return V4::try_new().map(|lanes| Self(Kind::Sixteen(lanes)));
        #[cfg(not(target_arch = "x86_64"))]
        None
    }

    /// How many streams this way can hash at once.
    #[must_use]
    pub fn width(self) -> usize {
        match self.0 {
            Kind::OneByOne => 1,
            #[cfg(target_arch = "x86_64")]
            Kind::Eight(_) => 8,
            #[cfg(target_arch = "x86_64")]
            Kind::Sixteen(_) => 16,
        }
    }
}

/// A stream and what is left of its next bytes, in whole blocks.
struct Left<'a> {
    state: &'a mut [u32; 8],
    blocks: &'a [[u8; BLOCK_BYTES]],
}

/// Takes the next bytes of every stream. Those of about the same length go best together.
pub fn update_together(streams: &mut [(&mut Hasher, &[u8])]) {
    update_together_with(Engine::of_this_machine(), streams);
}

/// As [`update_together`], in a way of one's choice.
pub fn update_together_with(engine: Engine, streams: &mut [(&mut Hasher, &[u8])]) {
    let left = streams.iter_mut().map(|(hasher, bytes)| {
        let blocks = hasher.take_edges(bytes);
        Left { state: &mut hasher.state, blocks }
    });
    let left = left.filter(|left| !left.blocks.is_empty());
    match engine.0 {
        Kind::OneByOne => left.for_each(|left| blocks::compress(left.state, left.blocks)),
        #[cfg(target_arch = "x86_64")]
        Kind::Eight(eight) => in_lanes(eight, EIGHT_FROM, left)
            .into_iter()
            .for_each(|left| lanes::compress_alone(eight, left.state, left.blocks)),
        #[cfg(target_arch = "x86_64")]
        Kind::Sixteen(sixteen) => in_lanes(sixteen, SIXTEEN_FROM, left)
            .into_iter()
            .for_each(|left| lanes::compress_alone(*sixteen, left.state, left.blocks)),
    }
}

/// Takes whole blocks of one stream, as fast as this machine can.
pub(crate) fn compress(state: &mut [u32; 8], blocks: &[[u8; BLOCK_BYTES]]) {
    match Engine::of_this_machine().0 {
        #[cfg(target_arch = "x86_64")]
        Kind::Eight(eight) if blocks.len() > 1 => lanes::compress_alone(eight, state, blocks),
        #[cfg(target_arch = "x86_64")]
        Kind::Sixteen(sixteen) if blocks.len() > 1 => {
            lanes::compress_alone(*sixteen, state, blocks);
        }
        _ => blocks::compress(state, blocks),
    }
}

/// Hashes in lanes until fewer than `from` streams are left, and gives these back. Whenever one has
/// come to its end, another takes its lane.
#[cfg(target_arch = "x86_64")]
fn in_lanes<'a, const N: usize, L: Lanes<N>>(
    lanes: L,
    from: usize,
    mut waiting: impl Iterator<Item = Left<'a>>,
) -> Vec<Left<'a>> {
    let mut running: Vec<Left<'a>> = waiting.by_ref().take(N).collect();
    while running.len() >= from {
        let count = running.iter().map(|left| left.blocks.len()).min().unwrap_or(0);
        advance(lanes, &mut running, count);
        running.retain(|left| !left.blocks.is_empty());
        running.extend(waiting.by_ref().take(N - running.len()));
    }
    running
}

/// Hashes `count` blocks of each of at most `N` streams.
#[cfg(target_arch = "x86_64")]
fn advance<const N: usize, L: Lanes<N>>(lanes: L, running: &mut [Left<'_>], count: usize) {
    // A lane without a stream does the work of the last one, for nothing.
    let last = running.len() - 1;
    let streams = std::array::from_fn(|lane| running[lane.min(last)].blocks);
    let mut states = [[0; N]; 8];
    for (lane, left) in running.iter().enumerate() {
        for (row, word) in states.iter_mut().zip(left.state.iter()) {
            row[lane] = *word;
        }
    }
    lanes::compress(lanes, &mut states, streams, count);
    for (lane, left) in running.iter_mut().enumerate() {
        *left.state = states.map(|row| row[lane]);
        left.blocks = &left.blocks[count..];
    }
}
