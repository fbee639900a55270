//! What a user costs, when the price of a server is given.

use results::units::float;

use super::{lower_remedy, not_measured};
use crate::document::{Block, Column, Row, Section, Table};
use crate::figure::Figure;
use crate::number::Kind;
use crate::overview::Overview;
use crate::plan::Plan;

pub(super) fn section(overview: &Overview<'_>) -> Section {
    let plan = Plan::of(overview);
    let block = match (overview.run.workload.server_cost_per_month, plan.per_replica()) {
        (None, _) => not_measured(
            "cost per user: the price of a server is not given",
            "run again with --server-cost and the monthly price of one server",
        ),
        (Some(_), None) => {
            not_measured("cost per user: no trusted level met the rule", lower_remedy(overview))
        }
        (Some(price), Some(_)) => Block::Table(table(&plan, price)),
    };
    Section {
        id: "cost",
        title: "Cost per user",
        question: "What does one more user at once cost?",
        blocks: vec![block],
    }
}

fn table(plan: &Plan<'_>, price: f64) -> Table {
    let rows = [("optimal", plan.optimal), ("maximum", plan.maximum)]
        .into_iter()
        .filter_map(|(name, view)| view.map(|view| (name, view)))
        .filter(|(_, view)| view.level.users > 0)
        .map(|(name, view)| {
            let each = price / float(view.level.users);
            Row::of(vec![
                name.into(),
                Figure::of_run("workload.server_cost_per_month", Kind::Money, Some(price)).into(),
                view.users().into(),
                Figure::derived(&format!("cost.{name}"), Kind::Money, Some(each)).into(),
            ])
        })
        .collect();
    Table {
        id: "cost-table".to_owned(),
        caption: "Price of a server, shared by the users it carries at once".to_owned(),
        columns: vec![
            Column::words("plan"),
            Column::numbers("server, month", Kind::Money),
            Column::numbers("users", Kind::Count),
            Column::numbers("each user, month", Kind::Money),
        ],
        rows,
        notes: vec![
            "in the currency of the price given; provider's tokens are not part of it".to_owned(),
        ],
    }
}
