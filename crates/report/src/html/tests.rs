use std::collections::BTreeSet;

use results::AnyRun;
use serde_json::Value;

use super::*;
use crate::figure::DERIVED;
use crate::{compare, samples};

/// A start tag: its name and attributes.
#[derive(Debug)]
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What a page consists of, in order.
#[derive(Debug)]
enum Piece {
    Open(Tag),
    Close(String),
    Text(String),
}

const VOID: [&str; 4] = ["meta", "link", "input", "br"];

/// The pieces of a page as our renderer writes them: double quotes, no comments.
fn pieces(page: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").unwrap_or(page);
    while let Some(at) = rest.find('<') {
        pieces.push(Piece::Text(rest[..at].to_owned()));
        let end = tag_end(&rest[at..]) + at;
        let inside = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = inside.strip_prefix('/') {
            pieces.push(Piece::Close(name.to_owned()));
            continue;
        }
        let tag = tag(inside);
        let raw = tag.name == "script" || tag.name == "style";
        let close = format!("</{}>", tag.name);
        pieces.push(Piece::Open(tag));
        if raw {
            let end = rest.find(&close).expect("a raw element ends");
            pieces.push(Piece::Text(rest[..end].to_owned()));
            rest = &rest[end..];
        }
    }
    pieces
}

/// Where a tag ends: at the first `>` outside quotes.
fn tag_end(text: &str) -> usize {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '>' if !quoted => return at,
            _ => {}
        }
    }
    panic!("a tag without an end: {}", &text[..text.len().min(80)]);
}

fn tag(inside: &str) -> Tag {
    let (name, mut rest) = inside.split_once(' ').unwrap_or((inside, ""));
    let mut attributes = Vec::new();
    while !rest.trim().is_empty() {
        rest = rest.trim_start();
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let key = rest[..end].to_owned();
        rest = &rest[end..];
        let value = if let Some(after) = rest.strip_prefix("=\"") {
            let end = after.find('"').expect("a quote ends");
            rest = &after[end + 1..];
            after[..end].to_owned()
        } else {
            String::new()
        };
        attributes.push((key, value));
    }
    Tag { name: name.to_owned(), attributes }
}

fn tags(page: &str) -> Vec<Tag> {
    pieces(page)
        .into_iter()
        .filter_map(|piece| if let Piece::Open(tag) = piece { Some(tag) } else { None })
        .collect()
}

/// Every start tag with the levels of the elements around it, nearest last.
fn visit(page: &str, mut each: impl FnMut(&Tag, Option<&str>)) {
    let mut around: Vec<(String, Option<String>)> = Vec::new();
    for piece in pieces(page) {
        match piece {
            Piece::Open(tag) => {
                let level = tag
                    .get("data-level")
                    .map(str::to_owned)
                    .or_else(|| around.last().and_then(|(_, level)| level.clone()));
                each(&tag, level.as_deref());
                if !VOID.contains(&tag.name.as_str()) {
                    around.push((tag.name, level));
                }
            }
            Piece::Close(name) => {
                let (open, _) = around.pop().expect("an element was opened before it ends");
                assert_eq!(open, name, "elements end in the order in which they began");
            }
            Piece::Text(_) => {}
        }
    }
    assert!(around.is_empty(), "never ended: {around:?}");
}

fn at_path<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, key| match value {
        Value::Array(list) => list.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    })
}

#[test]
fn every_number_that_is_not_derived_stands_in_the_run() {
    for (name, run) in samples::any() {
        let seen = check_numbers(name, &render(&run), &run.to_json());
        assert!(seen > 20 || name.ends_with("empty"), "{name}: only {seen} numbers were checked");
    }
    for (name, comparison) in compare::tests::all() {
        let seen = check_numbers(name, &render(&comparison), &comparison.to_json());
        assert!(seen > 5 || name.ends_with("empty"), "{name}: only {seen} numbers were checked");
    }
}

/// Every number of a page stands in its data where it says; how many there were.
fn check_numbers(name: &str, page: &str, json: &str) -> usize {
    let json: Value = serde_json::from_str(json).unwrap();
    let mut seen = 0;
    visit(page, |tag, level| {
        let (Some(metric), Some(value)) = (tag.get("data-metric"), tag.get("data-value")) else {
            return;
        };
        if metric.starts_with(DERIVED) {
            return;
        }
        // A metric of the run itself stands at the top even inside a level's row.
        let of_level = level.map(|level| format!("levels.{level}.{metric}"));
        let found = of_level
            .and_then(|path| at_path(&json, &path))
            .or_else(|| at_path(&json, metric))
            .unwrap_or_else(|| panic!("{name}: no {metric} at level {level:?}"));
        assert_eq!(found.as_f64(), value.parse().ok(), "{name}: {metric} at level {level:?}");
        seen += 1;
    });
    seen
}

#[test]
fn every_cell_with_a_number_says_where_it_comes_from() {
    for (name, run) in samples::any() {
        for tag in tags(&render(&run)) {
            let class = tag.get("class").unwrap_or_default();
            let cell = tag.name == "td" || tag.get("scope") == Some("row");
            if (cell && class.split(' ').any(|class| class == "n")) || class == "num" {
                assert!(tag.get("data-metric").is_some(), "{name}: {tag:?}");
            }
        }
    }
}

#[test]
fn the_embedded_run_reads_back_as_the_run() {
    for (name, run) in samples::any() {
        let page = render(&run);
        let (_, after) = page.split_once("<script type=\"application/json\" id=\"run\">").unwrap();
        let (json, _) = after.split_once("</script>").unwrap();
        assert!(AnyRun::from_json(json).unwrap() == run, "{name}: the embedded run differs");
    }
}

#[test]
fn nothing_is_loaded_from_outside() {
    for (name, run) in samples::any() {
        for tag in tags(&render(&run)) {
            assert!(tag.get("src").is_none(), "{name}: {tag:?}");
            if let Some(address) = tag.get("href") {
                assert!(address.starts_with('#') || address == "data:,", "{name}: {tag:?}");
            }
        }
        let style = page_style(&run);
        assert!(!style.contains("@import") && !style.contains("url("), "{name}");
    }
}

fn page_style(run: &AnyRun) -> String {
    let page = render(run);
    let (_, after) = page.split_once("<style>").unwrap();
    after.split_once("</style>").unwrap().0.to_owned()
}

#[test]
fn text_of_the_run_stays_text() {
    for page in [render(&samples::hostile()), render(&crate::tools::samples::hostile())] {
        check_escaped(&page);
    }
}

fn check_escaped(page: &str) {
    let scripts = tags(page).iter().filter(|tag| tag.name == "script").count();
    assert_eq!(scripts, 2, "the embedded run and the page's own script");
    assert!(!page.contains("<script>alert"), "markup got through");
    let handlers = tags(page)
        .into_iter()
        .any(|tag| tag.attributes.iter().any(|(key, _)| key.starts_with("on")));
    assert!(!handlers, "an event handler got through");
}

#[test]
fn anchors_are_unique_and_every_link_leads_somewhere() {
    for (name, run) in samples::any() {
        check_anchors(name, &render(&run));
    }
    for (name, comparison) in compare::tests::all() {
        check_anchors(name, &render(&comparison));
    }
}

fn check_anchors(name: &str, page: &str) {
    let tags = tags(page);
    let mut ids = BTreeSet::new();
    for id in tags.iter().filter_map(|tag| tag.get("id")) {
        assert!(ids.insert(id), "{name}: {id} twice");
    }
    for target in tags.iter().filter_map(|tag| tag.get("href")?.strip_prefix('#')) {
        assert!(ids.contains(target), "{name}: nothing is called {target}");
    }
    for labels in tags.iter().filter_map(|tag| tag.get("aria-labelledby")) {
        assert!(labels.split(' ').all(|id| ids.contains(id)), "{name}: {labels}");
    }
}

#[test]
fn a_page_is_small_whatever_the_run() {
    for (name, run) in samples::any() {
        let size = render(&run).len();
        assert!(size < MOST_BYTES, "{name}: {size} bytes");
    }
    let mut long = samples::ladder();
    let levels = long.levels.clone();
    long.levels.extend(levels.iter().cycle().take(47).cloned());
    for level in &mut long.levels {
        let point = level.timeline[0];
        level.timeline = vec![point; 600];
    }
    let page = render(&long);
    assert!(page.len() < MOST_BYTES, "sixty long levels: {} bytes", page.len());
    for said in ["charts of 0 of its 60 levels", "too large for this page", "of 60 rows"] {
        assert!(page.contains(said), "what is left out is said: {said}");
    }
}

#[test]
fn charts_show_their_values_without_a_script() {
    let page = render(&samples::quick());
    let drawings = tags(&page).iter().filter(|tag| tag.get("role") == Some("img")).count();
    assert_eq!(drawings, 6 + 2 * 4, "six of the run, two of each level");
    let hits = page.matches("<g class=\"hit\"").count();
    assert_eq!(page.matches("<title>").count(), hits + 1, "one for each value and the page's own");
}

/// The page's skeleton: elements with an anchor, headings, and what they say.
#[test]
fn pages_are_built_as_before() {
    for (name, run) in samples::any() {
        let mut outline = String::new();
        let mut heading = None;
        for piece in pieces(&render(&run)) {
            match piece {
                Piece::Open(tag)
                    if matches!(tag.name.as_str(), "h1" | "h2" | "h3" | "figcaption") =>
                {
                    heading = Some((tag.name, String::new()));
                }
                Piece::Open(tag) if heading.is_none() => {
                    if let Some(id) = tag.get("id") {
                        let class = tag.get("class").map_or(String::new(), |c| format!(".{c}"));
                        outline.push_str(&format!("{}#{id}{class}\n", tag.name));
                    }
                }
                Piece::Close(name) if heading.as_ref().is_some_and(|(open, _)| *open == name) => {
                    let (name, text) = heading.take().unwrap();
                    outline.push_str(&format!("{name}: {}\n", text.trim()));
                }
                Piece::Text(text) => {
                    if let Some((_, heading)) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        insta::assert_snapshot!(name, outline);
    }
}
