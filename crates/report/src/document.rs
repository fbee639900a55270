//! A report before it has a format: what the terminal, Markdown and HTML all show, so that they
//! cannot disagree. The renderers choose places and marks, never words or numbers.

use results::VerdictWord;

use crate::chart::Chart;
use crate::figure::Figure;
use crate::glossary::Term;
use crate::number::{Kind, NOTHING, Scale};
use crate::text::Text;

/// A whole report.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The run's name.
    pub title: String,
    /// What was stressed, when and with what: the line under the title.
    pub subtitle: Text,
    /// The one sentence that answers the question.
    pub headline: Headline,
    /// The six numbers.
    pub key_numbers: Vec<KeyNumber>,
    /// The heading of the table at the head.
    pub levels_title: &'static str,
    /// The table at the head: one row a level, or a run.
    pub levels: Table,
    /// Whether its rows are levels that have charts of their own.
    pub charts_levels: bool,
    /// The charts that stand beside the table at the head.
    pub level_charts: Vec<Chart>,
    /// Sentences drawn from the data by rule, the weightiest first.
    pub findings: Vec<Finding>,
    /// Everything else, in the order of the report.
    pub sections: Vec<Section>,
}

/// The verdict as one sentence, and the rule that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Headline {
    /// The verdict in a word or two: `MET`, `NOT MET`, `NOT TRUSTED`.
    pub word: &'static str,
    /// How the word is marked.
    pub tone: Tone,
    /// What the target carried.
    pub sentence: Text,
    /// The rule.
    pub rule: Text,
}

/// How a verdict is marked; its word alone carries the meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// What was asked for holds.
    Good,
    /// It does not.
    Bad,
    /// Nothing may be concluded.
    Doubt,
}

impl From<VerdictWord> for Tone {
    fn from(word: VerdictWord) -> Self {
        match word {
            VerdictWord::Met => Self::Good,
            VerdictWord::NotMet => Self::Bad,
            VerdictWord::NotTrusted => Self::Doubt,
        }
    }
}

/// One of the six numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyNumber {
    /// Its name.
    pub label: Text,
    /// The number; two for a bracket.
    pub value: Text,
    /// What it means, in one line.
    pub meaning: Text,
    /// `lower is better` or the opposite.
    pub direction: &'static str,
    /// Samples behind it, or where it was taken.
    pub basis: String,
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Decides what the numbers may be used for.
    Limit,
    /// Something went wrong or stands in the way.
    Problem,
    /// Worth knowing.
    Note,
}

impl Weight {
    /// One word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Problem => "problem",
            Self::Note => "note",
        }
    }
}

/// A sentence drawn from the data by a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Name of the rule, stable across versions.
    pub rule: &'static str,
    /// How much it weighs.
    pub weight: Weight,
    /// The sentence with the numbers that made it.
    pub text: Text,
}

/// One section.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Anchor, stable across versions.
    pub id: &'static str,
    /// Heading.
    pub title: &'static str,
    /// What the section answers, in one line.
    pub question: &'static str,
    /// What it holds.
    pub blocks: Vec<Block>,
}

/// A part of a section.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// A paragraph.
    Paragraph(Text),
    /// Short points.
    List(Vec<Text>),
    /// Names and values.
    Facts(Vec<Fact>),
    /// A table.
    Table(Table),
    /// A chart that belongs to the whole run.
    Chart(Box<Chart>),
    /// Charts of single levels, one level shown at a time where the format can choose.
    PerLevel(Vec<LevelCharts>),
    /// What could not be measured, and how it could.
    NotMeasured {
        /// What is missing and why.
        what: Text,
        /// How to get it.
        remedy: Text,
    },
    /// A command line to run again.
    Command(String),
    /// Command lines, each with what it does.
    Examples(Vec<Example>),
    /// The terms of the report.
    Glossary(&'static [Term]),
}

/// A command line, and what it does.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// What it does.
    pub what: Text,
    /// The command line.
    pub command: String,
}

/// A name and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// The name.
    pub label: Text,
    /// The value.
    pub value: Text,
}

impl Fact {
    /// A name and its value.
    #[must_use]
    pub fn new(label: impl Into<Text>, value: impl Into<Text>) -> Self {
        Self { label: label.into(), value: value.into() }
    }
}

/// The charts of one level.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelCharts {
    /// Index in `levels`.
    pub level: usize,
    /// Its load, as the choice shows it.
    pub label: String,
    /// Chosen at first.
    pub chosen: bool,
    /// The charts.
    pub charts: Vec<Chart>,
}

/// A table whose columns have one kind, and so one unit, each.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Anchor.
    pub id: String,
    /// What it shows.
    pub caption: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Row>,
    /// What a reader must know to read it.
    pub notes: Vec<String>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// What several neighbouring columns share; they also share their unit.
    pub group: Option<Text>,
    /// The head.
    pub title: Text,
    /// The kind of its numbers; `None` for words.
    pub kind: Option<Kind>,
}

impl Column {
    /// A column of words.
    #[must_use]
    pub fn words(title: impl Into<Text>) -> Self {
        Self { group: None, title: title.into(), kind: None }
    }

    /// A column of numbers of one kind.
    #[must_use]
    pub fn numbers(title: impl Into<Text>, kind: Kind) -> Self {
        Self { group: None, title: title.into(), kind: Some(kind) }
    }

    /// A column of numbers that shares its unit with its neighbours of the same group.
    #[must_use]
    pub fn grouped(group: impl Into<Text>, title: impl Into<Text>, kind: Kind) -> Self {
        Self { group: Some(group.into()), title: title.into(), kind: Some(kind) }
    }
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// As many as there are columns.
    pub cells: Vec<Cell>,
    /// The level it is about.
    pub level: Option<usize>,
    /// Greyed and marked, never dropped.
    pub untrusted: bool,
}

impl Row {
    /// A row that is about no level.
    #[must_use]
    pub fn of(cells: Vec<Cell>) -> Self {
        Self { cells, ..Self::default() }
    }
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words.
    Text(Text),
    /// A number, written in the column's unit.
    Figure(Figure),
}

impl From<Figure> for Cell {
    fn from(figure: Figure) -> Self {
        Self::Figure(figure)
    }
}

impl From<Text> for Cell {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl Table {
    /// The scale of each column; `None` for columns of words.
    #[must_use]
    pub fn scales(&self) -> Vec<Option<Scale>> {
        (0..self.columns.len()).map(|index| self.scale(index)).collect()
    }

    /// A cell as people read it, in its column's unit.
    #[must_use]
    pub fn show(cell: &Cell, scale: Option<&Scale>) -> String {
        match (cell, scale) {
            (Cell::Text(text), _) => text.plain(),
            (Cell::Figure(figure), None) => figure.show(),
            (Cell::Figure(figure), Some(scale)) => {
                figure.value.map_or_else(|| NOTHING.to_owned(), |value| scale.bare(value))
            }
        }
    }

    fn scale(&self, index: usize) -> Option<Scale> {
        let column = &self.columns[index];
        let kind = column.kind?;
        let shares = |other: &Column| {
            other.kind == Some(kind) && other.group.is_some() && other.group == column.group
        };
        let values = self.rows.iter().flat_map(|row| {
            row.cells.iter().enumerate().filter_map(|(at, cell)| match cell {
                Cell::Figure(figure) if at == index || shares(&self.columns[at]) => figure.value,
                _ => None,
            })
        });
        Some(Scale::of(kind, values))
    }
}
