//! Testers beside ours, all against the simulator: it knows when every chunk left, how many streams
//! were open at once, and which of them it broke.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::bench::{Outcome, get_json, run_case};
use crate::server::Server;
use crate::shell::Tool;
use crate::{repository, tools};

/// Users at once when concurrency, time and cost are compared.
const USERS: u32 = 1_000;
/// Users of each kind of broken stream.
const BROKEN: u32 = 20;
/// When the simulator's first chunk is due (its profile `quick`).
const FIRST_DUE_MS: f64 = 1_100.0;
/// Ways to break a stream that every user of an AI server meets sooner or later, and how the
/// simulator is asked for each.
const FAULTS: [(&str, &str); 7] = [
    ("none (control)", ""),
    ("status 500", "status=500"),
    ("cut connection", "cut@10"),
    ("early clean end", "end@10"),
    ("error event", "error@10"),
    ("malformed event", "malformed@10"),
    ("no content", "empty"),
];

/// A tester.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tester {
    Weir,
    K6,
    Locust,
    AiPerf,
    Hey,
}

const ALL: [Tester; 5] = [Tester::Weir, Tester::K6, Tester::Locust, Tester::AiPerf, Tester::Hey];

/// Where testers leave their results, relative to the root.
const OUT: &str = "weir-runs/peers/tester";
/// Where the tokenizer lies that AIPerf counts with, relative to the root.
const TOKENIZER: &str = ".test-tools/byte-tokenizer";

/// What a tester said about its run.
#[derive(Debug, Default, PartialEq)]
struct Said {
    first_p50_ms: Option<f64>,
    first_p99_ms: Option<f64>,
    failed: u64,
}

/// The programs.
struct Programs {
    weir: PathBuf,
    python: PathBuf,
    k6: PathBuf,
    aiperf: PathBuf,
    hey: PathBuf,
}

/// Measures all testers and returns the two tables as Markdown.
///
/// # Errors
/// When a tester cannot be installed or run.
pub(super) fn tables(weir: &Path) -> Result<String> {
    let environment = tools::environment("testers", &["peers/testers/requirements.txt"])?;
    let aiperf = tools::environment("aiperf", &["peers/testers/aiperf.txt"])?;
    Tool::new(aiperf.join("python"))
        .args(["peers/testers/byte_tokenizer.py", TOKENIZER])
        .read()
        .context("the tokenizer for AIPerf")?;
    let programs = Programs {
        weir: weir.to_owned(),
        aiperf: aiperf.join("aiperf"),
        python: environment.join("python"),
        k6: environment.join("k6"),
        hey: tools::hey()?,
    };
    let load = load_table(&programs)?;
    let broken = broken_table(&programs)?;
    Ok(format!("{load}\n{broken}"))
}

/// What each holds, sees and costs with [`USERS`] at once.
fn load_table(programs: &Programs) -> Result<String> {
    let mut table = format!(
        "| {USERS} users at once | held open | first p50, ms | first p99, ms | what \"first\" is | \
         CPU s | peak MiB | other CPU % |\n|---|---:|---:|---:|---|---:|---:|---:|\n"
    );
    for tester in ALL {
        let simulator = simulator(programs)?;
        let (said, cost) = ask(tester, programs, &simulator, USERS, "")?;
        let stats = get_json(simulator.url(), "/weir/stats")?;
        simulator.stop()?;
        let held = stats["peak_active"].as_u64().context("peak_active is a number")?;
        table.push_str(&format!(
            "| {} | {held} | {} | {} | {} | {:.2} | {:.0} | {:.0} |\n",
            tester.name(),
            milliseconds(said.first_p50_ms),
            milliseconds(said.first_p99_ms),
            tester.first(),
            cost.client.cpu_s,
            cost.client.peak_bytes / 1_048_576.0,
            cost.others_percent,
        ));
        if tester == Tester::Weir {
            let lateness = stats["lateness_ms"]["p99"].as_f64().unwrap_or(f64::NAN);
            table.insert_str(
                0,
                &format!(
                    "The first chunk is due at {FIRST_DUE_MS:.0} ms; the simulator's own lateness \
                     (p99 of all chunks) was {lateness:.1} ms in Weir's row.\n\n"
                ),
            );
        }
    }
    Ok(table)
}

/// How many streams of each broken kind every tester reports as failed.
fn broken_table(programs: &Programs) -> Result<String> {
    let simulator = simulator(programs)?;
    let names: Vec<&str> = ALL.iter().map(|tester| tester.name()).collect();
    let mut table = format!(
        "| {BROKEN} streams, all with | {} |\n|---|{}\n",
        names.join(" | "),
        "---:|".repeat(ALL.len())
    );
    for (what, fault) in FAULTS {
        table.push_str(&format!("| {what} |"));
        for tester in ALL {
            let (said, _) = ask(tester, programs, &simulator, BROKEN, fault)?;
            table.push_str(&format!(" {} |", said.failed));
        }
        table.push('\n');
    }
    simulator.stop()?;
    Ok(table)
}

fn simulator(programs: &Programs) -> Result<Server> {
    let simulate = ["simulate", "--profile", "quick", "--listen", "127.0.0.1:0"];
    Server::start(Tool::new(&programs.weir).args(simulate))
}

fn milliseconds(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |it| format!("{it:.0}"))
}

/// Runs one tester against the simulator.
fn ask(
    tester: Tester,
    programs: &Programs,
    simulator: &Server,
    users: u32,
    fault: &str,
) -> Result<(Said, Outcome)> {
    let out = repository::root().join(OUT);
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    let tool = command(tester, programs, simulator.url(), users, fault).with_all_files();
    let outcome = run_case(&format!("{}, {users} users, {fault}", tester.name()), simulator, tool)?;
    let said = match tester {
        Tester::Weir => read_weir(&fs::read_to_string(out.join("run.json"))?),
        Tester::K6 | Tester::Locust => read_json(&outcome.output),
        Tester::AiPerf => {
            // Without one good answer it writes no result.
            let result = fs::read_to_string(out.join("profile_export_aiperf.json"));
            read_aiperf(result.as_deref().unwrap_or("{}"), users)
        }
        Tester::Hey => read_hey(&outcome.output, users),
    };
    let said = said.with_context(|| format!("the result of {}", tester.name()))?;
    Ok((said, outcome))
}

/// The command line of a tester: so many users at once, each of whom asks once.
fn command(tester: Tester, programs: &Programs, base: &str, users: u32, fault: &str) -> Tool {
    let (url, users) = (format!("{base}/v1/chat/completions"), users.to_string());
    let header = format!("x-weir-fault: {fault}");
    let fault_as = |option: &'static str| match fault {
        "" => Vec::new(),
        _ => vec![option, header.as_str()],
    };
    let tool = match tester {
        Tester::Weir => Tool::new(&programs.weir)
            .args(["stress", "streams", &url, "--ladder", &users, "--quiet", "--no-progress"])
            .args(["--out", OUT])
            .args(fault_as("--header")),
        Tester::K6 => Tool::new(&programs.k6)
            .args(["run", "--quiet", "--no-usage-report", "--log-output=none"])
            .args(["peers/testers/k6.js"]),
        Tester::Locust => Tool::new(&programs.python).args(["peers/testers/locust_users.py"]),
        Tester::AiPerf => Tool::new(&programs.aiperf)
            .args(["profile", "--model", "m", "--url", base, "--endpoint-type", "chat"])
            .args(["--streaming", "--tokenizer", TOKENIZER, "--ui", "none"])
            .args(["--concurrency", &users, "--request-count", &users])
            .args(["--output-artifact-dir", OUT])
            .args(fault_as("--header"))
            .env("HF_HUB_OFFLINE", "1"),
        Tester::Hey => {
            let body = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;
            Tool::new(&programs.hey)
                .args(["-n", &users, "-c", &users, "-t", "60", "-o", "csv", "-m", "POST"])
                .args(["-T", "application/json", "-d", body])
                .args(fault_as("-H"))
                .args([&url])
        }
    };
    tool.env("URL", &url).env("USERS", &users).env("FAULT", fault)
}

impl Tester {
    fn name(self) -> &'static str {
        match self {
            Self::Weir => "weir stress streams",
            Self::K6 => "k6",
            Self::Locust => "Locust",
            Self::AiPerf => "AIPerf",
            Self::Hey => "hey",
        }
    }

    /// What the tester's first time stamp means.
    fn first(self) -> &'static str {
        match self {
            Self::Weir => "first chunk, connecting included",
            Self::Locust => "first chunk, by the user's own script",
            Self::AiPerf => "first chunk",
            Self::K6 | Self::Hey => "first byte of the head",
        }
    }
}

fn read_weir(text: &str) -> Result<Said> {
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
fn read_json(text: &str) -> Result<Said> {
    let said: Value = serde_json::from_str(text.trim())?;
    Ok(Said {
        first_p50_ms: said["first_p50_ms"].as_f64(),
        first_p99_ms: said["first_p99_ms"].as_f64(),
        failed: said["failed"].as_u64().context("no failed")?,
    })
}

/// AIPerf's summary; it counts good requests alone.
fn read_aiperf(text: &str, users: u32) -> Result<Said> {
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

/// One line a request that got an answer: response-time,DNS+dialup,DNS,Request-write,
/// Response-delay,Response-read,status-code,offset.
fn read_hey(text: &str, users: u32) -> Result<Said> {
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
    fn a_result_without_times_is_a_result() {
        let said = read_json("{\"first_p50_ms\": null, \"failed\": 20}\n").unwrap();
        assert_eq!(said, Said { failed: 20, ..Said::default() });
        assert!(read_json("").is_err());
    }
}
