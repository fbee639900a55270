//! The result as a table for people.

use std::fmt::Write as _;

use super::{Report, median};

/// The report as text of at most 80 columns.
pub(super) fn render(report: &Report) -> String {
    let (cores, items, repeat) = (report.cores, report.items, report.repeat);
    let mut text = format!(
        "{cores} cores, {items} items a workload, {repeat} runs after one to warm up:\n\
         median (least to most)\n\n"
    );
    let heads = ["one after the other", "all at once", "speed-up"];
    line(&mut text, "workload", "by", heads.map(str::to_owned));
    for row in &report.rows {
        let speedup = row.speedup.map_or_else(|| "–".to_owned(), |it| format!("{it:.2}"));
        let cells = [spread(&row.measured.in_turn_s), spread(&row.measured.at_once_s), speedup];
        line(&mut text, row.workload, row.by, cells);
    }
    pictures(&mut text, report);
    if let Some(missing) = &report.python_missing {
        let _ = write!(
            text,
            "\nPython: not measured ({missing});\n`pip install pillow`, then --python PROGRAM\n"
        );
    }
    text
}

/// One picture on one thread, in a table of its own.
fn pictures(text: &mut String, report: &Report) {
    let _ = writeln!(text, "\none picture of 2048x2048 to 1280x720, on one thread\n");
    let heads = ["pixels to pixels", "JPEG to PNG", "PNG KiB"];
    line(text, "", "by", heads.map(str::to_owned));
    let rows = [("weir", Some(&report.picture.weir)), ("Pillow", report.picture.python.as_ref())];
    for (by, picture) in rows {
        let Some(picture) = picture else { continue };
        let size = (picture.png_bytes / 1024).to_string();
        line(text, "", by, [spread(&picture.resize_s), spread(&picture.whole_s), size]);
    }
}

fn line(text: &mut String, workload: &str, by: &str, [in_turn, at_once, speedup]: [String; 3]) {
    let _ = writeln!(text, "{workload:<18} {by:<6} {in_turn:>22} {at_once:>22} {speedup:>8}");
}

/// Milliseconds.
fn spread(seconds: &[f64]) -> String {
    let least = seconds.iter().copied().reduce(f64::min);
    let most = seconds.iter().copied().reduce(f64::max);
    match (median(seconds), least, most) {
        (Some(median), Some(least), Some(most)) => {
            let [median, least, most] = [median, least, most].map(|it| it * 1_000.0);
            // Short times need a digit more to be told apart.
            let digits = if median < 100.0 { 1 } else { 0 };
            format!("{median:.digits$} ms ({least:.digits$}–{most:.digits$})")
        }
        _ => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::picture::Picture;
    use super::super::workload::Workload;
    use super::super::{Measured, PictureRows, Row};
    use super::*;

    #[test]
    fn the_table_fits_80_columns_and_says_why_python_is_missing() {
        let measured = Measured { in_turn_s: vec![1.0, 3.0, 2.0], at_once_s: vec![1.0, 0.9, 1.1] };
        let report = Report {
            items: 16,
            repeat: 3,
            cores: 2,
            rows: vec![Row::new(Workload::Images, "weir", measured)],
            picture: PictureRows {
                weir: Picture { resize_s: vec![0.01], whole_s: vec![0.1], png_bytes: 2_048 },
                python: None,
            },
            python_missing: Some("python3: No module named 'PIL'".to_owned()),
        };
        let text = render(&report);
        assert!(text.contains("2000 ms (1000–3000)     1000 ms (900–1100)     2.00"), "{text}");
        assert!(text.contains("not measured (python3: No module named 'PIL')"));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}
