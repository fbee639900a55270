//! Prometheus alert rules with the thresholds of the run.
//!
//! The metric names are those of Weir's gateway; for another server they are to be replaced by
//! its own, which the file says. The thresholds are the same as in the report's table.

use results::Run;

use crate::number::{Kind, raw, show, three_digits};
use crate::overview::Overview;
use crate::text::foreign;
use crate::threshold::{Threshold, Watched, thresholds};

/// How long a limit must be passed before anybody is told, so that one slow minute wakes nobody.
const WARNING_FOR: &str = "10m";
/// The same for what needs action.
const CRITICAL_FOR: &str = "5m";

/// An alert rules file for Prometheus.
#[must_use]
pub fn render(run: &Run) -> String {
    let overview = Overview::of(run);
    let rules: Vec<String> = thresholds(&overview).iter().flat_map(rules).collect();
    let mut out = head(run);
    if rules.is_empty() {
        out.push_str(
            "# No trusted level met the rule: there is nothing to derive thresholds from.\n\
             groups: []\n",
        );
        return out;
    }
    out.push_str("groups:\n  - name: weir\n    rules:\n");
    for rule in rules {
        out.push_str(&rule);
    }
    out
}

fn head(run: &Run) -> String {
    format!(
        "# Prometheus alert rules, thresholds derived by Weir {version} from its run {id}\n\
         # ({name}). They hold for the machine and the load of that run and for no other.\n\
         #\n\
         # Metrics (of Weir's gateway; replace the names for another server):\n\
         #   weir_gateway_time_to_first_token_seconds  histogram, request to first event\n\
         #   weir_gateway_open_streams                 gauge, streams open now\n\
         #   weir_gateway_streams_total{{outcome=…}}     counter, ended streams by outcome; \
         \"ok\" is whole\n",
        version = foreign(&run.weir_version),
        id = foreign(&run.id),
        name = foreign(&run.name),
    )
}

/// What an alert is about: its name, its expression up to the limit, and its words.
struct Alert {
    name: &'static str,
    expression: &'static str,
    summary: &'static str,
    /// Raw value of the threshold to what the metric counts: milliseconds to seconds and so on.
    factor: f64,
}

fn alert(watched: Watched) -> Option<Alert> {
    match watched {
        Watched::Ttft => Some(Alert {
            name: "WeirTimeToFirstToken",
            expression: "histogram_quantile(0.95, sum by (le) \
                         (rate(weir_gateway_time_to_first_token_seconds_bucket[5m])))",
            summary: "users wait long for the first word (p95)",
            factor: 0.001,
        }),
        Watched::OpenStreams => Some(Alert {
            name: "WeirOpenStreams",
            expression: "max by (instance) (weir_gateway_open_streams)",
            summary: "one server holds more streams than it was measured with",
            factor: 1.0,
        }),
        Watched::FailedShare => Some(Alert {
            name: "WeirAnswersNotWhole",
            expression: "sum(rate(weir_gateway_streams_total{outcome!=\"ok\"}[5m])) \
                         / sum(rate(weir_gateway_streams_total[5m]))",
            summary: "answers do not arrive whole",
            factor: 0.01,
        }),
        Watched::Gap | Watched::Cpu | Watched::Memory => None,
    }
}

/// The warning and the critical rule of a threshold, where a metric exists for it.
fn rules(threshold: &Threshold) -> Vec<String> {
    let Some(alert) = alert(threshold.watched) else { return Vec::new() };
    [("warning", &threshold.warning, WARNING_FOR), ("critical", &threshold.critical, CRITICAL_FOR)]
        .into_iter()
        .filter_map(|(severity, limit, wait)| {
            let value = limit.value?;
            Some(format!(
                "      - alert: {name}\n\
             \x20       expr: {expression} > {limit}\n\
             \x20       for: {wait}\n\
             \x20       labels:\n\
             \x20         severity: {severity}\n\
             \x20       annotations:\n\
             \x20         summary: {summary}\n\
             \x20         description: {description}\n",
                name = alert.name,
                expression = alert.expression,
                limit = limit_text(limit.kind, value * alert.factor),
                summary =
                    quoted(&format!("{}: above {}", alert.summary, show(limit.kind, limit.value))),
                description = quoted(&format!("threshold: {}", threshold.origin)),
            ))
        })
        .collect()
}

/// A limit with the three digits that people are shown; counts keep all of theirs.
fn limit_text(kind: Kind, value: f64) -> String {
    raw(if kind == Kind::Count { value } else { three_digits(value) })
}

/// A YAML string in double quotes. Braces are kept from Prometheus' templates.
fn quoted(text: &str) -> String {
    let text = foreign(text).replace('\\', "\\\\").replace('"', "\\\"").replace("{{", "{ {");
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn strings_stay_strings() {
        assert_eq!(quoted("a \"b\"\n{{ $x }}"), r#""a \"b\" { { $x }}""#);
    }

    #[test]
    fn a_name_of_several_lines_stays_in_the_comment() {
        let text = render(&samples::hostile());
        assert!(
            text.lines().take_while(|line| *line != "groups:").all(|line| line.starts_with('#'))
        );
    }

    #[test]
    fn without_a_level_that_met_the_rule_there_are_no_rules() {
        assert!(render(&samples::empty()).ends_with("groups: []\n"));
    }

    #[test]
    fn alerts_read_as_before() {
        for (name, run) in samples::all() {
            insta::assert_snapshot!(name, render(&run));
        }
    }
}
