//! Where OpenAI responses that exist already are to be found.
//!
//! Who made a response is remembered, with the client key that it was made for: it is asked alone,
//! and for that key alone. Of others (made before a start, by another gateway, or too long ago) every
//! upstream is asked in the order of the configuration until one knows it.

use wire::Dialect;

use crate::refusal::{Reason, Refusal};
use crate::state::{KeyState, State};
use crate::worker::Worker;

/// The upstreams to ask for a response, each in a group of its own.
pub(crate) fn groups(
    worker: &Worker,
    state: &State,
    key: Option<&KeyState>,
    id: &str,
) -> Result<Vec<Vec<usize>>, Refusal> {
    let maker = worker.shared.makers.find(id);
    if let Some(maker) = &maker
        && maker.key.as_deref() != key.map(|key| key.settings.name.as_str())
    {
        // As if it did not exist: for this client it does not.
        return Err(Refusal::because(Reason::NotFound, "there is no such response here"));
    }
    let made_by = maker.and_then(|maker| position(state, &maker.upstream));
    if let Some(position) = made_by {
        return Ok(vec![vec![position]]);
    }
    let all = state.upstreams.iter().enumerate();
    let speaking = all.filter(|(_, one)| one.settings.speaks(Dialect::OpenaiResponses));
    Ok(speaking.map(|(position, _)| vec![position]).collect())
}

/// A conversation goes on where it was begun, as long as the route leads there.
pub(crate) fn continued(
    worker: &Worker,
    state: &State,
    groups: Vec<Vec<usize>>,
    previous: &str,
) -> Vec<Vec<usize>> {
    let maker = worker.shared.makers.find(previous);
    let made_by = maker.and_then(|maker| position(state, &maker.upstream));
    match made_by {
        Some(position) if groups.iter().flatten().any(|&at| at == position) => {
            vec![vec![position]]
        }
        _ => groups,
    }
}

fn position(state: &State, upstream: &str) -> Option<usize> {
    state.upstreams.iter().position(|one| one.settings.name == upstream)
}
