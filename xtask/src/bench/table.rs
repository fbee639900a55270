//! The result of a benchmark: rows of numbers, and the bars that they should reach.

use serde_json::{Value, json};

/// A benchmark's rows.
pub(super) struct Table {
    /// Heads of the number columns, with their units.
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Row>,
    pub(super) bars: Vec<Bar>,
}

/// One case.
pub(super) struct Row {
    pub(super) name: String,
    /// One for each column; NaN where it cannot be known.
    pub(super) values: Vec<f64>,
}

/// A number to reach, from the design of the program.
pub(super) struct Bar {
    pub(super) what: &'static str,
    pub(super) at_most: f64,
    pub(super) measured: f64,
    /// The same quantity of the control, where it has one.
    pub(super) control: Option<f64>,
}

impl Table {
    /// The table as text: the rows, then the bars.
    pub(super) fn render(&self) -> String {
        let mut lines = vec![aligned("case", self.columns.iter().map(ToString::to_string))];
        for row in &self.rows {
            lines.push(aligned(&row.name, row.values.iter().map(|value| number(*value))));
        }
        lines.push(String::new());
        let heads = ["at most", "measured", "control", "ratio", ""];
        lines.push(aligned("to reach", heads.iter().map(ToString::to_string)));
        for bar in &self.bars {
            lines.push(aligned(bar.what, bar.cells().into_iter()));
        }
        lines.join("\n")
    }

    pub(super) fn to_json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let named = self.columns.iter().zip(&row.values);
            let values: serde_json::Map<String, Value> =
                named.map(|(column, value)| ((*column).to_owned(), json!(value))).collect();
            json!({ "case": row.name, "values": values })
        });
        let bars = self.bars.iter().map(|bar| {
            json!({
                "what": bar.what, "at_most": bar.at_most, "measured": bar.measured,
                "control": bar.control, "reached": bar.reached(),
            })
        });
        json!({ "rows": rows.collect::<Vec<_>>(), "bars": bars.collect::<Vec<_>>() })
    }
}

impl Bar {
    fn reached(&self) -> bool {
        self.measured <= self.at_most
    }

    fn cells(&self) -> Vec<String> {
        let control = self.control.unwrap_or(f64::NAN);
        vec![
            number(self.at_most),
            number(self.measured),
            number(control),
            number(self.measured / control),
            if self.reached() { "reached" } else { "MISSED" }.to_owned(),
        ]
    }
}

/// A name and right-aligned columns.
fn aligned(name: &str, cells: impl Iterator<Item = String>) -> String {
    let cells: String = cells.map(|cell| format!(" {cell:>13}")).collect();
    format!("{name:<58}{cells}").trim_end().to_owned()
}

/// Three significant digits, or a dash.
fn number(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    match value.abs() {
        size if size >= 100.0 || size == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_bars_are_aligned_and_judged() {
        let bar = |measured| Bar { what: "CPU, µs", at_most: 16.0, measured, control: Some(10.0) };
        let table = Table {
            columns: vec!["cpu, µs"],
            rows: vec![Row { name: "control".into(), values: vec![9.876] }],
            bars: vec![bar(16.0), bar(16.1)],
        };
        let text = table.render();
        let lines: Vec<Vec<&str>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["control", "9.88"]);
        assert_eq!(lines[4], ["CPU,", "µs", "16.0", "16.0", "10.0", "1.60", "reached"]);
        assert_eq!(lines[5], ["CPU,", "µs", "16.0", "16.1", "10.0", "1.61", "MISSED"]);
        assert_eq!(table.to_json()["bars"][1]["reached"], false);
    }

    #[test]
    fn what_is_not_known_is_a_dash_and_reaches_nothing() {
        assert_eq!(number(f64::NAN), "-");
        let bar = Bar { what: "x", at_most: 1.0, measured: f64::NAN, control: None };
        assert!(!bar.reached());
    }
}
