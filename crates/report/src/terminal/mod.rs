//! The report for a terminal: 80 columns, the verdict first, one screen unless more is asked for.

mod paint;
mod table;
mod wrap;

use crate::document::{Block, Document, Fact, Section, Tone, Weight};
use crate::subject::Subject;
use paint::Paint;
use wrap::{hanging, width};

/// Columns that every line fits.
pub const WIDTH: usize = 80;

/// Findings on the one screen; `full` shows all.
const MOST_FINDINGS: usize = 5;

/// How the report is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Mark with colours and weight (ANSI). The caller knows whether this is a terminal.
    pub colour: bool,
    /// All sections instead of one screen.
    pub full: bool,
}

/// The report as text for a terminal. Every line ends with a newline.
#[must_use]
pub fn render(subject: &impl Subject, options: Options) -> String {
    let document = subject.document();
    let paint = Paint { colour: options.colour };
    let mut out = head(&document, paint);
    if !document.levels.rows.is_empty() {
        out.push_str(&table::render(&document.levels, paint));
        out.push('\n');
    }
    out.push_str(&findings(&document, options, paint));
    if options.full {
        for section in &document.sections {
            out.push_str(&self::section(section, paint));
        }
    }
    out
}

/// Verdict, rule and the six numbers.
fn head(document: &Document, paint: Paint) -> String {
    let headline = &document.headline;
    let word = headline.word;
    let indent = word.len() + 2;
    let sentence = hanging(&headline.sentence.plain(), 0, indent, WIDTH);
    let mut out = String::new();
    for (index, line) in sentence.lines().enumerate() {
        if index == 0 {
            // The first line makes room for the verdict's word.
            let painted = match headline.tone {
                Tone::Good => paint.good(word),
                Tone::Bad => paint.bad(word),
                Tone::Doubt => paint.doubt(word),
            };
            out.push_str(&format!("{painted}  {}\n", line.trim_start()));
        } else {
            out.push_str(line);
            out.push('\n');
        }
    }
    let rule = format!("Rule: {}", headline.rule.plain());
    out.push_str(&hanging(&rule, indent, indent + 6, WIDTH));
    out.push('\n');
    out.push_str(&key_numbers(document, paint));
    out.push('\n');
    out
}

/// The six numbers, three a line; without levels there are none to show.
fn key_numbers(document: &Document, paint: Paint) -> String {
    const COLUMNS: usize = 3;
    const CELL: usize = 26;
    let mut out = String::new();
    for line in document.key_numbers.chunks(COLUMNS) {
        let mut text = String::new();
        for number in line {
            let (label, value) = (number.label.plain(), number.value.plain());
            let gap = CELL.saturating_sub(width(&label) + width(&value) + 1).max(1);
            text.push_str(&format!("{label} {}", paint.strong(&value)));
            text.push_str(&" ".repeat(gap));
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}

fn findings(document: &Document, options: Options, paint: Paint) -> String {
    let most = if options.full { usize::MAX } else { MOST_FINDINGS };
    let mut out = String::new();
    for finding in document.findings.iter().take(most) {
        let mark = match finding.weight {
            Weight::Limit => paint.doubt("!"),
            Weight::Problem => paint.bad("*"),
            Weight::Note => paint.faint("-"),
        };
        let lines = hanging(&finding.text.plain(), 0, 2, WIDTH);
        out.push_str(&format!("{mark} {}", lines.trim_start()));
    }
    let hidden = document.findings.len().saturating_sub(most);
    if !options.full {
        let more = match hidden {
            0 => "All sections: --full".to_owned(),
            1 => "One more finding and all sections: --full".to_owned(),
            _ => format!("{hidden} more findings and all sections: --full"),
        };
        out.push_str(&paint.faint(&more));
        out.push('\n');
    }
    out
}

fn section(section: &Section, paint: Paint) -> String {
    let mut out = format!("\n{}\n", paint.strong(section.title));
    out.push_str(&paint.faint(&"─".repeat(width(section.title))));
    out.push('\n');
    let mut first = true;
    for block in &section.blocks {
        let text = self::block(block, paint);
        if text.is_empty() {
            continue;
        }
        if !first {
            out.push('\n');
        }
        out.push_str(&text);
        first = false;
    }
    out
}

/// A block; charts and what hangs on them have no place here, their numbers stand in the tables.
fn block(block: &Block, paint: Paint) -> String {
    match block {
        Block::Paragraph(text) => hanging(&text.plain(), 0, 0, WIDTH),
        Block::List(items) => {
            items.iter().map(|item| hanging(&format!("- {}", item.plain()), 0, 2, WIDTH)).collect()
        }
        Block::Facts(facts) => self::facts(facts, paint),
        Block::Table(table) => {
            format!("{}\n{}", paint.strong(&table.caption), table::render(table, paint))
        }
        Block::NotMeasured { what, remedy } => {
            let text =
                format!("Not measured: {}. To measure it, {}.", what.plain(), remedy.plain());
            hanging(&text, 0, 0, WIDTH)
        }
        Block::Command(command) => {
            format!("{}{}", "Command line:\n", hanging(command, 2, 4, WIDTH))
        }
        Block::Examples(examples) => examples
            .iter()
            .map(|example| {
                let what = hanging(&example.what.plain(), 0, 0, WIDTH);
                format!("{what}{}", hanging(&example.command, 2, 4, WIDTH))
            })
            .collect::<Vec<_>>()
            .join("\n"),
        Block::Glossary(terms) => terms
            .iter()
            .map(|term| hanging(&format!("{}: {}", term.name(), term.definition()), 0, 2, WIDTH))
            .collect(),
        Block::Chart(_) | Block::PerLevel(_) => String::new(),
    }
}

fn facts(facts: &[Fact], paint: Paint) -> String {
    let labels = facts.iter().map(|fact| width(&fact.label.plain())).max().unwrap_or(0);
    facts
        .iter()
        .map(|fact| {
            let label = fact.label.plain();
            let lines = hanging(&fact.value.plain(), labels + 2, labels + 2, WIDTH);
            let padded = format!("{label}{}", " ".repeat(labels + 2 - width(&label)));
            // The first line already has the room for its label.
            format!("{}{}", paint.faint(&padded), lines.trim_start())
        })
        .collect()
}

#[cfg(test)]
mod tests;
