//! The report of a comparison: who carries most, the same numbers of each run, what changed
//! against the first, and whether the runs can be compared at all.

mod charts;
pub mod csv;
mod findings;
mod head;
mod sections;
#[cfg(test)]
pub(crate) mod tests;
mod view;

use results::compare::Comparison;

use crate::document::Document;
use crate::subject::{Data, Subject};
use view::View;

impl Subject for Comparison {
    fn document(&self) -> Document {
        let view = View { comparison: self };
        Document {
            title: head::title(view),
            subtitle: head::subtitle(view),
            headline: head::headline(view),
            key_numbers: head::key_numbers(view),
            levels_title: "Ranking",
            levels: head::ranking(view),
            charts_levels: false,
            level_charts: charts::charts(view),
            findings: findings::findings(view),
            sections: sections::sections(view),
        }
    }

    fn data(&self) -> Data {
        Data::new(serde_json::to_string(self), None)
    }

    fn short_data(&self) -> Data {
        let mut short = self.clone();
        for level in short.runs.iter_mut().flat_map(|run| &mut run.levels) {
            level.values.clear();
        }
        Data::new(serde_json::to_string(&short), Some("values of single levels"))
    }

    fn file(&self) -> &'static str {
        "comparison.json"
    }
}
