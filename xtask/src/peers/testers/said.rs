//! What a tester says about its own run, read from what it prints or writes.

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// What a tester said.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Said {
    /// Until the first of whatever it takes the time of.
    pub(super) first_p50_ms: Option<f64>,
    pub(super) first_p99_ms: Option<f64>,
    /// Answers that it did not take for good.
    pub(super) failed: u64,
}

/// The `run.json` of `weir stress streams`.
pub(super) fn read_weir(text: &str) -> Result<Said> {
    let run: Value = serde_json::from_str(text)?;
    let level = &run["levels"][0];
    let count = |name: &str| level[name].as_u64().with_context(|| format!("no {name}"));
    // Complete and right: a stream is as good as the worse of the two counts.
    let good = count("complete")?.min(level["correct"].as_u64().unwrap_or(u64::MAX));
    Ok(Said {
        first_p50_ms: level["ttft_ms"]["p50"].as_f64(),
        first_p99_ms: level["ttft_ms"]["p99"].as_f64(),
        failed: count("started")? - good,
    })
}

/// The one line of JSON that our scripts for other testers print.
pub(super) fn read_json(text: &str) -> Result<Said> {
    let said: Value = serde_json::from_str(text.trim())?;
    Ok(Said {
        first_p50_ms: said["first_p50_ms"].as_f64(),
        first_p99_ms: said["first_p99_ms"].as_f64(),
        failed: said["failed"].as_u64().context("no failed")?,
    })
}

/// AIPerf's summary; it counts good requests alone.
pub(super) fn read_aiperf(text: &str, users: u32) -> Result<Said> {
    let summary: Value = serde_json::from_str(text)?;
    let first = &summary["time_to_first_token"];
    let good = summary["request_count"]["avg"].as_f64().unwrap_or(0.0);
    let failed = f64::from(users) - good;
    let failed = (0..=users).find(|&count| f64::from(count) >= failed).unwrap_or(users);
    Ok(Said {
        first_p50_ms: first["p50"].as_f64(),
        first_p99_ms: first["p99"].as_f64(),
        failed: failed.into(),
    })
}

/// GuideLLM's report of a benchmark of one strategy. Its times are those of good answers, and zero
/// where there are none.
pub(super) fn read_guidellm(text: &str, users: u32) -> Result<Said> {
    let report: Value = serde_json::from_str(text)?;
    let metrics = &report["benchmarks"][0]["metrics"];
    let good = metrics["request_totals"]["successful"].as_u64().context("no count of answers")?;
    let first = &metrics["time_to_first_token_ms"]["successful"]["percentiles"];
    let at = |percentile: &str| first[percentile].as_f64().filter(|_| good > 0);
    Ok(Said {
        first_p50_ms: at("p50"),
        first_p99_ms: at("p99"),
        failed: u64::from(users).saturating_sub(good),
    })
}

/// One line a request that got an answer: response-time,DNS+dialup,DNS,Request-write,
/// Response-delay,Response-read,status-code,offset.
pub(super) fn read_hey(text: &str, users: u32) -> Result<Said> {
    let mut delays = Vec::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let [_, _, _, _, delay, _, status, _] = fields[..] else {
            bail!("an unexpected line: {line:?}");
        };
        if status == "200" {
            delays.push(delay.parse::<f64>()? * 1000.0);
        }
    }
    delays.sort_by(f64::total_cmp);
    let at = |index: usize| delays.get(index).or(delays.last()).copied();
    Ok(Said {
        first_p50_ms: at(delays.len() / 2),
        first_p99_ms: at(delays.len() * 99 / 100),
        failed: u64::from(users) - u64::try_from(delays.len())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_stream_counts_as_failed_even_when_it_is_complete() {
        let run = |correct: &str| {
            format!(
                r#"{{"levels": [{{"started": 20, "complete": 19, "correct": {correct},
                     "ttft_ms": {{"p50": 1101.5, "p99": 1104.0}}}}]}}"#
            )
        };
        assert_eq!(read_weir(&run("18")).unwrap().failed, 2);
        let unknown = read_weir(&run("null")).unwrap();
        assert_eq!((unknown.failed, unknown.first_p50_ms), (1, Some(1101.5)));
    }

    #[test]
    fn requests_that_hey_leaves_out_have_failed() {
        let text = "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset\n\
                    1.2,0.0002,0.0,0.0,0.0020,1.1,200,0.0\n\
                    1.2,0.0002,0.0,0.0,0.0040,1.1,200,0.0\n\
                    0.1,0.0002,0.0,0.0,0.0010,0.0,500,0.0\n";
        let said = read_hey(text, 4).unwrap();
        assert_eq!(said, Said { first_p50_ms: Some(4.0), first_p99_ms: Some(4.0), failed: 2 });
        assert!(read_hey("head\na,b\n", 1).is_err());
        assert_eq!(read_hey("head\n", 3).unwrap().failed, 3);
    }

    #[test]
    fn requests_that_aiperf_does_not_count_have_failed() {
        let text = r#"{"request_count": {"avg": 15.0}, "time_to_first_token": {"p50": 1140.8}}"#;
        let said = read_aiperf(text, 20).unwrap();
        assert_eq!((said.failed, said.first_p50_ms), (5, Some(1140.8)));
        assert_eq!(read_aiperf("{}", 20).unwrap(), Said { failed: 20, ..Said::default() });
    }

    #[test]
    fn requests_that_guidellm_does_not_count_as_successful_have_failed() {
        let report = |good: u32, p50: f64| {
            format!(
                r#"{{"benchmarks": [{{"metrics": {{
                     "request_totals": {{"successful": {good}, "errored": 2}},
                     "time_to_first_token_ms": {{"successful": {{"percentiles":
                         {{"p50": {p50}, "p99": 1104.5}}}}}}}}}}]}}"#
            )
        };
        let said = read_guidellm(&report(18, 1103.4), 20).unwrap();
        assert_eq!((said.failed, said.first_p50_ms), (2, Some(1103.4)));
        assert_eq!(
            read_guidellm(&report(0, 0.0), 20).unwrap(),
            Said { failed: 20, ..Said::default() }
        );
        assert!(read_guidellm("{}", 20).is_err());
    }

    #[test]
    fn a_result_without_times_is_a_result() {
        let said = read_json("{\"first_p50_ms\": null, \"failed\": 20}\n").unwrap();
        assert_eq!(said, Said { failed: 20, ..Said::default() });
        assert!(read_json("").is_err());
    }
}
