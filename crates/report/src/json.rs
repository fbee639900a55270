//! The run itself, as `run.json` holds it.

use results::Run;

/// The text of `run.json`, indented, with a final newline.
#[must_use]
pub fn render(run: &Run) -> String {
    run.to_json()
}
