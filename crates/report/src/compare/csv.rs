//! One row a run and load with every number compared: raw values, empty where nothing was
//! measured.

use results::compare::{Column, Comparison};

use crate::csv::{field, number};

/// The comparison as CSV, the names of the columns in the first line.
#[must_use]
pub fn render(comparison: &Comparison) -> String {
    let columns = Column::all(comparison.kind);
    let mut names: Vec<String> = [
        "run_id",
        "run_name",
        "rank",
        "capacity_passed",
        "capacity_failed",
        "stage",
        "load",
        "trusted",
    ]
    .map(str::to_owned)
    .to_vec();
    names.extend(columns.iter().map(|column| column.key()));
    let mut out = format!("{}\n", names.join(","));
    let count = |count: Option<u64>| count.map_or_else(String::new, |count| count.to_string());
    for place in &comparison.ranking {
        let run = &comparison.runs[place.run];
        for level in &run.levels {
            let mut fields = vec![
                field(&run.id),
                field(&run.name),
                count(place.rank),
                count(run.capacity.passed),
                count(run.capacity.failed),
                level.stage.as_deref().map_or_else(String::new, field),
                level.load.to_string(),
                level.trusted.to_string(),
            ];
            fields.extend(columns.iter().map(|column| number(level.value(*column))));
            out.push_str(&fields.join(","));
            out.push('\n');
        }
    }
    out
}
