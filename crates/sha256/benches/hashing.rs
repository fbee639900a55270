//! How fast streams are hashed, alone and together, with ring beside them.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sha256::{Engine, Hasher, update_together_with};

/// What a writer of files gathers before it hashes.
const BATCH_BYTES: usize = 128 << 10;

fn hashing(criterion: &mut Criterion) {
    let batch = vec![0x5a; BATCH_BYTES];
    let engines = [
        ("one by one", Some(Engine::one_by_one())),
        ("8 lanes", Engine::eight()),
        ("16 lanes", Engine::sixteen()),
    ];
    for streams in [1_usize, 2, 3, 4, 8, 16, 32] {
        let mut group = criterion.benchmark_group(format!("{streams} streams"));
        group.sample_size(20);
        group.throughput(Throughput::Bytes(u64::try_from(streams * BATCH_BYTES).unwrap_or(0)));
        group.bench_function("ring", |bencher| {
            let mut contexts = vec![ring::digest::Context::new(&ring::digest::SHA256); streams];
            bencher.iter(|| contexts.iter_mut().for_each(|context| context.update(&batch)));
        });
        for (name, engine) in engines {
            let Some(engine) = engine else { continue };
            group.bench_function(name, |bencher| {
                let mut hashers = vec![Hasher::new(); streams];
                bencher.iter(|| {
                    let mut work: Vec<_> = hashers.iter_mut().map(|it| (it, &batch[..])).collect();
                    update_together_with(engine, &mut work);
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, hashing);
criterion_main!(benches);
