//! One picture on one thread, beside Pillow's, from `weir bench media`.

use anyhow::bail;
use serde_json::Value;

use super::{COLUMNS, CPU};
use crate::bench::Setting;
use crate::bench::table::{Bar, Row};
use crate::number::median;
use crate::shell::Tool;
use crate::tools;

/// What is measured of a picture: its name in the table, the times of `weir bench media`, and the bar.
const STEPS: [(&str, &str, &str); 2] = [
    ("pixels to pixels", "resize_s", "picture, pixels to pixels: our time / Pillow's"),
    ("JPEG to PNG", "whole_s", "picture, JPEG to PNG: our time / Pillow's"),
];

/// Adds the rows of the pictures, and returns their bars: a third of Pillow's time.
pub(super) fn measure(setting: &Setting, rows: &mut Vec<Row>) -> Vec<Bar> {
    let measured = setting.progress.step("pictures, files and base64, with Python", || {
        let python = tools::python()?;
        let (items, repeat) = if setting.small { ("2", "3") } else { ("8", "9") };
        let output = Tool::new(&setting.weir)
            .args(["bench", "media", "--json", "--quiet", "--items", items, "--repeat", repeat])
            .args(["--python".as_ref(), python.as_os_str()])
            .read()?;
        let json: Value = serde_json::from_str(&output)?;
        if let Some(why) = json["python_missing"].as_str() {
            bail!("no Pillow: {why}");
        }
        Ok(json)
    });
    let mut bars = Vec::new();
    for (name, step, bar) in STEPS {
        let [ours, theirs] = ["weir", "python"].map(|by| {
            let times = measured.as_ref().and_then(|json| json["picture"][by][step].as_array());
            let times = times.into_iter().flatten().filter_map(Value::as_f64);
            median(times) * 1_000.0
        });
        bars.push(Bar { what: bar, at_most: 1.0 / 3.0, measured: ours / theirs, control: None });
        for (by, time) in [("weir", ours), ("Pillow", theirs)] {
            let mut row = Row::unknown(&format!("picture, {name}, {by}"), COLUMNS.len());
            // A picture has no transfer: its time on one thread is its CPU time.
            row.values[CPU] = time;
            rows.push(row);
        }
    }
    bars
}
