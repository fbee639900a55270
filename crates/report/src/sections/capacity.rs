//! How many users to plan for, and how many replicas carry more.

use results::summary::Statistic;

use super::levels::row;
use super::{lower_remedy, not_measured};
use crate::document::{Block, Column, Row, Section, Table};
use crate::figure::{Figure, Metric};
use crate::number::{self, Kind};
use crate::overview::Overview;
use crate::plan::{BURST_COMPLETE_PERCENT, DEFAULT_MULTIPLES, OPTIMAL_GROWTH, Plan, Replicas};
use crate::text::{Text, text};

pub(super) fn section(overview: &Overview<'_>) -> Section {
    let plan = Plan::of(overview);
    let mut blocks = Vec::new();
    if plan.maximum.is_none() && plan.burst.is_none() {
        blocks.push(not_measured(
            "capacity: no trusted level met the rule, and none lost nothing",
            lower_remedy(overview),
        ));
    } else {
        blocks.push(Block::Table(levels(&plan)));
        blocks.push(Block::List(rules(overview)));
    }
    match plan.per_replica() {
        Some(_) => blocks.push(Block::Table(replicas(overview, &plan))),
        None => blocks.push(not_measured(
            "replicas: no level met the rule, so that nothing can be multiplied",
            lower_remedy(overview),
        )),
    }
    Section {
        id: "capacity",
        title: "Recommended capacity",
        question: "How many users should one server be planned for?",
        blocks,
    }
}

fn levels(plan: &Plan<'_>) -> Table {
    let rows = [("optimal", plan.optimal), ("maximum", plan.maximum), ("burst", plan.burst)]
        .into_iter()
        .map(|(name, view)| match view {
            Some(view) => row(
                view,
                vec![
                    name.into(),
                    view.users().into(),
                    view.complete().into(),
                    view.summary(Metric::Ttft, Statistic::P95).into(),
                    view.summary(Metric::Total, Statistic::P95).into(),
                ],
            ),
            None => {
                let none = |kind| Figure::derived(&format!("plan.{name}"), kind, None).into();
                Row::of(vec![
                    name.into(),
                    none(Kind::Count),
                    none(Kind::Percent),
                    none(Kind::Latency),
                    none(Kind::Latency),
                ])
            }
        })
        .collect();
    Table {
        id: "plan-table".to_owned(),
        caption: "Users at once on one server".to_owned(),
        columns: vec![
            Column::words("plan"),
            Column::numbers("users", Kind::Count),
            Column::numbers("complete", Kind::Percent),
            Column::numbers("TTFT p95", Kind::Latency),
            Column::numbers("total p95", Kind::Latency),
        ],
        rows,
        notes: Vec::new(),
    }
}

fn rules(overview: &Overview<'_>) -> Vec<Text> {
    let capacity = &overview.run.capacity;
    let mut rules: Vec<Text> = vec![
        format!(
            "Optimal: the highest level that met the rule with a TTFT p95 of at most {}× that of \
             the lowest trusted level.",
            number::tick(OPTIMAL_GROWTH),
        )
        .into(),
        "Maximum: the highest level that met the rule, with every trusted level below it.".into(),
        format!(
            "Burst: the highest trusted level with at least {} of the answers complete, late or \
             not.",
            number::limit_percent(BURST_COMPLETE_PERCENT / 100.0),
        )
        .into(),
    ];
    match (capacity.passed, capacity.failed) {
        (Some(_), None) => rules.push(
            "No trusted level missed the rule: the limit was not found and may lie higher. To \
             find it, add higher levels to the ladder."
                .into(),
        ),
        (Some(passed), Some(failed)) => rules.push(text![
            "The limit lies at ",
            Figure::of_run("capacity.passed", Kind::Count, Some(results::units::float(passed))),
            " users or above, and below ",
            Figure::of_run("capacity.failed", Kind::Count, Some(results::units::float(failed))),
            ". To narrow it, add levels between them."
        ]),
        (None, _) => {}
    }
    rules
}

fn replicas(overview: &Overview<'_>, plan: &Plan<'_>) -> Table {
    let each = plan.per_replica().map_or(0, |view| view.level.users);
    let maximum = plan.maximum.map_or(each, |view| view.level.users);
    let wanted: Vec<u64> = match overview.run.workload.plan_users {
        Some(users) => vec![users],
        None => DEFAULT_MULTIPLES.map(|multiple| each.saturating_mul(multiple)).to_vec(),
    };
    let rows = wanted
        .into_iter()
        .map(|users| {
            let comfortable = Replicas::of(users, each);
            let tight = Replicas::of(users, maximum);
            Row::of(vec![
                Replicas::figure("users", users).into(),
                Replicas::figure("optimal", comfortable.needed).into(),
                Replicas::figure("with_spare", comfortable.with_spare).into(),
                Replicas::figure("maximum", tight.needed).into(),
            ])
        })
        .collect();
    Table {
        id: "replicas-table".to_owned(),
        caption: format!(
            "Replicas for more users, {} on each (at the maximum {})",
            number::count(each),
            number::count(maximum)
        ),
        columns: vec![
            Column::numbers("users", Kind::Count),
            Column::numbers("replicas", Kind::Count),
            Column::numbers("and one spare", Kind::Count),
            Column::numbers("at the maximum", Kind::Count),
        ],
        rows,
        notes: vec![
            "counted, not measured: replicas that share a database, a provider's limit or a link \
             carry less; to measure it, run against the load balancer"
                .to_owned(),
        ],
    }
}
