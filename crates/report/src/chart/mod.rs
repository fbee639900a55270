//! A small kit for charts: what a chart holds is data, how it is drawn is SVG.
//!
//! A drawing carries classes and no colours, so that the page's style (light, dark, print)
//! decides; a drawing that stands alone carries it itself. Every mark keeps the raw
//! number and its source in `data-` attributes, and every hover text is there without a script.

mod axis;
mod bars;
mod calls;
mod line;
mod look;
mod scale;
mod stack;
mod timeline;

use maud::{Markup, PreEscaped, html};

use crate::document::Table;
use crate::figure::Figure;
use crate::number::{self, Kind, coordinate};

pub use bars::{Bar, Histogram};
pub use calls::{AgentCalls, CallBar, Calls, ProbeMark};
pub use line::{Guide, GuideCourse, Lines, Point, Series, Spread};
pub use look::{Hue, Look, Strength};
pub use stack::{Segment, Stack, StackRow};
pub use timeline::{Moment, Timeline};

/// Strokes, fills and fonts of a drawing; the colours are variables.
pub const RULES: &str = include_str!("rules.css");
/// The colours on light paper.
pub const LIGHT: &str = include_str!("light.css");
/// The colours on dark paper; those that are not here stay as they are.
pub const DARK: &str = include_str!("dark.css");

/// Width of every drawing in its own units; the page scales it.
pub(crate) const WIDTH: f64 = 560.0;

/// A chart: a sentence that says what it shows, the drawing, and the numbers behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Anchor and file name.
    pub id: String,
    /// What it shows, as a sentence with numbers.
    pub title: String,
    /// What is drawn: axes, marks, lines.
    pub description: String,
    /// The drawing.
    pub plot: Plot,
    /// The same numbers as a table; `None` where that would be hundreds of rows.
    pub table: Option<Table>,
}

/// A kind of drawing.
#[derive(Debug, Clone, PartialEq)]
pub enum Plot {
    /// Lines over the load.
    Lines(Lines),
    /// One stacked bar a level.
    Stack(Stack),
    /// A distribution on logarithmic axes.
    Histogram(Histogram),
    /// Two lines over the time of a level.
    Timeline(Timeline),
    /// Every call of a level by agent and time.
    Calls(Calls),
}

/// What an axis shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Its title; the unit is added.
    pub title: String,
    /// The kind of its numbers.
    pub kind: Kind,
}

/// Where a drawing will stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Inside a page that has [`RULES`] and the colours.
    Page,
    /// In a file of its own.
    File,
}

impl Chart {
    /// The drawing as SVG.
    #[must_use]
    pub fn svg(&self, place: Place) -> String {
        let (height, marks) = match &self.plot {
            Plot::Lines(plot) => (plot.height(), plot.draw(&self.id)),
            Plot::Stack(plot) => (plot.height(), plot.draw(&self.id)),
            Plot::Histogram(plot) => (bars::HEIGHT, plot.draw(&self.id)),
            Plot::Timeline(plot) => (timeline::HEIGHT, plot.draw(&self.id)),
            Plot::Calls(plot) => (plot.height(), plot.draw(&self.id)),
        };
        let view_box = format!("0 0 {} {}", coordinate(WIDTH), coordinate(height));
        let (title_id, text_id) = (format!("{}-title", self.id), format!("{}-desc", self.id));
        let namespace = (place == Place::File).then_some("http://www.w3.org/2000/svg");
        let focus = (place == Place::Page).then_some("0");
        let size = (place == Place::File).then(|| (coordinate(WIDTH), coordinate(height)));
        html! {
            svg xmlns=[namespace] class="drawing" viewBox=(view_box) role="img"
                width=[size.as_ref().map(|size| &size.0)] height=[size.as_ref().map(|size| &size.1)]
                aria-labelledby={ (title_id) " " (text_id) } tabindex=[focus] {
                title id=(title_id) { (self.title) }
                desc id=(text_id) { (self.description) }
                @if place == Place::File {
                    style { (PreEscaped(style())) }
                    rect class="paper" width="100%" height="100%" {}
                }
                (hatching(&self.id))
                (marks)
            }
        }
        .into_string()
    }
}

/// The style of a drawing in a file of its own.
fn style() -> String {
    format!("svg{{{LIGHT}}}@media(prefers-color-scheme:dark){{svg{{{DARK}}}}}{RULES}")
}

/// The pattern that marks what is not trusted; its name is unique in the page.
fn hatching(chart: &str) -> Markup {
    html! {
        defs {
            pattern id={ (chart) "-hatch" } width="8" height="8" patternUnits="userSpaceOnUse"
                patternTransform="rotate(45)" {
                line class="hatch" x1="0" y1="0" x2="0" y2="8" {}
            }
        }
    }
}

/// Attributes that lead a mark back to `run.json`: value, metric and level.
fn sources(figure: &Figure) -> (Option<String>, Option<&str>, Option<String>) {
    let metric = (!figure.metric.is_empty()).then_some(figure.metric.as_str());
    (
        figure.value.filter(|_| metric.is_some()).map(number::raw),
        metric,
        figure.level.map(|level| level.to_string()),
    )
}

/// A part of the drawing that shows its values on hover and focus: an invisible area, and what
/// appears over it.
fn hit(area: (f64, f64, f64, f64), level: Option<usize>, tip: &str, shown: &Markup) -> Markup {
    let (x, y, width, height) = area;
    html! {
        g class="hit" data-for=[level] {
            title { (tip) }
            (shown)
            rect class="area" x=(coordinate(x)) y=(coordinate(y)) width=(coordinate(width.max(0.0)))
                height=(coordinate(height.max(0.0))) {}
        }
    }
}

#[cfg(test)]
mod tests;
