//! Who may begin: bounded transfers and memory, with a fair queue before each. CPU jobs have a
//! pool with a queue of its own ([`crate::pool`]).

mod gate;

pub use gate::{Busy, Caller, Gate, Permit};

use crate::Limits;

/// The two things that calls share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Admission {
    /// One unit is one running transfer.
    pub transfers: Gate,
    /// One unit is one byte held in memory for a call: a picture, a sound, an answer in base64.
    pub memory: Gate,
}

impl Admission {
    /// Gates with these limits.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let gates =
            Self { transfers: Gate::new("transfers", 0, 0), memory: Gate::new("memory", 0, 0) };
        gates.set_limits(limits);
        gates
    }

    /// Changes the limits while calls run; see [`Gate::set_limits`].
    pub fn set_limits(&self, limits: &Limits) {
        let transfers = u64::try_from(limits.transfers).unwrap_or(u64::MAX);
        self.transfers.set_limits(transfers, limits.waiting_transfers);
        self.memory.set_limits(limits.memory_bytes, limits.waiting_for_memory);
    }
}
