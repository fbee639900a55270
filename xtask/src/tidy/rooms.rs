//! Which crate may use what, and why not more.

/// A crate of the workspace: everything that it may name under `[dependencies]`, and what it must
/// never reach, not even through somebody else.
pub(super) struct Room {
    /// The package's name.
    pub(super) name: &'static str,
    /// Crates of the workspace that it may use.
    pub(super) ours: &'static [&'static str],
    /// Libraries that it may use.
    pub(super) libraries: &'static [&'static str],
    /// What it must never reach, each with the reason.
    pub(super) never: &'static [(&'static str, &'static str)],
}

const PURE_WIRE: &str = "wire formats are pure functions of bytes";
const PURE_RESULTS: &str = "results are data and verdicts, without I/O";
const PURE_REPORT: &str = "reports are pure functions of a Run";
const NO_DOMAIN: &str = "runtime serves every room and knows none of their words";
const ONLY_SOCKETS: &str = "the rooms meet on a socket and nowhere else";
const BLIND_TESTER: &str = "a tester that can see its target could flatter it";
const OWN_WORK: &str = "a control shows what the bare work costs, without any part of ours";
const FEW_TOOLS: &str = "automation must run when the product does not build";

/// All crates of the workspace. A crate without a row here is not tidy.
pub(super) const ROOMS: &[Room] = &[
    Room {
        name: "wire",
        ours: &[],
        libraries: &["base64", "bytes", "crc32fast", "memchr", "serde", "serde_json", "thiserror"],
        never: &[
            ("tokio", PURE_WIRE),
            ("hyper", PURE_WIRE),
            ("axum", PURE_WIRE),
            ("h2", PURE_WIRE),
            ("jiff", PURE_WIRE),
        ],
    },
    Room {
        name: "results",
        ours: &[],
        libraries: &["hdrhistogram", "jiff", "schemars", "serde", "serde_json", "thiserror"],
        never: &[
            ("tokio", PURE_RESULTS),
            ("wire", "results count what was judged elsewhere; they know no wire format"),
            ("hyper", PURE_RESULTS),
        ],
    },
    Room {
        name: "runtime",
        ours: &[],
        libraries: &["procfs", "rlimit", "rustix", "socket2", "thiserror", "tokio", "tokio-util", "tracing"],
        never: &[("wire", NO_DOMAIN), ("results", NO_DOMAIN)],
    },
    Room {
        name: "simulator",
        ours: &["runtime", "wire"],
        libraries: &[
            "bytes",
            "h2",
            "http",
            "http-body",
            "http-body-util",
            "hyper",
            "hyper-util",
            "jiff",
            "prometheus-client",
            "rand",
            "rand_distr",
            "rand_pcg",
            "serde",
            "serde_json",
            "thiserror",
            "tokio",
            "tokio-util",
            "toml",
            "tracing",
        ],
        never: &[
            ("stress", ONLY_SOCKETS),
            ("results", "the simulator serves; it has no results"),
            ("report", ONLY_SOCKETS),
        ],
    },
    Room {
        name: "gateway",
        ours: &["runtime", "wire"],
        libraries: &[
            "base64",
            "bytes",
            "futures-util",
            "http",
            "http-body",
            "http-body-util",
            "hyper",
            "hyper-util",
            "jiff",
            "memchr",
            "pin-project-lite",
            "prometheus-client",
            "ring",
            "rustls",
            "rustls-native-certs",
            "serde",
            "serde_json",
            "subtle",
            "thiserror",
            "tokio",
            "tokio-rustls",
            "tokio-util",
            "toml",
            "tracing",
        ],
        never: &[
            ("simulator", ONLY_SOCKETS),
            ("stress", ONLY_SOCKETS),
            ("results", "the gateway serves; it has no results"),
            ("report", ONLY_SOCKETS),
        ],
    },
    Room {
        name: "stress",
        ours: &["results", "runtime", "wire"],
        libraries: &[
            "base64",
            "bytes",
            "futures-util",
            "h2",
            "http",
            "httparse",
            "jiff",
            "md-5",
            "memchr",
            "rand",
            "rand_distr",
            "rand_pcg",
            "rustls",
            "rustls-native-certs",
            "serde",
            "serde_json",
            "sha2",
            "socket2",
            "thiserror",
            "tokio",
            "tokio-rustls",
            "tokio-util",
            "toml",
            "tracing",
        ],
        never: &[
            ("simulator", BLIND_TESTER),
            ("report", "measuring and showing meet in run.json"),
            ("console", "the tester returns results; the cli speaks to people"),
            ("indicatif", "the tester returns results; the cli speaks to people"),
        ],
    },
    Room {
        name: "report",
        ours: &["results"],
        libraries: &["console", "maud", "serde_json"],
        never: &[
            ("tokio", PURE_REPORT),
            ("wire", PURE_REPORT),
            ("runtime", PURE_REPORT),
            ("simulator", PURE_REPORT),
            ("stress", PURE_REPORT),
        ],
    },
    Room {
        name: "weir",
        ours: &["gateway", "report", "results", "runtime", "simulator", "stress", "wire"],
        libraries: &[
            "anyhow",
            "clap",
            "clap_complete",
            "console",
            "indicatif",
            "jiff",
            "schemars",
            "serde_json",
            "tokio",
            "tokio-util",
            "toml",
            "tracing",
            "tracing-subscriber",
        ],
        never: &[],
    },
    Room {
        name: "integration-tests",
        ours: &["report", "results", "runtime", "simulator", "stress", "wire"],
        libraries: &["anyhow", "jiff", "serde_json", "tokio"],
        never: &[("weir", "integration tests run the real program, as a process")],
    },
    Room {
        name: "bench-control",
        ours: &[],
        libraries: &[
            "anyhow",
            "bytes",
            "clap",
            "h2",
            "hdrhistogram",
            "http",
            "memchr",
            "mio",
            "rlimit",
            "serde_json",
            "socket2",
            "tokio",
        ],
        never: &[
            ("wire", OWN_WORK),
            ("runtime", OWN_WORK),
            ("simulator", OWN_WORK),
            ("stress", OWN_WORK),
            ("hyper", "the control is the bare socket work, without an HTTP library"),
        ],
    },
    Room {
        name: "xtask",
        ours: &[],
        libraries: &["anyhow", "clap", "serde_json", "toml"],
        never: &[
            ("tokio", FEW_TOOLS),
            ("wire", FEW_TOOLS),
            ("runtime", FEW_TOOLS),
            ("results", FEW_TOOLS),
            ("report", FEW_TOOLS),
            ("simulator", FEW_TOOLS),
            ("stress", FEW_TOOLS),
        ],
    },
];
