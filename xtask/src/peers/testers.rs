//! Testers beside ours, all against the simulator: it knows when every chunk left, how many streams
//! were open at once, and which of them it broke.

mod program;
mod said;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::PAGE;
use crate::bench::{Outcome, get_json, run_case};
use crate::number::three_digits;
use crate::progress::{Plan, Progress};
use crate::server::Server;
use crate::shell::Tool;
use crate::{document, readme, say};
use program::{ALL, Installed, Tester};
use said::Said;

/// How much is asked of each tester.
#[derive(Debug, Clone, Copy)]
struct Size {
    /// Users at once when concurrency, time and cost are compared, level by level.
    levels: &'static [u32],
    /// Users of each kind of broken stream.
    broken: u32,
}

/// The levels are those at which the servers are compared.
const FULL: Size = Size { levels: &[100, 1_000, 3_000], broken: 20 };
const QUICK: Size = Size { levels: &[100], broken: 5 };

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

/// Measures all testers and writes the two tables.
///
/// # Errors
/// When a tester cannot be installed or run; the others are measured all the same.
pub(super) fn run(weir: &Path, quick: bool) -> Result<()> {
    let size = if quick { QUICK } else { FULL };
    let (heavy, testers): (Vec<Tester>, Vec<Tester>) =
        ALL.into_iter().partition(|tester| quick && tester.is_heavy());
    let steps = u32::try_from(testers.len() * (FAULTS.len() + size.levels.len()))?;
    let progress = Progress::begin(Plan {
        name: "peers --testers",
        steps,
        usual: Duration::from_secs(12),
        limit: Duration::from_secs(180),
    });
    // Nothing is installed while something is measured.
    let mut installed = Vec::new();
    for tester in testers {
        match tester.install(weir) {
            Ok(it) => installed.push(it),
            Err(error) => progress.fail(tester.name(), &format!("{error:#}")),
        }
    }
    for tester in &heavy {
        say::note(&format!("{}: left out, since a quick look does not install it", tester.name()));
    }
    let load = load_table(weir, &installed, size.levels, &progress);
    let broken = broken_table(weir, &installed, size, &progress)?;
    let left_out = heavy.iter().map(|tester| {
        format!("{}: not installed, and a quick look does not install it", tester.name())
    });
    let missing: String = left_out
        .chain(progress.failures())
        .map(|why| format!("\nNot measured: {}.\n", why.trim_end_matches('.')))
        .collect();
    let tables = format!("{}.\n\n{load}\n{broken}{missing}", document::stamp()?);
    say::result(&tables);
    if !quick {
        document::replace_block(Path::new(PAGE), "testers", &tables)?;
        say::note(&format!("{PAGE} now shows the testers"));
        readme::take_tables()?;
    }
    progress.end()
}

/// What each holds, sees and costs with so many users at once.
fn load_table(weir: &Path, testers: &[Installed], levels: &[u32], progress: &Progress) -> String {
    let mut table = "| users at once | tester | held open | first p50, ms | first p99, ms | off by, ms | \
                     what \"first\" is | CPU, s | peak, MiB | simulator late p99, ms | other CPU, % |\n\
                     |---:|:---|---:|---:|---:|---:|:---|---:|---:|---:|---:|\n"
        .to_owned();
    for users in levels {
        for it in testers {
            let name = it.tester.name();
            let row = progress.step(&format!("{name}, {users} users"), || {
                let simulator = simulator(weir)?;
                let (said, cost) = ask(it, &simulator, *users, "", progress)?;
                let stats = get_json(simulator.url(), "/weir/stats")?;
                simulator.stop()?;
                load_row(it.tester, &said, &cost, &stats)
            });
            let row = row.unwrap_or_else(|| format!("{name}{}", " | –".repeat(9)));
            table.push_str(&format!("| {users} | {row} |\n"));
        }
    }
    table.push_str(&format!(
        "\nThe first chunk is due {FIRST_DUE_MS:.0} ms after the request. *Held open*: the most streams \
         that the simulator had open at once. *Off by*: first p50 and p99 less what was due; how late the \
         simulator itself was stands in its own column. Other CPU is that of neither of the two, in percent \
         of one core.\n"
    ));
    table
}

fn load_row(tester: Tester, said: &Said, cost: &Outcome, stats: &Value) -> Result<String> {
    let held = stats["peak_active"].as_u64().context("peak_active is a number")?;
    let first = [said.first_p50_ms, said.first_p99_ms].map(|first| first.unwrap_or(f64::NAN));
    let off = first.map(|first| off_by(first - FIRST_DUE_MS));
    let cells = [
        tester.name().to_owned(),
        held.to_string(),
        three_digits(first[0]),
        three_digits(first[1]),
        off.join(" / "),
        tester.first().to_owned(),
        three_digits(cost.client.cpu_s),
        three_digits(cost.client.peak_bytes / 1_048_576.0),
        three_digits(stats["lateness_ms"]["p99"].as_f64().unwrap_or(f64::NAN)),
        three_digits(cost.others_percent),
    ];
    Ok(cells.join(" | "))
}

/// A difference with its sign, in whole milliseconds.
fn off_by(ms: f64) -> String {
    if ms.is_finite() { format!("{ms:+.0}").replace('-', "−") } else { "–".to_owned() }
}

/// How many streams of each broken kind every tester reports as failed.
fn broken_table(
    weir: &Path,
    testers: &[Installed],
    size: Size,
    progress: &Progress,
) -> Result<String> {
    let simulator = simulator(weir)?;
    let names: Vec<&str> = testers.iter().map(|it| it.tester.name()).collect();
    let mut table = format!(
        "| {} streams, all with | {} |\n|:---|{}\n",
        size.broken,
        names.join(" | "),
        "---:|".repeat(testers.len())
    );
    for (what, fault) in FAULTS {
        table.push_str(&format!("| {what} |"));
        for it in testers {
            let name = format!("{}, {} streams: {what}", it.tester.name(), size.broken);
            let said = progress.step(&name, || ask(it, &simulator, size.broken, fault, progress));
            let failed = said.map(|(said, _)| said.failed.to_string());
            table.push_str(&format!(" {} |", failed.unwrap_or_else(|| "–".to_owned())));
        }
        table.push('\n');
    }
    table.push_str("\nThe numbers are streams that the tester reports as failed.\n");
    simulator.stop()?;
    Ok(table)
}

fn simulator(weir: &Path) -> Result<Server> {
    let simulate = ["simulate", "--profile", "quick", "--listen", "127.0.0.1:0"];
    Server::start(Tool::new(weir).args(simulate))
}

/// Runs one tester against the simulator.
fn ask(
    it: &Installed,
    simulator: &Server,
    users: u32,
    fault: &str,
    progress: &Progress,
) -> Result<(Said, Outcome)> {
    let before = asked(simulator)?;
    let tool = it.command(simulator.url(), users, fault)?;
    let outcome = run_case(simulator, tool, progress.limit())?;
    // A tester that never got so far has found nothing broken, whatever it says.
    if asked(simulator)? == before {
        bail!("it sent no request");
    }
    Ok((it.said(&outcome, users)?, outcome))
}

/// Requests that have reached the simulator.
fn asked(simulator: &Server) -> Result<u64> {
    let stats = get_json(simulator.url(), "/weir/stats")?;
    let count = |name: &str| stats[name].as_u64().with_context(|| format!("no {name}"));
    Ok(count("started")? + count("rejected")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_its_sign_and_no_fraction() {
        assert_eq!([4.4, -1098.2, 0.2].map(off_by), ["+4", "−1098", "+0"]);
        assert_eq!(off_by(f64::NAN), "–");
    }
}
