use super::*;
use crate::samples;

const PLAIN: Options = Options { colour: false, full: false };
const FULL: Options = Options { colour: false, full: true };

/// Lines of one screen: what a common terminal window shows without scrolling.
const SCREEN: usize = 40;

#[test]
fn every_line_of_every_sample_fits_80_columns() {
    for (name, run) in samples::any() {
        for options in [PLAIN, FULL, Options { colour: true, full: true }] {
            for line in render(&run, options).lines() {
                assert!(width(line) <= WIDTH, "{name}: {} columns: {line}", width(line));
            }
        }
    }
}

#[test]
fn the_short_report_is_one_screen() {
    for (name, run) in samples::any() {
        let lines = render(&run, PLAIN).lines().count();
        assert!(lines <= SCREEN, "{name}: {lines} lines");
    }
}

#[test]
fn without_colour_there_is_no_control_character() {
    for (name, run) in samples::any() {
        let text = render(&run, FULL);
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{name}");
    }
}

#[test]
fn colour_changes_marks_and_no_words() {
    for (name, run) in samples::any() {
        let coloured = render(&run, Options { colour: true, full: true });
        assert_ne!(coloured, render(&run, FULL), "{name}");
        assert_eq!(console::strip_ansi_codes(&coloured), render(&run, FULL), "{name}");
    }
}

#[test]
fn the_verdict_comes_first() {
    for (name, run) in samples::any() {
        let word = run.verdict().word.as_str();
        assert!(render(&run, PLAIN).starts_with(word), "{name}");
    }
}

#[test]
fn reports_read_as_before() {
    for (name, run) in samples::any() {
        insta::assert_snapshot!(format!("short_{name}"), render(&run, PLAIN));
    }
    insta::assert_snapshot!("full_quick", render(&samples::quick(), FULL));
    insta::assert_snapshot!("full_failures", render(&samples::failures(), FULL));
    insta::assert_snapshot!("full_untrusted", render(&samples::untrusted(), FULL));
    insta::assert_snapshot!("full_empty", render(&samples::empty(), FULL));
    for (name, run) in crate::tools::samples::all() {
        insta::assert_snapshot!(format!("full_{name}"), render(&run, FULL));
    }
}
