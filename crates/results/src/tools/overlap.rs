//! How many calls were open at one moment: what "concurrent" means, counted and not assumed.

use super::call::Call;
use crate::units::float;

/// How far the calls of a level overlapped in time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overlap {
    /// Most calls open at one moment.
    pub peak: u64,
    /// Calls open on average between the first start and the last end.
    pub mean: f64,
}

impl Overlap {
    /// The overlap of these calls; `None` without a call that took any time.
    #[must_use]
    pub fn of(calls: &[Call]) -> Option<Self> {
        let begin = calls.iter().map(|call| call.start_ms).min_by(f64::total_cmp)?;
        let end = calls.iter().map(|call| call.end_ms).max_by(f64::total_cmp)?;
        let open: f64 = calls.iter().map(|call| call.took_ms().max(0.0)).sum();
        (end > begin).then(|| Self { peak: peak_overlap(calls), mean: open / (end - begin) })
    }

    /// Share of the calls that were open at once on average, 0 to 1.
    #[must_use]
    pub fn share_of(&self, calls: u64) -> Option<f64> {
        (calls > 0).then(|| self.mean / float(calls))
    }
}

/// Most calls open at one moment. A call that starts in the very instant in which another ends
/// does not overlap it.
#[must_use]
pub fn peak_overlap(calls: &[Call]) -> u64 {
    let mut edges: Vec<(f64, i64)> =
        calls.iter().flat_map(|call| [(call.start_ms, 1), (call.end_ms, -1)]).collect();
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut open = 0i64;
    let peak = edges.iter().fold(0, |peak: i64, (_, change)| {
        open += change;
        peak.max(open)
    });
    u64::try_from(peak).unwrap_or(0)
}
