//! Inside one level: open streams and events per second, one above the other over the same time.

use maud::{Markup, html};

use super::axis::Frame;
use super::scale::{Scale, round_top};
use super::{WIDTH, hit};
use crate::number::{self, Kind, coordinate};

/// The course of one level.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// What was seen, by ascending time; at most 100 of them are drawn.
    pub moments: Vec<Moment>,
}

/// What was seen at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Seconds since the level's start.
    pub t_s: f64,
    /// Streams open.
    pub open: f64,
    /// Events per second until then, since the moment before.
    pub events_per_s: f64,
}

/// Moments that fit a drawing: one every four units or so. A longer course is thinned evenly,
/// keeping the largest value of each stretch.
pub(crate) const MOST_MOMENTS: usize = 100;
/// Values that can be pointed at.
const MOST_HITS: usize = 24;

pub(super) const HEIGHT: f64 = 340.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = WIDTH - 16.0;
const UPPER: Frame = Frame { left: LEFT, right: RIGHT, top: 36.0, bottom: 140.0 };
const LOWER: Frame = Frame { left: LEFT, right: RIGHT, top: 192.0, bottom: HEIGHT - 48.0 };

impl Timeline {
    pub(super) fn draw(&self, _chart: &str) -> Markup {
        let moments = thinned(&self.moments, MOST_MOMENTS);
        let end = moments.last().map_or(1.0, |moment| moment.t_s);
        let x = Scale::linear((0.0, end), (LEFT, RIGHT));
        let open = Panel::new(&moments, UPPER, |moment| moment.open);
        let events = Panel::new(&moments, LOWER, |moment| moment.events_per_s);
        html! {
            (open.draw(&moments, &x, "open streams", Kind::Count, "green"))
            (events.draw(&moments, &x, "events per second", Kind::Quantity, "blue"))
            (LOWER.horizontal(&x, &x.ticks(), "seconds since the level's start"))
            (values(&moments, &x))
        }
    }
}

struct Panel {
    frame: Frame,
    y: Scale,
    value: fn(&Moment) -> f64,
}

impl Panel {
    fn new(moments: &[Moment], frame: Frame, value: fn(&Moment) -> f64) -> Self {
        let largest = moments.iter().map(value).fold(0.0, f64::max);
        // Two or three ticks are enough for a low panel: four times the step that six would have.
        let y = Scale::linear((0.0, round_top(largest)), (frame.bottom, frame.top));
        Self { frame, y, value }
    }

    fn draw(&self, moments: &[Moment], x: &Scale, title: &str, kind: Kind, hue: &str) -> Markup {
        let places: Vec<String> = moments
            .iter()
            .map(|moment| {
                let height = self.y.place((self.value)(moment));
                format!("{} {}", coordinate(x.place(moment.t_s)), coordinate(height))
            })
            .collect();
        let base = coordinate(self.frame.bottom);
        let ends = moments
            .first()
            .zip(moments.last())
            .map(|(first, last)| (coordinate(x.place(first.t_s)), coordinate(x.place(last.t_s))));
        html! {
            (self.frame.vertical(&self.y, number::Scale::of(kind, [0.0]), title))
            line class="base" x1=(coordinate(LEFT)) x2=(coordinate(RIGHT)) y1=(base) y2=(base) {}
            @if let Some((first, last)) = ends {
                g class={ "series full " (hue) } {
                    path class="line filled"
                        d={ "M" (first) " " (base) "L" (places.join("L")) "L" (last) " " (base) } {}
                }
            }
        }
    }
}

fn values(moments: &[Moment], x: &Scale) -> Markup {
    let shown = thinned(moments, MOST_HITS);
    let mut left = LEFT;
    html! {
        @for moment in &shown {
            @let right = x.place(moment.t_s);
            @let tip = format!(
                "{}\nopen streams: {}\nevents: {}",
                number::show(Kind::Span, Some(moment.t_s)),
                number::show(Kind::Count, Some(moment.open)),
                number::show(Kind::Rate, Some(moment.events_per_s)),
            );
            (hit((left, UPPER.top, right - left, LOWER.bottom - UPPER.top), None, &tip, &html! {}))
            @let () = left = right;
        }
    }
}

/// At most `most` moments: of each stretch the last time with the largest values in it.
pub(crate) fn thinned(moments: &[Moment], most: usize) -> Vec<Moment> {
    let stretch = moments.len().div_ceil(most.max(1)).max(1);
    moments
        .chunks(stretch)
        .filter_map(|stretch| {
            let last = stretch.last()?;
            let largest = |value: fn(&Moment) -> f64| {
                stretch.iter().map(value).fold(f64::NEG_INFINITY, f64::max)
            };
            Some(Moment {
                t_s: last.t_s,
                open: largest(|moment| moment.open),
                events_per_s: largest(|moment| moment.events_per_s),
            })
        })
        .collect()
}
