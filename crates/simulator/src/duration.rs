//! Durations as people write them: `250ms`, `2.5s`, `1m30s`.

use std::time::Duration;

use jiff::SignedDuration;

/// Longest delay that a profile, a fault or a setting may ask for.
pub(crate) const LONGEST: Duration = Duration::from_secs(3600);

/// Reads a duration of at most [`LONGEST`].
///
/// # Errors
/// A message that says what is expected.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let duration = text
        .trim()
        .parse::<SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| format!("`{text}` is not a duration such as 250ms, 2.5s or 1m30s"))?;
    if duration > LONGEST {
        return Err(format!("`{text}` is longer than the longest delay, 1h"));
    }
    Ok(duration)
}

/// Writes a duration exactly, in the largest unit that keeps it whole.
pub(crate) fn format(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let units = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)];
    units
        .into_iter()
        .find(|(_, size)| nanos.is_multiple_of(*size))
        .map_or_else(|| format!("{nanos}ns"), |(unit, size)| format!("{}{unit}", nanos / size))
}

/// A duration from seconds, rounded to the nanosecond, kept within zero and [`LONGEST`].
pub(crate) fn from_seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.clamp(0.0, LONGEST.as_secs_f64())).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Option<Duration>) {
        assert_eq!(parse(text).ok(), expected, "{text}");
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        check("250ms", Some(Duration::from_millis(250)));
        check("2.5s", Some(Duration::from_millis(2500)));
        check("1m30s", Some(Duration::from_secs(90)));
        check("0s", Some(Duration::ZERO));
        check("1h", Some(LONGEST));
        check("61m", None);
        check("-1s", None);
        check("12", None);
        check("soon", None);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(nanos in 0u64..3_600_000_000_000) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }
    }
}
