use super::*;
use crate::samples;

#[test]
fn every_row_of_a_table_has_as_many_cells_as_its_head() {
    for (name, run) in samples::any() {
        let text = render_folder(&run).text;
        let mut cells = None;
        for line in text.lines() {
            if !line.starts_with('|') {
                cells = None;
                continue;
            }
            let bars = line.replace("\\|", "").matches('|').count();
            assert_eq!(*cells.get_or_insert(bars), bars, "{name}: {line}");
        }
    }
}

#[test]
fn every_chart_that_is_shown_is_a_file_and_the_other_way_round() {
    for (name, run) in samples::any() {
        let folder = render_folder(&run);
        for file in &folder.files {
            assert!(folder.text.contains(&format!("]({})", file.name)), "{name}: {}", file.name);
            assert!(file.contents.starts_with("<svg xmlns="), "{name}: {}", file.name);
        }
        assert_eq!(folder.text.matches(".svg)").count(), folder.files.len(), "{name}");
        assert_eq!(render(&run).matches("![").count(), 0, "{name}");
    }
}

#[test]
fn markup_of_the_run_stays_text() {
    check_escaped(&render(&samples::hostile()));
    check_escaped(&render(&crate::tools::samples::hostile()));
}

fn check_escaped(text: &str) {
    // What stands between fences is shown as it is.
    let text: String = text.split("```").step_by(2).collect();
    let text = text.replace("<sub>", "").replace("</sub>", "");
    assert!(!text.replace("\\<", "").contains('<'), "markup got through");
    assert!(!text.contains("[x](http"), "a link got through");
}

#[test]
fn markdown_reads_as_before() {
    for (name, run) in samples::any() {
        insta::assert_snapshot!(name, render(&run));
    }
    let quick = render_folder(&samples::quick());
    let outcomes = quick.files.iter().find(|file| file.name == "chart-outcomes.svg").unwrap();
    insta::assert_snapshot!("quick_chart_outcomes", outcomes.contents);
}
