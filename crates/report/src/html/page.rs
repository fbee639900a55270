//! The page around the sections.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::blocks::{block, chart, inline};
use super::embed::Embedded;
use super::table::table;
use crate::chart;
use crate::document::{Block, Document, Finding, KeyNumber, Section, Tone};

const STYLE: &str = include_str!("assets/style.css");
const LIGHT: &str = include_str!("assets/light.css");
const DARK: &str = include_str!("assets/dark.css");
const SCRIPT: &str = include_str!("assets/page.js");

/// Nothing is loaded from anywhere and nothing is sent: the browser is told so, too.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      img-src data:; base-uri 'none'; form-action 'none'";

pub(super) fn render(document: &Document, embedded: &Embedded) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content="Weir";
                title { (document.headline.word) " · " (document.title) " · Weir" }
                link rel="icon" href="data:,";
                style { (PreEscaped(style())) }
            }
            body {
                a class="skip" href="#levels-overview" { "Skip to the main table" }
                (bar())
                main {
                    (hero(document))
                    (key_numbers(&document.key_numbers))
                    (levels(document))
                    (findings(&document.findings))
                    (contents(&document.sections))
                    @for section in &document.sections { (self::section(section)) }
                }
                (footer(document, embedded))
                @if let Some(json) = &embedded.json {
                    script type="application/json" id="run" { (PreEscaped(json)) }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
    .into_string()
}

/// Colours by the system's wish, by the page's toggle, and always light on paper.
fn style() -> String {
    let light = format!("{LIGHT}{}", chart::LIGHT);
    let dark = format!("{DARK}{}", chart::DARK);
    format!(
        ":root{{{light}}}\
         @media(prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}\
         :root[data-theme=dark]{{{dark}}}\
         @media print{{:root:root:root{{{light}}}}}\
         {}{STYLE}",
        chart::RULES
    )
}

fn bar() -> Markup {
    html! {
        header class="bar" {
            span class="brand" { "weir" }
            span class="tools" {
                button type="button" class="tool" id="theme" { "Dark" }
            }
        }
    }
}

fn hero(document: &Document) -> Markup {
    let word = document.headline.word;
    let class = match document.headline.tone {
        Tone::Good => "met",
        Tone::Bad => "not-met",
        Tone::Doubt => "not-trusted",
    };
    html! {
        section class="hero" id="verdict" {
            p class="about" { strong { (document.title) } " · " (inline(&document.subtitle)) }
            h1 {
                span class={ "verdict " (class) } data-verdict=(word) {
                    (word)
                }
                " "
                span class="sentence" { (inline(&document.headline.sentence)) }
            }
            p class="rule" { "Rule: " (inline(&document.headline.rule)) }
        }
    }
}

fn key_numbers(numbers: &[KeyNumber]) -> Markup {
    html! {
        section class="keys" id="key-numbers" aria-label="The six numbers" {
            @for number in numbers {
                div class="key" {
                    h3 { (inline(&number.label)) }
                    p class="value" { (inline(&number.value)) }
                    p class="meaning" { (inline(&number.meaning)) }
                    p class="basis" { (number.direction) " · " (number.basis) }
                }
            }
        }
    }
}

fn levels(document: &Document) -> Markup {
    html! {
        section class="wide" id="levels-overview" {
            h2 { (document.levels_title) }
            @if document.levels.rows.is_empty() {
                p class="missing" { strong { "Not measured" } ": no level ran to an end." }
            }
            (table(&document.levels, false))
            @if !document.level_charts.is_empty() {
                div class="grid" {
                    @for each in &document.level_charts { (chart(each)) }
                }
            }
        }
    }
}

fn findings(findings: &[Finding]) -> Markup {
    html! {
        @if !findings.is_empty() {
            section class="wide" id="findings" {
                h2 { "Findings" }
                ul class="findings" {
                    @for finding in findings {
                        li class=(finding.weight.word()) data-rule=(finding.rule) {
                            span class="weight" { (finding.weight.word()) }
                            span { (inline(&finding.text)) }
                        }
                    }
                }
            }
        }
    }
}

fn contents(sections: &[Section]) -> Markup {
    html! {
        nav class="contents" aria-label="Sections" {
            @for section in sections {
                a href={ "#" (section.id) } { (section.title) }
            }
        }
    }
}

fn section(section: &Section) -> Markup {
    html! {
        section class="part" id=(section.id) {
            div class="side" {
                h2 { (section.title) }
                p { (section.question) }
            }
            div class="body" {
                @for each in &section.blocks { (block(each)) }
            }
        }
    }
}

fn footer(document: &Document, embedded: &Embedded) -> Markup {
    let (charted, levels) = (levels_with_charts(document), document.levels.rows.len());
    html! {
        footer {
            p {
                "Made by Weir from " (embedded.file) " alone. This page loads nothing and sends nothing."
                @if document.charts_levels && charted < levels {
                    " To stay small it has charts of " (charted) " of its " (levels) " levels."
                }
                @if let Some(note) = &embedded.note { " " (note) }
            }
            @if embedded.json.is_some() {
                button type="button" class="tool" id="save" data-file=(embedded.file) { "Save " (embedded.file) }
            }
        }
        div id="tip" role="status" hidden {}
    }
}

/// Levels that have charts of their own on the page.
fn levels_with_charts(document: &Document) -> usize {
    let blocks = document.sections.iter().flat_map(|section| &section.blocks);
    blocks.map(|block| if let Block::PerLevel(levels) = block { levels.len() } else { 0 }).sum()
}
