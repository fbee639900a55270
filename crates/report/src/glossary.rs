//! The words of a report, each explained once: in place where it first stands, and at the end.

/// A word that a reader may not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the word of its name; `definition` says what it means")]
pub enum Term {
    User,
    Level,
    Stream,
    Event,
    Ttft,
    Ttfb,
    Connect,
    Gap,
    Stall,
    Total,
    Stretch,
    Success,
    Complete,
    Correct,
    Fairness,
    Percentile,
    Slo,
    Capacity,
    Trusted,
    Control,
    Target,
    Tester,
    Agent,
    Call,
    CallsAtOnce,
    Ok,
    File,
    Overlap,
    Probe,
    Sequential,
    Speedup,
    Floor,
    ControlCall,
}

impl Term {
    /// The terms of a report of streams, in the order of its glossary.
    pub const STREAMS: [Self; 22] = [
        Self::User,
        Self::Level,
        Self::Stream,
        Self::Event,
        Self::Ttft,
        Self::Ttfb,
        Self::Connect,
        Self::Gap,
        Self::Stall,
        Self::Total,
        Self::Stretch,
        Self::Success,
        Self::Complete,
        Self::Correct,
        Self::Fairness,
        Self::Percentile,
        Self::Slo,
        Self::Capacity,
        Self::Trusted,
        Self::Control,
        Self::Target,
        Self::Tester,
    ];

    /// The terms of a report of tool calls, in the order of its glossary.
    pub const TOOLS: [Self; 18] = [
        Self::Agent,
        Self::Call,
        Self::Level,
        Self::CallsAtOnce,
        Self::Ok,
        Self::Success,
        Self::Correct,
        Self::File,
        Self::Overlap,
        Self::Probe,
        Self::Sequential,
        Self::Speedup,
        Self::Floor,
        Self::Percentile,
        Self::Slo,
        Self::Capacity,
        Self::Trusted,
        Self::ControlCall,
    ];

    /// The word as it stands in a sentence.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Level => "level",
            Self::Stream => "stream",
            Self::Event => "event",
            Self::Ttft => "TTFT",
            Self::Ttfb => "TTFB",
            Self::Connect => "connect",
            Self::Gap => "gap",
            Self::Stall => "stall",
            Self::Total => "total",
            Self::Stretch => "stretch",
            Self::Success => "success",
            Self::Complete => "complete",
            Self::Correct => "correct",
            Self::Fairness => "fairness",
            Self::Percentile => "p50, p95, p99",
            Self::Slo => "SLO",
            Self::Capacity => "capacity",
            Self::Trusted => "trusted",
            Self::Control => "control stream",
            Self::Target => "target",
            Self::Tester => "tester",
            Self::Agent => "agent",
            Self::Call => "call",
            Self::CallsAtOnce => "calls at once",
            Self::Ok => "ok",
            Self::File => "file",
            Self::Overlap => "overlap",
            Self::Probe => "probe",
            Self::Sequential => "sequential",
            Self::Speedup => "speed-up",
            Self::Floor => "floor",
            Self::ControlCall => "control call",
        }
    }

    /// The word's anchor in the page.
    #[must_use]
    pub fn id(self) -> String {
        let name = self.name().to_lowercase();
        let words: Vec<&str> = name.split([' ', ',']).filter(|word| !word.is_empty()).collect();
        format!("term-{}", words.join("-"))
    }

    /// What it means, in one or two sentences.
    #[must_use]
    pub fn definition(self) -> &'static str {
        match self {
            Self::User => "One simulated person with at most one request in flight.",
            Self::Level => "A fixed load that is held: users, or agents and their calls.",
            Self::Stream => {
                "One streamed answer, from the request's start to its terminal event or its failure."
            }
            Self::Event => {
                "A piece of the stream that carries content for the user: text, reasoning or tool \
                 arguments. Pings, comments and role-only pieces are not counted."
            }
            Self::Ttft => {
                "Time to first token: request start to the first event with content. Connecting \
                 is part of it, because a user waits for it too."
            }
            Self::Ttfb => {
                "Time to first byte: request start to the first byte of the response head. A \
                 server may send its head long before the first word."
            }
            Self::Connect => "Opening a connection: TCP, and TLS where used. Part of TTFT.",
            Self::Gap => {
                "Time between two consecutive events of one stream. Every single gap is counted, \
                 not a mean of each stream."
            }
            Self::Stall => "A gap longer than the stall limit of the workload.",
            Self::Total => "Request start to the terminal event, of complete streams.",
            Self::Stretch => {
                "Total divided by the total that the answer would take on an idle server; \
                 1× is on time."
            }
            Self::Success => {
                "The answer reached its end without an error: a stream with a 2xx status, a call \
                 with a result that is no error."
            }
            Self::Complete => {
                "Ended as its dialect demands (finish reason and terminal event), with at least \
                 the minimum of events and bytes: a whole answer."
            }
            Self::Correct => {
                "The text proved itself by its checksum, the file by its digest. Unknown where \
                 there is none."
            }
            Self::Fairness => {
                "Jain's index of the streams' pace: 1 when all users were served alike, 1/n when \
                 one got everything."
            }
            Self::Percentile => {
                "The value that 50, 95 or 99 of 100 samples do not exceed. Shown from 1, 20 and \
                 100 samples on; else a dash."
            }
            Self::Slo => "A predicate that every trusted level is held against.",
            Self::Capacity => {
                "The highest trusted level that met every SLO, given as a bracket: held, not held."
            }
            Self::Trusted => {
                "Neither the tester nor the machine stood in the way: the level says something \
                 about the target. Other levels are shown, marked, and never used for a verdict."
            }
            Self::Control => {
                "A stream whose true course the tester knows; what it measures beside the truth \
                 is its own error."
            }
            Self::Target => "The server under test, with all its processes.",
            Self::Tester => "Weir itself, as the client that makes the load and measures.",
            Self::Agent => {
                "One client of the server, with a session of its own and several calls open at once."
            }
            Self::Call => {
                "One call of a tool, from its first byte written to its answer's last byte read."
            }
            Self::CallsAtOnce => {
                "Agents times the calls that each has open at once: the load of a level."
            }
            Self::Ok => {
                "The answer was a success, and whatever could be checked about its file was right."
            }
            Self::File => {
                "What a call left behind, read back from where it landed and hashed after the calls."
            }
            Self::Overlap => {
                "How many calls were open at one moment, counted by the tester and, where it \
                 counts, by the upstream behind the target. Equal time stamps prove nothing."
            }
            Self::Probe => {
                "A trivial call made again and again, before the load and under it: whether the \
                 server still answers."
            }
            Self::Sequential => "The same calls one after the other, before the load.",
            Self::Speedup => {
                "Wall time of the sequential calls over the wall time of the same calls at once."
            }
            Self::Floor => {
                "A bare transfer of the same bytes without any tool, in the same run: what the \
                 machine gives."
            }
            Self::ControlCall => {
                "A call whose true length the tester knows; what it measures beside the truth is \
                 its own error."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_term_has_its_own_anchor() {
        let all = [Term::STREAMS.as_slice(), Term::TOOLS.as_slice()].concat();
        let different: BTreeSet<&str> = all.iter().map(|term| term.name()).collect();
        let anchors: BTreeSet<String> = all.iter().map(|term| term.id()).collect();
        assert_eq!(anchors.len(), different.len());
        assert!(anchors.contains("term-p50-p95-p99"), "{anchors:?}");
    }
}
