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
}

impl Term {
    /// All terms in the order of the glossary.
    pub const ALL: [Self; 22] = [
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
            Self::Level => "A fixed number of users held at once.",
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
            Self::Success => "A 2xx status, and the stream reached its end without an error.",
            Self::Complete => {
                "Ended as its dialect demands (finish reason and terminal event), with at least \
                 the minimum of events and bytes: a whole answer."
            }
            Self::Correct => {
                "The text proved itself: its checksum matched. Unknown for text without one."
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
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_term_has_its_own_anchor() {
        let anchors: BTreeSet<String> = Term::ALL.into_iter().map(Term::id).collect();
        assert_eq!(anchors.len(), Term::ALL.len());
        assert!(anchors.contains("term-p50-p95-p99"), "{anchors:?}");
    }
}
