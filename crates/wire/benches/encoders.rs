//! One content event of each dialect: what a stream costs before the kernel sees it.

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wire::{anthropic, openai};

/// As long as a piece of the `claude-sonnet-4` profile.
const PIECE: &str = "ver, the";

fn encoders(criterion: &mut Criterion) {
    let chat = openai::chat::ChunkEncoder::new(
        &openai::chat::Head {
            id: "chatcmpl-DVeJJFICVn99v7EAHvhjwfDFlugKB",
            created: 1_749_839_245,
            model: "claude-sonnet-4",
            tool_call: None,
        },
        false,
    );
    let messages = anthropic::messages::EventEncoder::new(&anthropic::messages::Head {
        id: "msg_Pj2Hiqsk2h2kqRIPw6F57ji0",
        model: "claude-sonnet-4",
        tool_use: None,
    });
    let mut responses = openai::responses::EventEncoder::new(&openai::responses::Head {
        id: "resp_0zYXVd25QNQJ2bWvQwXCFmSir406ctzPX8tMprdIOMdGhZMY",
        item_id: "msg_neuTgC9iPJVbctJQok0paYbVTreX6jYVm29U9k1YeYKae6yM",
        created_at: 1_739_028_881,
        model: "claude-sonnet-4",
        function_call: None,
        max_output_tokens: None,
        previous_response_id: None,
        store: true,
        tool_choice: None,
        tools: None,
        background: false,
    });
    let mut group = criterion.benchmark_group("content_event");
    group.throughput(Throughput::Elements(1));
    let mut out = BytesMut::with_capacity(1024);
    let mut bench = |name: &str, write: &mut dyn FnMut(&mut BytesMut)| {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                write(&mut out);
                black_box(&out);
            });
        });
    };
    bench("chat", &mut |out| chat.content(black_box(PIECE), out));
    bench("messages", &mut |out| messages.content(black_box(PIECE), out));
    bench("responses", &mut |out| responses.content(black_box(PIECE), out));
    group.finish();
}

criterion_group!(benches, encoders);
criterion_main!(benches);
