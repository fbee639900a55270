//! What judging one event costs: parser and grammar over chat chunks of 184 bytes, beside a
//! control that only scans the same bytes for line feeds.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use wire::Dialect;
use wire::grammar::{Decoder, Scratch, Step};

/// Events in one pass; times are for all of them.
const EVENTS: usize = 1000;

/// A chat chunk as OpenAI sends it, 184 bytes with its line ends.
const PLAIN: &str = concat!(
    r#"data: {"id":"chatcmpl-8f2a61c0","object":"chat.completion.chunk","created":1763700000,"#,
    r#""model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":" river"},"finish_reason":null}]}"#,
    "\n\n"
);

/// The same with escapes in its content.
const ESCAPED: &str = concat!(
    r#"data: {"id":"chatcmpl-8f2a61c0","object":"chat.completion.chunk","created":1763700000,"#,
    r#""model":"gpt-4o","choices":[{"index":0,"delta":{"content":"\n\u00fc\""},"finish_reason":null}]}"#,
    "\n\n"
);

fn judge(dialect: Dialect, reads: &[&[u8]], scratch: &mut Scratch) -> u64 {
    let mut decoder = Decoder::new(dialect);
    let mut chars = 0;
    for read in reads {
        decoder.push(read, scratch, |step| match step {
            Step::Chunk(chunk) => chars += chunk.chars,
            other => panic!("{other:?}"),
        });
    }
    chars
}

fn events(criterion: &mut Criterion) {
    assert_eq!(PLAIN.len(), 184);
    let mut group = criterion.benchmark_group("1000 events");
    group.throughput(Throughput::Elements(1000));
    let mut scratch = Scratch::default();

    let stream = PLAIN.repeat(EVENTS);
    group.bench_function("control: memchr over the same bytes", |bencher| {
        bencher.iter(|| memchr::memchr_iter(b'\n', black_box(stream.as_bytes())).count());
    });
    group.bench_function("control: serde_json checks the syntax", |bencher| {
        let json = PLAIN.trim_start_matches("data: ").trim_end();
        bencher.iter(|| {
            for _ in 0..EVENTS {
                let parsed: Result<serde::de::IgnoredAny, _> =
                    serde_json::from_str(black_box(json));
                assert!(parsed.is_ok());
            }
        });
    });
    for (name, event) in [("chat", PLAIN), ("chat with escapes", ESCAPED)] {
        let reads = vec![event.as_bytes(); EVENTS];
        group.bench_function(name, |bencher| {
            bencher.iter(|| judge(Dialect::OpenaiChat, black_box(&reads), &mut scratch));
        });
    }
    let reads = vec![PLAIN.as_bytes(); EVENTS];
    group.bench_function("sse without JSON", |bencher| {
        bencher.iter(|| judge(Dialect::Sse, black_box(&reads), &mut scratch));
    });
    let halves: Vec<&[u8]> =
        (0..EVENTS).flat_map(|_| [&PLAIN.as_bytes()[..90], &PLAIN.as_bytes()[90..]]).collect();
    group.bench_function("chat, every event cut in two reads", |bencher| {
        bencher.iter(|| judge(Dialect::OpenaiChat, black_box(&halves), &mut scratch));
    });
    group.bench_function("verifying the text of 1000 chunks", |bencher| {
        bencher.iter_batched(
            wire::text::Verifier::default,
            |mut verifier| {
                for _ in 0..EVENTS {
                    verifier.push(black_box(b" river"));
                }
                verifier.verdict()
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, events);
criterion_main!(benches);
