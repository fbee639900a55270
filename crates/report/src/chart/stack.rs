//! One stacked bar a level: what share of its streams ended how.

use maud::{Markup, html};

use super::axis::Frame;
use super::scale::Scale;
use super::{WIDTH, hit, sources};
use crate::figure::Figure;
use crate::number::{self, Kind, coordinate};

/// One stacked bar a level, each as long as all others: shares of the ended streams.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    /// The bars from above.
    pub rows: Vec<StackRow>,
    /// What the labels of the bars count.
    pub labels: &'static str,
    /// What the shares are of.
    pub of: &'static str,
}

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub struct StackRow {
    /// The level's load, as its axis shows it.
    pub label: String,
    /// The level's load in words.
    pub load: String,
    /// Index of its level.
    pub level: usize,
    /// Its parts from the left.
    pub segments: Vec<Segment>,
    /// Marked as not trusted.
    pub untrusted: bool,
}

/// One part of a bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Its name.
    pub name: String,
    /// Its class, which is the outcome's name.
    pub class: &'static str,
    /// How many streams.
    pub figure: Figure,
}

const LEFT: f64 = 58.0;
const RIGHT: f64 = WIDTH - 92.0;
const TOP: f64 = 30.0;
const PITCH: f64 = 30.0;
const THICKNESS: f64 = 18.0;
/// The shortest part that can be seen: a single failure among thousands must not vanish.
const THINNEST: f64 = 3.0;
const LEGEND_ROW: f64 = 24.0;
const LEGEND_COLUMNS: usize = 4;

impl Stack {
    pub(super) fn height(&self) -> f64 {
        self.bars_bottom() + 46.0 + rows(self.classes().len().div_ceil(LEGEND_COLUMNS)) * LEGEND_ROW
    }

    pub(super) fn draw(&self, chart: &str) -> Markup {
        let frame = Frame { left: LEFT, right: RIGHT, top: TOP, bottom: self.bars_bottom() };
        let x = Scale::linear((0.0, 100.0), (frame.left, frame.right));
        html! {
            text class="name" x="0" y=(coordinate(TOP - 14.0)) { (self.labels) }
            @for (index, row) in self.rows.iter().enumerate() {
                (row.draw(chart, TOP + PITCH * rows(index), &frame))
            }
            (frame.horizontal(&x, &x.ticks(), &format!("share of ended {}, %", self.of)))
            (self.legend())
        }
    }

    fn bars_bottom(&self) -> f64 {
        TOP + PITCH * rows(self.rows.len())
    }

    /// The classes that occur, in the order of the parts.
    fn classes(&self) -> Vec<(&'static str, &str)> {
        let mut classes: Vec<(&'static str, &str)> = Vec::new();
        let order = self.rows.first().map_or(&[][..], |row| &row.segments);
        for segment in order {
            let occurs = |row: &StackRow| {
                row.segments
                    .iter()
                    .any(|other| other.class == segment.class && other.figure.value > Some(0.0))
            };
            if self.rows.iter().any(occurs) {
                classes.push((segment.class, &segment.name));
            }
        }
        classes
    }

    fn legend(&self) -> Markup {
        let top = self.bars_bottom() + 56.0;
        html! {
            g class="legend" {
                @for (index, (class, name)) in self.classes().into_iter().enumerate() {
                    @let x = rows(index % LEGEND_COLUMNS) * (WIDTH / rows(LEGEND_COLUMNS));
                    @let y = top + rows(index / LEGEND_COLUMNS) * LEGEND_ROW;
                    rect class={ "outcome " (class) } x=(coordinate(x)) y=(coordinate(y - 10.0))
                        width="12" height="12" {}
                    text class="tick" x=(coordinate(x + 18.0)) y=(coordinate(y)) { (name) }
                }
            }
        }
    }
}

impl StackRow {
    fn draw(&self, chart: &str, top: f64, frame: &Frame) -> Markup {
        let total: f64 = self.segments.iter().filter_map(|segment| segment.figure.value).sum();
        let ok = self.segments.first().and_then(|segment| segment.figure.value).unwrap_or(0.0);
        let middle = top + THICKNESS / 2.0;
        let widths = self.widths(total, frame.width());
        let mut left = frame.left;
        let failed = total - ok;
        let note = if total == 0.0 {
            "none ended".to_owned()
        } else if failed == 0.0 {
            "all ok".to_owned()
        } else {
            format!("{} not ok", number::show(Kind::Count, Some(failed)))
        };
        let mut tip = self.load.clone();
        for segment in self.segments.iter().filter(|segment| segment.figure.value > Some(0.0)) {
            tip.push_str(&format!("\n{}: {}", segment.name, segment.figure.show()));
        }
        let area = (frame.left, top - 4.0, frame.width(), THICKNESS + 8.0);
        html! {
            text class="tick" x=(coordinate(frame.left - 8.0)) y=(coordinate(middle)) dy="0.32em"
                text-anchor="end" { (self.label) }
            @for (segment, width) in self.segments.iter().zip(widths) {
                @if width > 0.0 {
                    @let (value, metric, level) = sources(&segment.figure);
                    rect class={ "outcome " (segment.class) } x=(coordinate(left))
                        y=(coordinate(top)) width=(coordinate(width))
                        height=(coordinate(THICKNESS))
                        data-value=[value] data-metric=[metric] data-level=[level] {}
                }
                @let () = left += width;
            }
            @if self.untrusted {
                rect class="untrusted" x=(coordinate(frame.left)) y=(coordinate(top))
                    width=(coordinate(frame.width())) height=(coordinate(THICKNESS))
                    fill={ "url(#" (chart) "-hatch)" } {}
            }
            text class="tick" x=(coordinate(frame.right + 8.0)) y=(coordinate(middle)) dy="0.32em" {
                (note)
            }
            (hit(area, Some(self.level), &tip, &html! {}))
        }
    }

    /// Widths of the parts: shares of the whole, but none that exists thinner than [`THINNEST`];
    /// what they gain is taken from the longest.
    fn widths(&self, total: f64, whole: f64) -> Vec<f64> {
        let mut widths: Vec<f64> = self
            .segments
            .iter()
            .map(|segment| match segment.figure.value {
                Some(value) if value > 0.0 && total > 0.0 => (value / total * whole).max(THINNEST),
                _ => 0.0,
            })
            .collect();
        let excess = widths.iter().sum::<f64>() - whole;
        if let Some(longest) = widths.iter_mut().max_by(|a, b| a.total_cmp(b))
            && excess > 0.0
        {
            *longest -= excess;
        }
        widths
    }
}

/// A small count as a number of places.
fn rows(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
