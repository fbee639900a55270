//! One test case for each level and predicate, for CI systems that read JUnit's XML.
//!
//! A predicate that a trusted level missed is a failure; a level that is not trusted, and a
//! quantity that was not measured at a level, are skipped: they prove nothing. A level that misses
//! the rule by something that is no predicate (see [`Judgement::of`]) has a case of its own.

use results::{Judged, Judgement, Load, Run, Slo};

use crate::number::{self, raw};
use crate::text::foreign;

/// What became of a test case.
enum Case {
    Passed,
    Failed(String),
    Skipped(String),
}

/// The run as a JUnit report.
#[must_use]
pub fn render<K: Load>(run: &Run<K>) -> String {
    let slos: Vec<Slo> = run.slo.iter().filter_map(|slo| slo.predicate.parse().ok()).collect();
    let cases: Vec<(&K::Level, String, Case)> = run
        .levels
        .iter()
        .flat_map(|level| cases_of(level, &slos).into_iter().map(move |(of, it)| (level, of, it)))
        .collect();
    let failed = cases.iter().filter(|(_, _, case)| matches!(case, Case::Failed(_))).count();
    let skipped = cases.iter().filter(|(_, _, case)| matches!(case, Case::Skipped(_))).count();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"weir: {}\" \
         tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"{skipped}\" time=\"{}\" \
         timestamp=\"{}\">\n",
        escape(&run.name),
        cases.len(),
        raw(run.duration_s),
        run.started_at,
    );
    for (level, predicate, case) in &cases {
        out.push_str(&format!(
            "    <testcase classname=\"weir.{}\" name=\"{}: {}\" time=\"{}\"",
            escape(K::scenario(&run.workload)),
            escape(&level.load_words()),
            escape(predicate),
            raw(level.duration_s()),
        ));
        out.push_str(&match case {
            Case::Passed => "/>\n".to_owned(),
            Case::Failed(why) => format!(
                ">\n      <failure message=\"{}\" type=\"slo\"/>\n    </testcase>\n",
                escape(why)
            ),
            Case::Skipped(why) => {
                format!(">\n      <skipped message=\"{}\"/>\n    </testcase>\n", escape(why))
            }
        });
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

/// The cases of one level, each with what it is about.
fn cases_of<L: Judged>(level: &L, slos: &[Slo]) -> Vec<(String, Case)> {
    let mut cases: Vec<(String, Case)> =
        slos.iter().map(|slo| (slo.to_string(), case(level, slo))).collect();
    let failed = cases.iter().any(|(_, case)| matches!(case, Case::Failed(_)));
    if let Judgement::Missed(why) = Judgement::of(level, slos)
        && !failed
    {
        cases.push(("the rule as a whole".to_owned(), Case::Failed(why)));
    }
    cases
}

fn case(level: &impl Judged, slo: &Slo) -> Case {
    if !level.trusted() {
        let notes = level.trust_notes().join("; ");
        return Case::Skipped(format!("the level is not trusted: {notes}"));
    }
    match (slo.holds(level), level.value(slo.quantity)) {
        (Some(true), _) => Case::Passed,
        (Some(false), Some(value)) => {
            let kind = crate::slo::kind_of_unit(slo.quantity.unit());
            Case::Failed(format!("measured {}", number::show(kind, Some(value))))
        }
        _ => Case::Skipped("not measured at this level".to_owned()),
    }
}

/// Text for an attribute: markup escaped, characters that XML forbids removed.
fn escape(text: &str) -> String {
    foreign(text)
        .chars()
        .filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\'' => "&apos;".to_owned(),
            c => c.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn each_level_and_predicate_is_one_case() {
        let run = samples::ladder();
        let text = render(&run);
        assert_eq!(text.matches("<testcase").count(), run.levels.len() * run.slo.len());
        assert_eq!(text.matches("<failure").count(), 4, "2250 to 3000 users miss ttft.p95 <= 2s");
    }

    #[test]
    fn an_untrusted_level_is_skipped_and_not_failed() {
        let text = render(&samples::untrusted());
        assert_eq!((text.matches("<skipped").count(), text.matches("<failure").count()), (2, 0));
    }

    #[test]
    fn what_no_predicate_says_is_a_failure_all_the_same() {
        let text = render(&crate::tools::samples::serialising());
        assert_eq!(text.matches("<failure").count(), 1);
        assert!(text.contains("calls were carried one after the other"), "{text}");
        let mut busy = crate::tools::samples::corrupt();
        busy.levels[0].trusted = false;
        let text = render(&busy);
        assert!(text.contains("1 of 32 were wrong") && text.contains("<skipped"), "{text}");
    }

    #[test]
    fn junit_reads_as_before() {
        for (name, run) in samples::all() {
            insta::assert_snapshot!(name, render(&run));
        }
        insta::assert_snapshot!("tools_ladder", render(&crate::tools::samples::ladder()));
    }
}
