//! The parts of a section, and the words and numbers in them.

use maud::{Markup, PreEscaped, html};

use super::table::table;
use crate::chart::{Chart, Place};
use crate::document::{Block, Fact, LevelCharts};
use crate::figure::Figure;
use crate::glossary::Term;
use crate::number;
use crate::text::{Inline, Text};

/// Words and numbers.
pub(super) fn inline(text: &Text) -> Markup {
    html! {
        @for part in &text.0 {
            @match part {
                Inline::Plain(words) => (words),
                Inline::Strong(words) => strong { (words) },
                Inline::Code(words) => code { (words) },
                Inline::Figure(figure) => (number_of(figure)),
                Inline::Term(term) => (self::term(*term)),
            }
        }
    }
}

/// A number in a sentence, with its raw value and its source.
pub(super) fn number_of(figure: &Figure) -> Markup {
    let value = figure.value.map(number::raw);
    let level = figure.level.map(|level| level.to_string());
    html! {
        span class="num" data-value=[value] data-metric=(figure.metric) data-level=[level] {
            (figure.show())
        }
    }
}

/// A word that the glossary explains: on hover and focus, and by following it.
fn term(term: Term) -> Markup {
    html! { a class="term" href={ "#" (term.id()) } title=(term.definition()) { (term.name()) } }
}

/// A part of a section.
pub(super) fn block(block: &Block) -> Markup {
    match block {
        Block::Paragraph(text) => html! { p { (inline(text)) } },
        Block::List(items) => html! { ul { @for item in items { li { (inline(item)) } } } },
        Block::Facts(facts) => self::facts(facts),
        Block::Table(table) => self::table(table, true),
        Block::Chart(chart) => self::chart(chart),
        Block::PerLevel(levels) => per_level(levels),
        Block::NotMeasured { what, remedy } => html! {
            p class="missing" {
                strong { "Not measured" } ": " (inline(what)) ". "
                "To measure it, " (inline(remedy)) "."
            }
        },
        Block::Command(command) => self::command("command", command),
        Block::Examples(examples) => html! {
            @for (index, example) in examples.iter().enumerate() {
                p { (inline(&example.what)) }
                (self::command(&format!("example-{index}"), &example.command))
            }
        },
        Block::Glossary(terms) => html! {
            dl class="glossary" {
                @for term in *terms {
                    div id=(term.id()) { dt { (term.name()) } dd { (term.definition()) } }
                }
            }
        },
    }
}

/// Something to type, and a button that copies it.
fn command(id: &str, command: &str) -> Markup {
    html! {
        div class="command" {
            pre tabindex="0" { code id=(id) { (command) } }
            button type="button" class="tool" data-copy=(id) { "Copy" }
        }
    }
}

fn facts(facts: &[Fact]) -> Markup {
    html! {
        dl class="facts" {
            @for fact in facts {
                div { dt { (inline(&fact.label)) } dd { (inline(&fact.value)) } }
            }
        }
    }
}

/// A chart under its sentence, its numbers folded below.
pub(super) fn chart(chart: &Chart) -> Markup {
    html! {
        figure id=(chart.id) {
            figcaption { (chart.title) }
            (PreEscaped(chart.svg(Place::Page)))
            @if let Some(values) = &chart.table {
                details { summary { "Numbers" } (table(values, false)) }
            }
        }
    }
}

/// The charts of single levels: one level at a time, chosen without a script.
fn per_level(levels: &[LevelCharts]) -> Markup {
    if levels.is_empty() {
        return html! {};
    }
    let any_chosen = levels.iter().any(|level| level.chosen);
    html! {
        div class="per-level" {
            p class="pick" { "Inside one level:" }
            @for (index, level) in levels.iter().enumerate() {
                input type="radio" name="level" id={ "pick-" (level.level) } value=(level.level)
                    checked[level.chosen || (!any_chosen && index == 0)];
                label for={ "pick-" (level.level) } { (level.label) }
            }
            @for level in levels {
                div class="panel grid" data-level=(level.level) {
                    @for chart in &level.charts { (self::chart(chart)) }
                }
            }
        }
    }
}
