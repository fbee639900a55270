//! When something is killed: at random, so that no run looks at the same places as the last.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

/// Another seed each time. A test that fails shows it; with it in the place of the call the moments
/// are the same again.
pub(super) fn seed() -> u64 {
    RandomState::new().hash_one("moments")
}

/// So many moments, one at random in each equal part of a time: all of it is looked at in every run.
pub(super) fn within(seed: u64, time: Duration, count: u32) -> impl Iterator<Item = Duration> {
    let mut random = Pcg64::seed_from_u64(seed);
    let part = time / count;
    (0..count).map(move |number| part * number + part.mul_f64(random.random::<f64>()))
}
