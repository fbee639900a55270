//! Who may begin: bounded transfers, memory and CPU jobs, with a fair queue before each.

mod gate;

use std::num::NonZeroUsize;
use std::thread;

pub use gate::{Busy, Caller, Gate, Permit};

use crate::Limits;

/// The three things that calls share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Admission {
    /// One unit is one running transfer.
    pub transfers: Gate,
    /// One unit is one byte held in memory for a call: a picture, a sound, an answer in base64.
    pub memory: Gate,
    /// One unit is one running CPU job.
    pub cpu: Gate,
}

impl Admission {
    /// Gates with these limits.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let cpu_jobs = if limits.cpu_jobs == 0 { cores() } else { limits.cpu_jobs };
        let units = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Self {
            transfers: Gate::new("transfers", units(limits.transfers), limits.waiting_transfers),
            memory: Gate::new("memory", limits.memory_bytes, limits.waiting_for_memory),
            cpu: Gate::new("CPU jobs", units(cpu_jobs), limits.waiting_cpu_jobs),
        }
    }
}
