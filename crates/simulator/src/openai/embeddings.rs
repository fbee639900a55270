//! `POST /v1/embeddings`.

use rand::RngExt;
use rand_pcg::Pcg64;
use wire::json::FieldError;
use wire::openai::embeddings::{Request, answer_body};

use crate::api::Api;
use crate::seed::{Purpose, Seed, mix};

/// Numbers of an embedding when the request does not say: those of `text-embedding-3-small`.
const DEFAULT_DIMENSIONS: u32 = 1536;

/// Answers a request body. The same input always has the same embedding, whatever the seed of
/// the request: that is what embeddings are for.
///
/// # Errors
/// Names the field that is missing or wrong.
pub(crate) fn answer(body: &[u8], server_seed: u64) -> Result<Vec<u8>, FieldError> {
    let request = Request::parse(body)?;
    let dimensions = request.dimensions.unwrap_or(DEFAULT_DIMENSIONS);
    let bytes = request.inputs.iter().map(|input| input.get().len()).sum();
    let embeddings = request
        .inputs
        .iter()
        .map(|input| unit_vector(server_seed, input.get().as_bytes(), dimensions))
        .collect();
    Ok(answer_body(&request.model, embeddings, request.encoding, Api::tokens_of(bytes)))
}

/// A direction in space that depends on the input's bytes, of length 1.
fn unit_vector(server_seed: u64, input: &[u8], dimensions: u32) -> Vec<f32> {
    let seed = input.iter().fold(server_seed, |seed, &byte| mix(seed, u64::from(byte)));
    let mut generator: Pcg64 = Seed::pinned(seed).generator(Purpose::EMBEDDING);
    let mut numbers: Vec<f32> =
        (0..dimensions).map(|_| generator.random_range(-1.0..=1.0f32)).collect();
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length > 0.0 {
        numbers.iter_mut().for_each(|number| *number /= length);
    }
    numbers
}
