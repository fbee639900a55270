//! Tables in columns: one unit a column, decimal points one below the other, at most 80 wide.

use super::WIDTH;
use super::paint::Paint;
use super::wrap::{hanging, lines, width};
use crate::document::{Column, Table};
use crate::number::Scale;

/// Between two columns.
const GAP: usize = 2;
/// Before every row: room for the mark of a level that is not trusted.
const MARGIN: usize = 2;
/// Words are not made narrower than this to save room; a longer head stands in several lines.
const NARROWEST: usize = 12;
/// The first column of a table in several parts stands in each of them, and is no wider than this.
const WIDEST_AGAIN: usize = 24;

/// A column ready to be set: its head and its cells in lines, all of one width.
#[derive(Clone)]
struct Set {
    group: Option<String>,
    head: Vec<String>,
    cells: Vec<Vec<String>>,
    width: usize,
    right: bool,
}

impl Set {
    /// Breaks words of the column so that it is no wider than this.
    fn wrap(&mut self, target: usize) {
        for cell in &mut self.cells {
            *cell = lines(&cell.join(" "), target);
        }
        self.head = self.head.iter().flat_map(|line| lines(line, target)).collect();
        self.width = target;
    }
}

/// The table with its notes. What does not fit side by side is set below, with the first column
/// again.
pub(super) fn render(table: &Table, paint: Paint) -> String {
    if table.rows.is_empty() {
        return String::new();
    }
    let mut out = String::new();
    for (index, part) in parts(&sets(table)).into_iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        out.push_str(&part_text(&part, table, paint));
    }
    for note in &table.notes {
        out.push_str(&paint.faint_lines(&hanging(note, MARGIN, MARGIN + 2, WIDTH)));
    }
    out
}

fn sets(table: &Table) -> Vec<Set> {
    table
        .columns
        .iter()
        .zip(table.scales())
        .enumerate()
        .map(|(index, (column, scale))| set(table, index, column, scale.as_ref()))
        .collect()
}

fn set(table: &Table, index: usize, column: &Column, scale: Option<&Scale>) -> Set {
    let shown: Vec<String> =
        table.rows.iter().map(|row| Table::show(&row.cells[index], scale)).collect();
    let shown = if scale.is_some() { aligned(&shown) } else { shown };
    let content = shown.iter().map(|text| width(text)).max().unwrap_or(0);
    let mut head = lines(&column.title.plain(), content.max(NARROWEST));
    head.push(scale.map_or_else(String::new, |scale| scale.unit().to_owned()));
    let widest = head.iter().chain(&shown).map(|text| width(text)).max().unwrap_or(0);
    Set {
        group: column.group.as_ref().map(crate::text::Text::plain),
        head,
        cells: shown.into_iter().map(|text| vec![text]).collect(),
        width: widest,
        right: scale.is_some(),
    }
}

/// Decimal points one below the other: shorter fractions are filled up with spaces.
fn aligned(shown: &[String]) -> Vec<String> {
    let fraction = |text: &str| text.find('.').map_or(0, |at| width(&text[at..]));
    let most = shown.iter().map(|text| fraction(text)).max().unwrap_or(0);
    shown.iter().map(|text| format!("{text}{}", " ".repeat(most - fraction(text)))).collect()
}

/// Makes columns of words narrower until the table fits, the widest first.
fn narrow(sets: &mut [Set]) {
    loop {
        let excess = (MARGIN + total(sets.iter())).saturating_sub(WIDTH);
        let widest = sets
            .iter_mut()
            .filter(|set| !set.right && set.width > NARROWEST)
            .max_by_key(|set| set.width);
        let (Some(set), true) = (widest, excess > 0) else { return };
        let target = set.width.saturating_sub(excess).max(NARROWEST);
        set.wrap(target);
    }
}

fn total<'s>(sets: impl Iterator<Item = &'s Set>) -> usize {
    sets.map(|set| set.width + GAP).sum::<usize>().saturating_sub(GAP)
}

/// The columns in parts that fit: one part where narrower words make it so, or else several that
/// begin with the first column, keep columns of one group together, and need not break words.
fn parts(sets: &[Set]) -> Vec<Vec<Set>> {
    let Some((first, others)) = sets.split_first() else { return Vec::new() };
    let mut all = sets.to_vec();
    narrow(&mut all);
    if fits(all.iter()) {
        return vec![all];
    }
    let mut first = first.clone();
    if first.width > WIDEST_AGAIN {
        first.wrap(WIDEST_AGAIN);
    }
    let mut parts: Vec<Vec<Set>> = vec![vec![first.clone()]];
    for unit in others.chunk_by(|a, b| a.group.is_some() && a.group == b.group) {
        let steps: Vec<Vec<Set>> = if fits(std::iter::once(&first).chain(unit)) {
            vec![unit.to_vec()]
        } else {
            unit.iter().map(|set| vec![under_its_group(set)]).collect()
        };
        for step in steps {
            let part = parts.last_mut().expect("there is always a part to add to");
            if fits(part.iter().chain(&step)) || part.len() == 1 {
                part.extend(step);
            } else {
                parts.push(std::iter::once(first.clone()).chain(step).collect());
            }
        }
    }
    // A column may be wider than the page by itself.
    parts.iter_mut().for_each(|part| narrow(part));
    parts
}

/// The column wide enough for its group's name, in case it comes to stand alone.
fn under_its_group(set: &Set) -> Set {
    let name = set.group.as_deref().map_or(0, width);
    Set { width: set.width.max(name), ..set.clone() }
}

fn fits<'s>(sets: impl Iterator<Item = &'s Set>) -> bool {
    MARGIN + total(sets) <= WIDTH
}

fn part_text(part: &[Set], table: &Table, paint: Paint) -> String {
    let mut out = String::new();
    if let Some(groups) = groups(part) {
        out.push_str(&paint.faint(&groups));
        out.push('\n');
    }
    let height = part.iter().map(|set| set.head.len()).max().unwrap_or(0);
    for line in 0..height {
        // Heads stand at the bottom, so that the units share a line.
        let cell = |set: &Set| {
            let above = height - set.head.len();
            line.checked_sub(above).and_then(|at| set.head.get(at)).cloned().unwrap_or_default()
        };
        let text = set_line(part, "", &cell);
        if !text.is_empty() {
            out.push_str(&paint.faint(&text));
            out.push('\n');
        }
    }
    for (index, row) in table.rows.iter().enumerate() {
        let height = part.iter().map(|set| set.cells[index].len()).max().unwrap_or(0);
        for line in 0..height {
            let cell = |set: &Set| set.cells[index].get(line).cloned().unwrap_or_default();
            let mark = if row.untrusted && line == 0 { "!" } else { "" };
            let text = set_line(part, mark, &cell);
            out.push_str(&if row.untrusted { paint.faint(&text) } else { text });
            out.push('\n');
        }
    }
    out
}

fn set_line(part: &[Set], mark: &str, cell: &dyn Fn(&Set) -> String) -> String {
    let mut text = format!("{mark:MARGIN$}");
    for (index, set) in part.iter().enumerate() {
        if index > 0 {
            text.push_str(&" ".repeat(GAP));
        }
        let cell = cell(set);
        let room = " ".repeat(set.width.saturating_sub(width(&cell)));
        text.push_str(&if set.right { format!("{room}{cell}") } else { format!("{cell}{room}") });
    }
    text.trim_end().to_owned()
}

/// The line above the heads that names what neighbouring columns share; `None` without groups.
fn groups(part: &[Set]) -> Option<String> {
    part.iter().any(|set| set.group.is_some()).then(|| {
        let mut text = " ".repeat(MARGIN);
        let mut index = 0;
        while let Some(set) = part.get(index) {
            let same = part[index..].iter().take_while(|other| other.group == set.group).count();
            let span = if set.group.is_some() { same } else { 1 };
            let room = total(part[index..index + span].iter());
            let name = set.group.clone().unwrap_or_default();
            if index > 0 {
                text.push_str(&" ".repeat(GAP));
            }
            text.push_str(&ruled(&name, room));
            index += span;
        }
        text.trim_end().to_owned()
    })
}

/// A group's name in the middle of a rule over its columns.
fn ruled(name: &str, room: usize) -> String {
    let left = room.saturating_sub(width(name));
    if name.is_empty() {
        return " ".repeat(room);
    }
    if left < 4 {
        return format!("{}{name}", " ".repeat(left));
    }
    let before = (left - 2) / 2;
    format!("{} {name} {}", "─".repeat(before), "─".repeat(left - 2 - before))
}
