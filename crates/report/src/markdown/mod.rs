//! The report as GitHub-flavoured Markdown: tables that survive a ticket, charts as files beside
//! it when a folder is written.

mod escape;

use crate::chart::{Chart, Place, Plot};
use crate::document::{Block, Cell, Document, LevelCharts, Section, Table};
use crate::number::Scale;
use crate::subject::Subject;
use crate::text::{Inline, Text};
use escape::{code, escape, fenced};

/// A file that stands beside a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideFile {
    /// Its name, without a folder.
    pub name: String,
    /// Its contents.
    pub contents: String,
}

/// A report with the files that it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// The report.
    pub text: String,
    /// Its charts.
    pub files: Vec<SideFile>,
}

/// The report as one text, without charts: for a ticket or a pipe.
#[must_use]
pub fn render(subject: &impl Subject) -> String {
    Writer { charts: None }.write(&subject.document()).0
}

/// The report and its charts, which it refers to by their names.
#[must_use]
pub fn render_folder(subject: &impl Subject) -> Folder {
    let (text, files) = Writer { charts: Some(Vec::new()) }.write(&subject.document());
    Folder { text, files }
}

/// Collects charts on the way, where they are wanted.
struct Writer {
    charts: Option<Vec<SideFile>>,
}

impl Writer {
    fn write(mut self, document: &Document) -> (String, Vec<SideFile>) {
        let headline = &document.headline;
        let mut out = format!(
            "# {}\n\n{}\n\n> **{}** {}\n>\n> Rule: {}\n\n",
            escape(&document.title),
            inline(&document.subtitle),
            headline.word,
            inline(&headline.sentence),
            inline(&headline.rule),
        );
        out.push_str(&key_numbers(document));
        if !document.levels.rows.is_empty() {
            out.push_str(&format!("\n## {}\n\n", document.levels_title));
            out.push_str(&table(&document.levels));
        }
        for chart in &document.level_charts {
            out.push_str(&self.chart(chart));
        }
        if !document.findings.is_empty() {
            out.push_str("\n## Findings\n\n");
        }
        for finding in &document.findings {
            out.push_str(&format!("- **{}**: {}\n", finding.weight.word(), inline(&finding.text)));
        }
        for section in &document.sections {
            out.push_str(&self.section(section));
        }
        (out, self.charts.unwrap_or_default())
    }

    fn section(&mut self, section: &Section) -> String {
        let mut out = format!("\n## {}\n", section.title);
        for block in &section.blocks {
            let text = self.block(block);
            if !text.is_empty() {
                out.push('\n');
                out.push_str(&text);
            }
        }
        out
    }

    fn block(&mut self, block: &Block) -> String {
        match block {
            Block::Paragraph(text) => format!("{}\n", inline(text)),
            Block::List(items) => {
                items.iter().map(|item| format!("- {}\n", inline(item))).collect()
            }
            Block::Facts(facts) => facts
                .iter()
                .map(|fact| format!("- **{}**: {}\n", inline(&fact.label), inline(&fact.value)))
                .collect(),
            Block::Table(table) => {
                format!("**{}**\n\n{}", escape(&table.caption), self::table(table))
            }
            Block::Chart(chart) => self.chart(chart).trim_start().to_owned(),
            Block::PerLevel(levels) => self.chosen(levels),
            Block::NotMeasured { what, remedy } => {
                format!("_Not measured_: {}. To measure it, {}.\n", inline(what), inline(remedy))
            }
            Block::Command(command) => fenced(command),
            Block::Examples(examples) => {
                examples
                    .iter()
                    .map(|example| {
                        format!("{}\n\n{}\n", inline(&example.what), fenced(&example.command))
                    })
                    .collect::<String>()
                    .trim_end()
                    .to_owned()
                    + "\n"
            }
            Block::Glossary(terms) => terms
                .iter()
                .map(|term| format!("- **{}**: {}\n", term.name(), escape(term.definition())))
                .collect(),
        }
    }

    /// Of charts by level, those of the level that the headline is about; of the others a link to
    /// what their calls looked like, which no table tells.
    fn chosen(&mut self, levels: &[LevelCharts]) -> String {
        let charts = levels.iter().filter(|level| level.chosen).flat_map(|level| &level.charts);
        let mut text: String = charts.map(|chart| self.chart(chart)).collect();
        let others = levels.iter().filter(|level| !level.chosen);
        let links: Vec<String> = others.filter_map(|level| self.link(level)).collect();
        if !links.is_empty() {
            text.push_str(&format!("\nThe calls of other levels: {}\n", links.join(" · ")));
        }
        text.trim_start().to_owned()
    }

    fn link(&mut self, level: &LevelCharts) -> Option<String> {
        let chart = level.charts.iter().find(|chart| matches!(chart.plot, Plot::Calls(_)))?;
        Some(format!("[{}]({})", escape(&level.label), self.file(chart)?))
    }

    fn chart(&mut self, chart: &Chart) -> String {
        let name = self.file(chart);
        name.map_or_else(String::new, |name| format!("\n![{}]({name})\n", escape(&chart.title)))
    }

    /// The chart as a file of its own, by its name; `None` where no files are wanted.
    fn file(&mut self, chart: &Chart) -> Option<String> {
        let files = self.charts.as_mut()?;
        let name = format!("{}.svg", chart.id);
        files.push(SideFile { name: name.clone(), contents: chart.svg(Place::File) });
        Some(name)
    }
}

fn key_numbers(document: &Document) -> String {
    let mut out = "| | | |\n|:--|--:|:--|\n".to_owned();
    for number in &document.key_numbers {
        out.push_str(&format!(
            "| {} | **{}** | {} ({}; {}) |\n",
            inline(&number.label),
            number.value.plain(),
            inline(&number.meaning),
            number.direction,
            escape(&number.basis),
        ));
    }
    out
}

fn table(table: &Table) -> String {
    if table.rows.is_empty() {
        return String::new();
    }
    let scales = table.scales();
    let heads: Vec<String> = table
        .columns
        .iter()
        .zip(&scales)
        .map(|(column, scale)| {
            let group = column.group.as_ref().map(|group| format!("{} ", inline(group)));
            let unit = scale.map(|scale| scale.unit()).filter(|unit| !unit.is_empty());
            format!(
                "{}{}{}",
                group.unwrap_or_default(),
                inline(&column.title),
                unit.map_or_else(String::new, |unit| format!(", {unit}"))
            )
        })
        .collect();
    let rules: Vec<&str> =
        scales.iter().map(|scale| if scale.is_some() { "--:" } else { ":--" }).collect();
    let mut out = format!("| {} |\n|{}|\n", heads.join(" | "), rules.join("|"));
    for row in &table.rows {
        let cells: Vec<String> = row
            .cells
            .iter()
            .zip(&scales)
            .enumerate()
            .map(|(index, (cell, scale))| {
                let text = self::cell(cell, scale.as_ref());
                if index == 0 && row.untrusted { format!("! {text}") } else { text }
            })
            .collect();
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    for note in &table.notes {
        out.push_str(&format!("\n<sub>{}</sub>\n", escape(note)));
    }
    out
}

fn cell(cell: &Cell, scale: Option<&Scale>) -> String {
    match cell {
        Cell::Text(text) => inline(text),
        figure @ Cell::Figure(_) => escape(&Table::show(figure, scale)),
    }
}

fn inline(text: &Text) -> String {
    text.0
        .iter()
        .map(|part| match part {
            Inline::Plain(words) => escape(words),
            Inline::Strong(words) => format!("**{}**", escape(words)),
            Inline::Code(words) => code(words),
            Inline::Figure(figure) => escape(&figure.show()),
            Inline::Term(term) => term.name().to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests;
