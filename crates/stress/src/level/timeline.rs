//! What went on during a level, slice by slice.

use std::time::Duration;

use results::TimelinePoint;
use results::units::float;

/// Slices that a level's time line has at most.
pub const MAX_SLICES: usize = 60;

/// Samples that are kept at most; then every second one is dropped.
const MAX_SAMPLES: usize = 2048;

/// Running totals at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Time since the level's begin.
    pub at: Duration,
    /// Streams open.
    pub open: u64,
    /// Chunks so far.
    pub chunks: u64,
    /// Streams ended so far.
    pub ended: u64,
}

/// Samples of one level, in the order of time.
#[derive(Debug, Default)]
pub struct Timeline {
    samples: Vec<Sample>,
}

impl Timeline {
    /// Takes a sample later than the one before.
    pub fn push(&mut self, sample: Sample) {
        if self.samples.len() >= MAX_SAMPLES {
            let mut index = 0;
            self.samples.retain(|_| {
                index += 1;
                index % 2 == 0
            });
        }
        self.samples.push(sample);
    }

    /// Chunks per second since the sample before, or since the level's begin.
    #[must_use]
    pub fn rate_to(&self, sample: &Sample) -> f64 {
        let before = self.samples.last().copied().unwrap_or(START);
        rate(&before, sample)
    }

    /// At most [`MAX_SLICES`] slices that together cover the level up to the first sample at or
    /// after its end: control streams may outlast the users.
    #[must_use]
    pub fn points(&self, end: Duration) -> Vec<TimelinePoint> {
        let within = self.samples.iter().take_while(|sample| sample.at < end).count() + 1;
        let samples = self.samples.get(..within).unwrap_or(&self.samples);
        let per_slice = samples.len().div_ceil(MAX_SLICES).max(1);
        let mut before = START;
        samples
            .chunks(per_slice)
            .filter_map(|slice| {
                let last = slice.last()?;
                let point = TimelinePoint {
                    t_s: last.at.as_secs_f64(),
                    open: last.open,
                    chunks_per_s: rate(&before, last),
                    ended: last.ended,
                };
                before = *last;
                Some(point)
            })
            .collect()
    }
}

const START: Sample = Sample { at: Duration::ZERO, open: 0, chunks: 0, ended: 0 };

fn rate(before: &Sample, after: &Sample) -> f64 {
    let seconds = after.at.saturating_sub(before.at).as_secs_f64();
    if seconds > 0.0 { float(after.chunks.saturating_sub(before.chunks)) / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(index: u64) -> Sample {
        let at = Duration::from_millis(200 * (index + 1));
        Sample { at, open: index, chunks: 100 * (index + 1), ended: index }
    }

    #[test]
    fn slices_end_with_the_level() {
        let mut timeline = Timeline::default();
        (0..10).for_each(|index| timeline.push(sample(index)));
        let points = timeline.points(Duration::from_millis(500));
        assert_eq!(points.last().unwrap().t_s, 0.6);
        assert!(Timeline::default().points(Duration::ZERO).is_empty());
    }

    proptest! {
        #[test]
        fn slices_cover_every_chunk_once_however_many_samples(count in 1u64..10_000) {
            let mut timeline = Timeline::default();
            (0..count).for_each(|index| timeline.push(sample(index)));
            let points = timeline.points(Duration::MAX);
            prop_assert!(points.len() <= MAX_SLICES);
            prop_assert!(points.windows(2).all(|pair| pair[0].t_s < pair[1].t_s));
            let mut before = 0.0;
            let mut chunks = 0.0;
            for point in &points {
                chunks += point.chunks_per_s * (point.t_s - before);
                before = point.t_s;
            }
            prop_assert!((chunks - float(100 * count)).abs() < 1e-3, "{chunks} of {count}");
            prop_assert_eq!(points.last().unwrap().ended, count - 1);
        }
    }
}
