//! The media that tools work with now, where they can change while a server runs.

use std::sync::{Arc, PoisonError, RwLock};

use super::Media;

/// The media in force. Clones share it; a call keeps to its end what it began with.
#[derive(Clone)]
pub struct Live(Arc<RwLock<Arc<Media>>>);

impl Live {
    /// These, until they are replaced.
    #[must_use]
    pub fn new(media: Media) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(media))))
    }

    /// Those in force now.
    #[must_use]
    pub fn get(&self) -> Arc<Media> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts others in force, with the same [parts](Media::parts): which tools there are was told to
    /// agents already. Metrics, gates and the CPU pool go on, so that calls that run and calls that
    /// come are counted and bounded together; `limits` are those of the gates from now on.
    pub fn replace(&self, media: Media, limits: &crate::Limits) {
        let mut live = self.0.write().unwrap_or_else(PoisonError::into_inner);
        live.admission.set_limits(limits);
        *live = Arc::new(media);
    }
}
