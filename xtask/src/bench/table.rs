//! The result of a benchmark: rows of numbers, and the bars that they should reach.

use std::cmp::Ordering;

use serde_json::{Value, json};

use crate::number::{median, three_digits as number};

/// A benchmark's rows.
pub(super) struct Table {
    /// Heads of the number columns, with their units.
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Row>,
    pub(super) bars: Vec<Bar>,
}

/// One case.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) name: String,
    /// One for each column; NaN where it cannot be known.
    pub(super) values: Vec<f64>,
}

/// A number to reach, from the design of the program.
#[derive(Debug, Clone)]
pub(super) struct Bar {
    pub(super) what: &'static str,
    pub(super) at_most: f64,
    pub(super) measured: f64,
    /// The same quantity of the control, where it has one.
    pub(super) control: Option<f64>,
}

impl Row {
    /// A case that could not be measured.
    pub(super) fn unknown(name: &str, columns: usize) -> Self {
        Self { name: name.to_owned(), values: vec![f64::NAN; columns] }
    }
}

impl Table {
    /// The table as text: the rows, then the bars.
    pub(super) fn render(&self) -> String {
        let cases = self
            .rows
            .iter()
            .map(|row| line(&row.name, row.values.iter().map(|value| number(*value))));
        let heads = line("case", self.columns.iter().map(ToString::to_string));
        let cases = aligned(std::iter::once(heads).chain(cases).collect());
        let bars = self.bars.iter().map(|bar| line(bar.what, bar.cells().into_iter()));
        let heads = ["at most", "measured", "control", "ratio", ""].map(str::to_owned);
        let bars =
            aligned(std::iter::once(line("to reach", heads.into_iter())).chain(bars).collect());
        format!("{cases}\n\n{bars}")
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
    /// `None` when it could not be measured.
    fn reached(&self) -> Option<bool> {
        self.measured.partial_cmp(&self.at_most).map(Ordering::is_le)
    }

    fn cells(&self) -> Vec<String> {
        let control = self.control.unwrap_or(f64::NAN);
        let verdict = match self.reached() {
            Some(true) => "reached",
            Some(false) => "MISSED",
            None => "not measured",
        };
        vec![
            number(self.at_most),
            number(self.measured),
            number(control),
            number(self.measured / control),
            verdict.to_owned(),
        ]
    }
}

/// The bars of several repetitions, each with its medians.
pub(super) fn medians(repetitions: Vec<Vec<Bar>>) -> Vec<Bar> {
    let Some(first) = repetitions.first() else { return Vec::new() };
    let of = |index: usize, value: fn(&Bar) -> f64| {
        median(repetitions.iter().filter_map(|bars| bars.get(index)).map(value))
    };
    let bars = first.iter().enumerate().map(|(index, bar)| Bar {
        what: bar.what,
        at_most: of(index, |bar| bar.at_most),
        measured: of(index, |bar| bar.measured),
        control: bar.control.map(|_| of(index, |bar| bar.control.unwrap_or(f64::NAN))),
    });
    bars.collect()
}

/// A name and what stands behind it.
fn line(name: &str, cells: impl Iterator<Item = String>) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(cells).collect()
}

/// Names to the left and numbers to the right, each column as wide as its widest.
fn aligned(lines: Vec<Vec<String>>) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let text = lines.iter().map(|line| {
        let mut cells = line.iter().zip(&widths);
        let (name, width) = cells.next().map_or(("", 0), |(name, width)| (name.as_str(), *width));
        let cells: String = cells.map(|(cell, width)| format!("  {cell:>width$}")).collect();
        format!("{name:<width$}{cells}").trim_end().to_owned()
    });
    text.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(measured: f64) -> Bar {
        Bar { what: "CPU, µs", at_most: 16.0, measured, control: Some(10.0) }
    }

    #[test]
    fn rows_and_bars_are_aligned_and_judged() {
        let table = Table {
            columns: vec!["cpu, µs"],
            rows: vec![Row { name: "control".into(), values: vec![9.876] }],
            bars: vec![bar(16.0), bar(16.1), bar(f64::NAN)],
        };
        let expected = "case     cpu, µs\n\
                        control     9.88\n\
                        \n\
                        to reach  at most  measured  control  ratio\n\
                        CPU, µs        16        16       10   1.60       reached\n\
                        CPU, µs        16      16.1       10   1.61        MISSED\n\
                        CPU, µs        16         –       10      –  not measured";
        assert_eq!(table.render(), expected);
        assert_eq!(table.to_json()["bars"][1]["reached"], false);
        assert_eq!(table.to_json()["bars"][2]["reached"], Value::Null);
    }

    #[test]
    fn repetitions_are_judged_by_their_median_and_one_that_failed_is_left_out() {
        let bars =
            medians(vec![vec![bar(9.0)], vec![bar(f64::NAN)], vec![bar(1.0)], vec![bar(2.0)]]);
        assert_eq!(bars.len(), 1);
        assert_eq!((bars[0].measured, bars[0].control), (2.0, Some(10.0)));
    }

    #[test]
    fn a_case_that_failed_has_a_row_of_unknown_numbers() {
        let row = Row::unknown("case", 2);
        assert!(row.values.len() == 2 && row.values.iter().all(|value| value.is_nan()));
    }
}
