//! The testers: how each is installed and told to hold so many users at once, each of whom asks once.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use super::said::{Said, read_aiperf, read_guidellm, read_hey, read_json, read_weir};
use crate::bench::Outcome;
use crate::peers::servers::cores;
use crate::shell::Tool;
use crate::tools::Requirements;
use crate::{repository, tools};

/// A tester.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tester {
    Weir,
    K6,
    Locust,
    AiPerf,
    GuideLlm,
    Hey,
}

/// All of them, in the order of the tables.
pub(super) const ALL: [Tester; 6] =
    [Tester::Weir, Tester::K6, Tester::Locust, Tester::AiPerf, Tester::GuideLlm, Tester::Hey];

/// Where testers leave their results, relative to the root.
const OUT: &str = "weir-runs/peers/tester";
/// Where the tokenizer lies that AIPerf and GuideLLM count with, relative to the root. Without the
/// leading `./` it would be the name of one to be fetched.
const TOKENIZER: &str = "./.test-tools/byte-tokenizer";

/// What AIPerf needs.
const AIPERF: Requirements = Requirements::with_all("aiperf", &["peers/testers/aiperf.txt"]);
/// What GuideLLM needs: of what it asks for, all but PyTorch.
const GUIDELLM: Requirements = Requirements {
    name: "guidellm",
    files: &["peers/testers/guidellm-needs.txt"],
    alone: &["peers/testers/guidellm.txt"],
};

/// A tester whose program is there.
pub(super) struct Installed {
    pub(super) tester: Tester,
    program: PathBuf,
}

impl Tester {
    /// Its name in the tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Weir => "weir stress streams",
            Self::K6 => "k6",
            Self::Locust => "Locust",
            Self::AiPerf => "AIPerf",
            Self::GuideLlm => "GuideLLM",
            Self::Hey => "hey",
        }
    }

    /// Whether installing it would take more than a minute. A quick look does without.
    pub(super) fn is_heavy(self) -> bool {
        match self {
            Self::AiPerf => !AIPERF.are_installed(),
            Self::GuideLlm => !GUIDELLM.are_installed(),
            Self::Weir | Self::K6 | Self::Locust | Self::Hey => false,
        }
    }

    /// What the tester's first time stamp means.
    pub(super) fn first(self) -> &'static str {
        match self {
            Self::Weir => "first chunk, connecting included",
            Self::Locust => "first chunk, by the user's own script",
            Self::AiPerf | Self::GuideLlm => "first chunk",
            Self::K6 | Self::Hey => "first byte of the head",
        }
    }

    /// Installs its program where it is missing.
    ///
    /// # Errors
    /// When that is not possible here.
    pub(super) fn install(self, weir: &Path) -> Result<Installed> {
        let of_both = Requirements::with_all("testers", &["peers/testers/requirements.txt"]);
        let program = match self {
            Self::Weir => weir.to_owned(),
            Self::K6 => of_both.install()?.join("k6"),
            Self::Locust => of_both.install()?.join("python"),
            Self::AiPerf => with_tokenizer(&AIPERF)?.join("aiperf"),
            Self::GuideLlm => with_tokenizer(&GUIDELLM)?.join("python"),
            Self::Hey => tools::hey()?,
        };
        Ok(Installed { tester: self, program })
    }
}

/// The programs of an environment, with a tokenizer that none of them need fetch.
fn with_tokenizer(requirements: &Requirements) -> Result<PathBuf> {
    let programs = requirements.install()?;
    Tool::new(programs.join("python"))
        .args(["peers/testers/byte_tokenizer.py", TOKENIZER])
        .read()
        .with_context(|| format!("the tokenizer for {}", requirements.name))?;
    Ok(programs)
}

impl Installed {
    /// The command line: so many users at once, each of whom asks once, for an answer with a fault.
    ///
    /// # Errors
    /// When an earlier result cannot be removed, or a prompt not be written.
    pub(super) fn command(&self, base: &str, users: u32, fault: &str) -> Result<Tool> {
        let out = repository::root().join(OUT);
        if out.exists() {
            fs::remove_dir_all(&out)?;
        }
        let (url, count) = (format!("{base}/v1/chat/completions"), users);
        let users = users.to_string();
        let header = format!("x-weir-fault: {fault}");
        let fault_as = |option: &'static str| match fault {
            "" => Vec::new(),
            _ => vec![option, header.as_str()],
        };
        let program = Tool::new(&self.program);
        let tool = match self.tester {
            Tester::Weir => program
                .args(["stress", "streams", &url, "--ladder", &users, "--quiet", "--no-progress"])
                .args(["--out", OUT])
                .args(fault_as("--header")),
            Tester::K6 => program
                .args(["run", "--quiet", "--no-usage-report", "--log-output=none"])
                .args(["peers/testers/k6.js"]),
            Tester::Locust => program.args(["peers/testers/locust_users.py"]),
            Tester::AiPerf => program
                .args(["profile", "--model", "m", "--url", base, "--endpoint-type", "chat"])
                .args(["--streaming", "--tokenizer", TOKENIZER, "--ui", "none"])
                .args(["--concurrency", &users, "--request-count", &users])
                .args(["--output-artifact-dir", OUT])
                .args(fault_as("--header")),
            Tester::GuideLlm => {
                fs::create_dir_all(&out)?;
                fs::write(out.join(PROMPTS), "Hello\n".repeat(usize::try_from(count)?))?;
                guidellm(program, base, &users, fault)
            }
            Tester::Hey => program
                .args(["-n", &users, "-c", &users, "-t", "60", "-o", "csv", "-m", "POST"])
                .args(["-T", "application/json", "-d", BODY])
                .args(fault_as("-H"))
                .args([&url]),
        };
        Ok(tool.env("URL", &url).env("USERS", &users).env("FAULT", fault).with_all_files())
    }

    /// What it said about a run that has ended.
    ///
    /// # Errors
    /// When its result is not there or not readable.
    pub(super) fn said(&self, outcome: &Outcome, users: u32) -> Result<Said> {
        let out = repository::root().join(OUT);
        match self.tester {
            Tester::Weir => read_weir(&fs::read_to_string(out.join("run.json"))?),
            Tester::K6 | Tester::Locust => read_json(&outcome.output),
            Tester::AiPerf => {
                // Without one good answer it writes no result.
                let result = fs::read_to_string(out.join("profile_export_aiperf.json"));
                read_aiperf(result.as_deref().unwrap_or("{}"), users)
            }
            Tester::GuideLlm => {
                read_guidellm(&fs::read_to_string(out.join("guidellm.json"))?, users)
            }
            Tester::Hey => read_hey(&outcome.output, users),
        }
        .with_context(|| format!("the result of {}", self.tester.name()))
    }
}

/// The file of GuideLLM's prompts, one a line, in [`OUT`].
const PROMPTS: &str = "prompts.txt";

/// GuideLLM with its own defaults, but for as many worker processes as there are cores (it would
/// start ten) and without asking for a health endpoint, which is no part of the API.
fn guidellm(python: Tool, base: &str, users: &str, fault: &str) -> Tool {
    let headers = match fault {
        "" => json!({}),
        _ => json!({ "x-weir-fault": fault }),
    };
    let backend = json!({
        "kind": "openai_http", "target": base, "model": "m", "validate_backend": false,
        "extras": { "headers": headers },
    });
    python
        .args(["peers/testers/guidellm_cli.py", "run", "--disable-console"])
        .args(["--backend", &backend.to_string()])
        .args(["--profile", &format!("kind=concurrent,streams={users}")])
        .args(["--constraint", &format!("kind=max_requests,count={users}")])
        .args(["--data", &format!("kind=text_file,path={OUT}/{PROMPTS}")])
        .args(["--tokenizer", &format!("kind=huggingface_auto,model={TOKENIZER}")])
        .args(["--output", &format!("kind=json,path={OUT}/guidellm.json")])
        .env("GUIDELLM__MAX_WORKER_PROCESSES", &cores())
        .env("HF_HUB_OFFLINE", "1")
        .env("TRANSFORMERS_VERBOSITY", "error")
}

/// What hey's users ask; the other testers write their own question.
const BODY: &str = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;
