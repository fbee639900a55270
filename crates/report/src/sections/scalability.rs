//! How latency grows with users, and where it bends.

use results::summary::Statistic;

use super::levels::row;
use super::{ladder_remedy, no_levels, not_measured, with_notes};
use crate::document::{Block, Cell, Column, Section, Table};
use crate::figure::{Figure, Metric};
use crate::growth::{BEND_FACTOR, BEND_MIN_RISE, Growth};
use crate::number::{self, Kind};
use crate::overview::{LevelView, Overview};
use crate::text::{Text, text};

pub(super) fn section(overview: &Overview<'_>) -> Section {
    Section {
        id: "scalability",
        title: "Scalability",
        question: "What does each further user cost, and where does that bend?",
        blocks: blocks(overview),
    }
}

fn blocks(overview: &Overview<'_>) -> Vec<Block> {
    if overview.levels.is_empty() {
        return vec![no_levels()];
    }
    if overview.base_and_top().is_none() {
        return vec![not_measured(
            "growth needs two trusted levels of different size",
            ladder_remedy(overview),
        )];
    }
    let rules = [
        (Metric::Ttft, Statistic::P95, "TTFT p95"),
        (Metric::Total, Statistic::P95, "total p95"),
        (Metric::Stretch, Statistic::P95, "stretch p95"),
    ];
    let sentences: Vec<Text> = rules
        .into_iter()
        .filter_map(|(metric, statistic, name)| {
            Growth::of(overview, metric, statistic).map(|growth| sentence(name, &growth))
        })
        .collect();
    let rule = format!(
        "A bend is where the growth for each user is at least {} times as steep after a level as \
         before it, and the quantity rises by at least {} from there.",
        number::tick(BEND_FACTOR),
        number::limit_percent(BEND_MIN_RISE),
    );
    vec![Block::List(sentences), Block::Table(steps(overview)), Block::Paragraph(rule.into())]
}

fn sentence(name: &str, growth: &Growth<'_>) -> Text {
    let at = |view: LevelView<'_>| view.summary(growth.metric, growth.statistic);
    let mut sentence = text![
        format!("{name}: "),
        at(growth.base),
        " at ",
        growth.base.users(),
        " users, ",
        at(growth.top),
        " at ",
        growth.top.users(),
        ": "
    ];
    let per_user =
        if growth.metric.kind() == Kind::Latency { "" } else { " for each thousand users" };
    match growth.bend {
        Some(bend) => sentence.extend(text![
            growth.figure("before", bend.before),
            per_user,
            " up to ",
            bend.at.users(),
            " users, where it bends, and ",
            growth.figure("after", bend.after),
            per_user,
            " after."
        ]),
        None => sentence.extend(text![
            growth.figure("per_user", growth.per_user),
            per_user,
            ", no bend."
        ]),
    }
    sentence
}

/// From each trusted level to the next: what one further user cost.
fn steps(overview: &Overview<'_>) -> Table {
    let mut before: Option<LevelView<'_>> = None;
    let mut rows = Vec::new();
    for &view in &overview.trusted {
        let cost = |metric: Metric, statistic: Statistic| {
            let at = |view: LevelView<'_>| metric.of(view.level)?.supported(statistic);
            let cost =
                before.filter(|before| view.level.users > before.level.users).and_then(|before| {
                    let users = results::units::float(view.level.users - before.level.users);
                    Some((at(view)? - at(before)?) / users)
                });
            Figure::derived(
                &format!("step.{}.{}", metric.field(), statistic.name()),
                Kind::MillisPerUser,
                cost,
            )
            .at_level(view.index)
        };
        let cells: Vec<Cell> = vec![
            view.users().into(),
            view.summary(Metric::Ttft, Statistic::P95).into(),
            cost(Metric::Ttft, Statistic::P95).into(),
            view.summary(Metric::Total, Statistic::P95).into(),
            cost(Metric::Total, Statistic::P95).into(),
        ];
        rows.push(row(view, cells));
        before = Some(view);
    }
    with_notes(Table {
        id: "steps-table".to_owned(),
        caption: "From level to level (trusted levels)".to_owned(),
        columns: vec![
            Column::numbers("users", Kind::Count),
            Column::numbers("TTFT p95", Kind::Latency),
            Column::numbers("each user", Kind::MillisPerUser),
            Column::numbers("total p95", Kind::Latency),
            Column::numbers("each user", Kind::MillisPerUser),
        ],
        rows,
        notes: Vec::new(),
    })
}
