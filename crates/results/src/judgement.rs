//! What one level says about the target under the rule: the one function behind capacity, search,
//! verdict and exit code, for streams and tool calls alike.

use crate::load::Judged;
use crate::slo::{Quantity, Share, Slo};
use crate::units::float;

/// What one level says about the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// The rule is met.
    Met,
    /// The rule is missed, and why in words.
    Missed(String),
    /// The tester or the machine was the limit, and why in words: nothing is known.
    Untrusted(String),
}

impl Judgement {
    /// Judges a level by a rule.
    ///
    /// - A trusted level meets the rule when every predicate holds and the target did not carry one
    ///   after the other what was open at once.
    /// - What is wrong in content (wrong text, a wrong or missing file) no tester and no machine can
    ///   cause, so it counts in levels that are not trusted, too. So much of it is forgiven as the
    ///   rule's shares (`ok`, `correct`, `complete`, `success`) leave; without any such predicate
    ///   nothing is.
    #[must_use]
    pub fn of<L: Judged>(level: &L, slos: &[Slo]) -> Self {
        let at = level.load_words();
        if level.trusted()
            && let Some(missed) = slos.iter().find(|slo| slo.holds(level) != Some(true))
        {
            return Self::Missed(format!("{missed} missed at {at}"));
        }
        if !forgiven(level, slos) {
            let (wrong, ended) = (level.wrong(), level.ended());
            return Self::Missed(format!(
                "{wrong} of {ended} were wrong at {at}, whoever was the limit"
            ));
        }
        if !level.trusted() {
            let note = level.trust_notes().first().map_or("no reason recorded", String::as_str);
            return Self::Untrusted(format!("{at} not trusted: {note}"));
        }
        if level.serialised() {
            return Self::Missed(format!("calls were carried one after the other at {at}"));
        }
        Self::Met
    }

    /// Whether the rule is missed.
    #[must_use]
    pub fn is_missed(&self) -> bool {
        matches!(self, Self::Missed(_))
    }
}

/// Whether the rule leaves room for what is wrong in content, everything else having gone well.
fn forgiven<L: Judged>(level: &L, slos: &[Slo]) -> bool {
    let (wrong, ended) = (level.wrong(), level.ended());
    if wrong == 0 {
        return true;
    }
    let at_best = float(ended.saturating_sub(wrong)) / float(ended.max(1)) * 100.0;
    let about_all = |share: &Share| match share {
        Share::Ok | Share::Correct | Share::Complete | Share::Success => true,
    };
    let mut shares = slos
        .iter()
        .filter(|slo| matches!(slo.quantity, Quantity::Share(share) if about_all(&share)))
        .peekable();
    shares.peek().is_some() && shares.all(|slo| slo.comparison.holds(at_best, slo.limit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::{Level, Outcomes};
    use crate::load::RunKind;
    use crate::tools::tests as tools;
    use crate::{Call, CallOutcome, ToolsLevel};

    fn rule(texts: &[&str]) -> Vec<Slo> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    /// Of so many calls the first ones are wrong.
    fn calls(count: u64, wrong: u64, trusted: bool) -> ToolsLevel {
        let call = |number| Call {
            outcome: Some(if number <= wrong { CallOutcome::WrongBytes } else { CallOutcome::Ok }),
            ..tools::call(number, 0.0, 10.0)
        };
        ToolsLevel { trusted, ..tools::level((1..=count).map(call).collect()) }
    }

    fn check(level: &ToolsLevel, predicates: &[&str], expected: &str) {
        let words = match Judgement::of(level, &rule(predicates)) {
            Judgement::Met => "met".to_owned(),
            Judgement::Missed(why) => format!("missed: {why}"),
            Judgement::Untrusted(why) => format!("untrusted: {why}"),
        };
        assert!(words.starts_with(expected), "{words}");
    }

    #[test]
    fn a_wrong_file_misses_the_rule_whoever_was_the_limit() {
        let default = Slo::default_for(RunKind::Tools).to_string();
        check(&calls(32, 1, true), &[&default], "missed: ok >= 100% missed at 1 agent x 32 calls");
        check(&calls(32, 1, false), &[&default], "missed: 1 of 32 were wrong at 1 agent x 32");
        check(&calls(32, 0, false), &[&default], "untrusted: 1 agent x 32 calls not trusted");
    }

    #[test]
    fn what_the_rule_leaves_room_for_is_forgiven_trusted_or_not() {
        check(&calls(100, 5, true), &["ok >= 95%"], "met");
        check(&calls(100, 5, false), &["ok >= 95%"], "untrusted");
        check(&calls(100, 6, false), &["ok >= 95%"], "missed");
        check(&calls(100, 5, false), &["ok >= 90%", "correct >= 99%"], "missed");
    }

    #[test]
    fn a_rule_about_time_alone_forgives_nothing_wrong() {
        check(&calls(100, 0, true), &["call.max <= 1s"], "met");
        check(&calls(100, 1, true), &["call.max <= 1s"], "missed: 1 of 100 were wrong");
    }

    #[test]
    fn calls_that_were_carried_one_after_the_other_are_not_met() {
        let level =
            ToolsLevel { upstream_peak_open: Some(1), duration_s: 1.0, ..calls(32, 0, true) };
        check(&level, &["ok >= 100%"], "missed: calls were carried one after the other");
        let level = ToolsLevel { trusted: false, ..level };
        check(&level, &["ok >= 100%"], "untrusted");
    }

    #[test]
    fn wrong_text_counts_in_streams_that_are_not_trusted() {
        let level = |wrong_text| Level {
            trusted: false,
            outcomes: Outcomes { ok: 1_000 - wrong_text, wrong_text, ..Outcomes::default() },
            ..crate::capacity::tests::level(1_000)
        };
        let rule = [Slo::default()];
        assert!(matches!(Judgement::of(&level(5), &rule), Judgement::Untrusted(_)));
        assert!(Judgement::of(&level(6), &rule).is_missed());
    }
}
