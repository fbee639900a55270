//! What a user needs from the client: one answer to one request.

use std::future::Future;

use tokio::time::Instant;

use crate::client::{Observer, StreamReport};

/// Carries requests to a target. The loops of users are written against this alone, so that
/// their schedules are tested in virtual time.
pub trait Carrier {
    /// What a user keeps between two requests.
    type Connection;

    /// Sends the request of this index and follows its answer to its end.
    ///
    /// `scheduled` is the time from which latencies count in an open loop; without it they count
    /// from this call. Dropping the future ends the stream and closes its connection.
    fn carry(
        &self,
        request: usize,
        connection: &mut Option<Self::Connection>,
        scheduled: Option<Instant>,
        observer: &impl Observer,
    ) -> impl Future<Output = StreamReport>;

    /// How many different requests there are; at least one.
    fn requests(&self) -> usize;
}
