//! How a line is told from the others: by hue, by the shape of its marks, by its stroke.

use maud::{Markup, html};

use super::sources;
use crate::figure::Figure;
use crate::number::{Kind, coordinate};

/// A colour of the Okabe-Ito set, by the name of its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the colours")]
pub enum Hue {
    Blue,
    Orange,
    Green,
    Vermilion,
    Purple,
}

impl Hue {
    fn class(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Orange => "orange",
            Self::Green => "green",
            Self::Vermilion => "vermilion",
            Self::Purple => "purple",
        }
    }
}

/// How strong a series stands out among those of its hue; each has its own mark, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// The lowest percentile: pale, round marks.
    Faint,
    /// The one that counts: full, square marks.
    Full,
    /// The highest percentile: deep, diamond marks.
    Deep,
}

/// What a line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// One of several numbers of one thing.
    Part(Hue, Strength),
    /// One of several runs, by its place: a hue and a shape of its own, and from the ninth on a dashed
    /// stroke, so that no two of sixteen look alike, with colours or without.
    Run(usize),
}

/// The hues of runs, as classes: [`Hue`] and three more.
const RUN_HUES: [&str; 8] = [
    "run-blue",
    "run-orange",
    "run-green",
    "run-purple",
    "run-sky",
    "run-vermilion",
    "run-ink",
    "run-olive",
];
/// The shapes of runs' marks; as many as hues, so that a shape means one hue.
const RUN_SHAPES: [Shape; RUN_HUES.len()] = [
    Shape::Square,
    Shape::Circle,
    Shape::Diamond,
    Shape::Up,
    Shape::Ring,
    Shape::Down,
    Shape::Cross,
    Shape::Frame,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Circle,
    Square,
    Diamond,
    Up,
    Down,
    Cross,
    Ring,
    Frame,
}

impl Look {
    /// The classes of everything that is drawn in this look.
    pub(super) fn class(self) -> String {
        match self {
            Self::Part(hue, Strength::Faint) => format!("{} faint", hue.class()),
            Self::Part(hue, Strength::Full) => format!("{} full", hue.class()),
            Self::Part(hue, Strength::Deep) => format!("{} deep", hue.class()),
            Self::Run(run) => {
                let dashed = if run / RUN_HUES.len() % 2 == 1 { " dashed" } else { "" };
                format!("{}{dashed}", RUN_HUES[run % RUN_HUES.len()])
            }
        }
    }

    fn shape(self) -> Shape {
        match self {
            Self::Part(_, Strength::Faint) => Shape::Circle,
            Self::Part(_, Strength::Full) => Shape::Square,
            Self::Part(_, Strength::Deep) => Shape::Diamond,
            Self::Run(run) => RUN_SHAPES[run % RUN_SHAPES.len()],
        }
    }

    /// A point's mark; its shape tells the look without the colour.
    pub(super) fn mark(self, figure: &Figure, x: f64, y: f64) -> Markup {
        let (value, metric, level) = sources(figure);
        let shape = self.shape();
        let class = match shape {
            Shape::Ring | Shape::Frame => "dot hollow",
            Shape::Cross => "dot stroke",
            _ => "dot",
        };
        let outline = match shape {
            Shape::Circle | Shape::Ring => {
                return html! {
                    circle class=(class) cx=(coordinate(x)) cy=(coordinate(y)) r="3.5"
                        data-value=[value] data-metric=[metric] data-level=[level] {}
                };
            }
            Shape::Square | Shape::Frame => {
                closed(x, y, &[(-3.5, -3.5), (3.5, -3.5), (3.5, 3.5), (-3.5, 3.5)])
            }
            Shape::Diamond => closed(x, y, &[(0.0, -5.0), (5.0, 0.0), (0.0, 5.0), (-5.0, 0.0)]),
            Shape::Up => closed(x, y, &[(0.0, -5.0), (4.6, 3.4), (-4.6, 3.4)]),
            Shape::Down => closed(x, y, &[(0.0, 5.0), (4.6, -3.4), (-4.6, -3.4)]),
            Shape::Cross => format!(
                "{}{}",
                course(x, y, &[(-3.6, -3.6), (3.6, 3.6)]),
                course(x, y, &[(-3.6, 3.6), (3.6, -3.6)])
            ),
        };
        html! {
            path class=(class) d=(outline)
                data-value=[value] data-metric=[metric] data-level=[level] {}
        }
    }

    /// A piece of the line with its mark, for a legend: from a place on a baseline, [`SAMPLE`] wide.
    pub(super) fn sample(self, x: f64, y: f64) -> Markup {
        // A mark in a legend stands for no number.
        let nothing = Figure::of_run("", Kind::Count, None);
        html! {
            g class={ "series " (self.class()) } {
                path class="line" d=(course(x, y, &[(0.0, 0.0), (SAMPLE, 0.0)])) {}
                (self.mark(&nothing, x + SAMPLE / 2.0, y))
            }
        }
    }
}

/// Width of a [`Look::sample`].
pub(super) const SAMPLE: f64 = 26.0;

fn course(x: f64, y: f64, places: &[(f64, f64)]) -> String {
    let at = |(dx, dy): &(f64, f64)| format!("{} {}", coordinate(x + dx), coordinate(y + dy));
    format!("M{}", places.iter().map(at).collect::<Vec<_>>().join("L"))
}

fn closed(x: f64, y: f64, places: &[(f64, f64)]) -> String {
    format!("{}Z", course(x, y, places))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_runs_look_alike_with_colours_or_without() {
        let runs = || (0..results::compare::MAX_RUNS).map(Look::Run);
        let hues: BTreeSet<String> = runs().map(Look::class).collect();
        assert_eq!(hues.len(), results::compare::MAX_RUNS);
        let shapes: BTreeSet<String> = runs()
            .map(|look| format!("{:?} {}", look.shape(), look.class().contains("dashed")))
            .collect();
        assert_eq!(shapes.len(), results::compare::MAX_RUNS);
    }
}
