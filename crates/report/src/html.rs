//! Stub.
/// Stub.
pub fn render(run: &results::Run) -> String {
    run.to_json()
}
