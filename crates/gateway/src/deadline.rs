//! The deadlines on the upstream's side, by name.

/// Which wait took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Deadline {
    /// `deadlines.connect`
    Connect,
    /// `deadlines.upstream_head`
    UpstreamHead,
    /// `deadlines.first_event`
    FirstEvent,
    /// `deadlines.idle`
    Idle,
    /// `deadlines.whole_answer`
    WholeAnswer,
    /// `deadlines.total`
    Total,
    /// `drain.timeout`
    Drain,
}

impl Deadline {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Connect,
        Self::UpstreamHead,
        Self::FirstEvent,
        Self::Idle,
        Self::WholeAnswer,
        Self::Total,
        Self::Drain,
    ];

    /// The name in metrics, logs and error codes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect_deadline",
            Self::UpstreamHead => "upstream_head_deadline",
            Self::FirstEvent => "first_event_deadline",
            Self::Idle => "idle_deadline",
            Self::WholeAnswer => "whole_answer_deadline",
            Self::Total => "total_deadline",
            Self::Drain => "drain_deadline",
        }
    }

    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::Connect => "the provider could not be reached in time",
            Self::UpstreamHead => "the provider did not begin to answer in time",
            Self::FirstEvent => "the provider sent no first event in time",
            Self::Idle => "the provider fell silent",
            Self::WholeAnswer => "the provider did not answer in time",
            Self::Total => "the answer took too long",
            Self::Drain => "this server is going down",
        }
    }
}
