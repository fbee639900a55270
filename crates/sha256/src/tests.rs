use proptest::prelude::*;

use super::*;

/// Every way that this machine has.
fn engines() -> impl Iterator<Item = Engine> {
    [Some(Engine::one_by_one()), Engine::eight(), Engine::sixteen()].into_iter().flatten()
}

fn by_ring(bytes: &[u8]) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().try_into().unwrap()
}

/// Bytes that differ from stream to stream and from place to place.
fn stream(number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at * 7 + number * 31 + at / 251) % 251).unwrap()).collect()
}

/// Hashes streams together, in pieces of the given lengths, over and over until all have ended.
fn together(engine: Engine, streams: &[Vec<u8>], pieces: &[usize]) -> Vec<[u8; 32]> {
    let mut hashers = vec![Hasher::new(); streams.len()];
    let mut rest: Vec<&[u8]> = streams.iter().map(Vec::as_slice).collect();
    for piece in pieces.iter().cycle() {
        if rest.iter().all(|rest| rest.is_empty()) {
            break;
        }
        let now = rest.iter_mut().map(|rest| {
            let (now, later) = rest.split_at(rest.len().min(*piece));
            *rest = later;
            now
        });
        let mut work: Vec<_> = hashers.iter_mut().zip(now).collect();
        update_together_with(engine, &mut work);
    }
    hashers.into_iter().map(Hasher::finish).collect()
}

#[test]
fn the_digest_of_abc_is_that_of_the_standard() {
    // FIPS 180-2, appendix B.1.
    let hex: String = digest(b"abc").iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn every_length_around_the_edges_of_a_block_has_the_digest_that_ring_gives() {
    for engine in engines() {
        for length in 0..=300 {
            let bytes = stream(1, length);
            assert_eq!(
                together(engine, std::slice::from_ref(&bytes), &[length.max(1)])[0],
                by_ring(&bytes)
            );
        }
    }
}

#[test]
fn every_number_of_streams_around_the_number_of_lanes_is_hashed_right() {
    for engine in engines() {
        for count in 1..=35 {
            let streams: Vec<_> = (0..count).map(|n| stream(n, 64 * (n % 5) + n)).collect();
            let want: Vec<_> = streams.iter().map(|bytes| by_ring(bytes)).collect();
            assert_eq!(together(engine, &streams, &[1 << 10]), want, "{engine:?}, {count} streams");
        }
    }
}

#[test]
fn nothing_at_all_is_hashed_as_well() {
    update_together(&mut []);
    assert_eq!(digest(b""), by_ring(b""));
}

proptest! {
    #[test]
    fn streams_of_any_lengths_in_pieces_of_any_lengths_have_the_digests_that_ring_gives(
        lengths in prop::collection::vec(0_usize..5_000, 1..24),
        pieces in prop::collection::vec(1_usize..700, 1..6),
    ) {
        let streams: Vec<_> = lengths.iter().enumerate().map(|(n, len)| stream(n, *len)).collect();
        let want: Vec<_> = streams.iter().map(|bytes| by_ring(bytes)).collect();
        for engine in engines() {
            prop_assert_eq!(&together(engine, &streams, &pieces), &want);
        }
    }

    #[test]
    fn a_stream_alone_in_pieces_of_any_lengths_has_the_digest_that_ring_gives(
        length in 0_usize..5_000,
        pieces in prop::collection::vec(1_usize..2_000, 1..6),
    ) {
        let bytes = stream(3, length);
        let mut hasher = Hasher::new();
        let mut rest = &bytes[..];
        for piece in pieces.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at(rest.len().min(*piece));
            hasher.update(now);
            rest = later;
        }
        prop_assert_eq!(hasher.finish(), by_ring(&bytes));
    }
}
