//! A distribution on logarithmic axes, so that a rare long wait stays visible beside many short.

use maud::{Markup, html};

use super::axis::Frame;
use super::scale::Scale;
use super::{Axis, WIDTH, hit};
use crate::number::{self, Kind, coordinate};

/// A distribution of latencies.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The bars by ascending latency, without empty ones.
    pub bars: Vec<Bar>,
    /// Marked latencies in milliseconds, with their label: the ideal, the stall limit.
    pub marks: Vec<(f64, String)>,
}

/// One bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// Lower edge in milliseconds, exclusive.
    pub from_ms: f64,
    /// Upper edge in milliseconds, inclusive.
    pub to_ms: f64,
    /// Samples.
    pub count: f64,
}

pub(super) const HEIGHT: f64 = 300.0;
const FRAME: Frame = Frame { left: 72.0, right: WIDTH - 16.0, top: 56.0, bottom: HEIGHT - 48.0 };

impl Histogram {
    pub(super) fn draw(&self, _chart: &str) -> Markup {
        let low = self.bars.iter().map(|bar| bar.from_ms).chain(self.mark_places());
        let low = low.fold(f64::INFINITY, f64::min).max(0.01) * 0.95;
        let high = self.bars.iter().map(|bar| bar.to_ms).chain(self.mark_places());
        let high = high.fold(low, f64::max) * 1.05;
        let most = self.bars.iter().map(|bar| bar.count).fold(1.0, f64::max);
        let total: f64 = self.bars.iter().map(|bar| bar.count).sum();
        let x = Scale::logarithmic((low, high), (FRAME.left, FRAME.right));
        let y = Scale::logarithmic((0.5, most * 1.3), (FRAME.bottom, FRAME.top));
        html! {
            (FRAME.vertical(&y, number::Scale::of(Kind::Count, [most]), &self.y.title))
            (FRAME.horizontal(&x, &x.ticks(), &format!("{}, ms", self.x.title)))
            g class="bars" {
                @for bar in &self.bars {
                    @let (left, right, top) =
                        (x.place(bar.from_ms), x.place(bar.to_ms), y.place(bar.count));
                    rect class="bar" x=(coordinate(left + 0.5)) y=(coordinate(top))
                        width=(coordinate((right - left - 1.0).max(0.8)))
                        height=(coordinate(FRAME.bottom - top)) {}
                }
            }
            @for (index, (at, label)) in self.marks.iter().enumerate() {
                @let place = coordinate(x.place(*at));
                // Every other label one line lower, or neighbours would write over each other.
                @let height = FRAME.top - 26.0 + if index % 2 == 0 { 0.0 } else { 15.0 };
                line class="guide" x1=(place) x2=(place) y1=(coordinate(height + 4.0))
                    y2=(coordinate(FRAME.bottom)) {}
                @let at_right = x.place(*at) > FRAME.left + FRAME.width() * 0.7;
                text class="guide-label" x=(place) y=(coordinate(height))
                    text-anchor=(if at_right { "end" } else { "start" }) { (label) }
            }
            @for bar in &self.bars { (value_of(bar, total, &x)) }
        }
    }

    fn mark_places(&self) -> impl Iterator<Item = f64> {
        self.marks.iter().map(|(at, _)| *at)
    }
}

fn value_of(bar: &Bar, total: f64, x: &Scale) -> Markup {
    let (left, right) = (x.place(bar.from_ms), x.place(bar.to_ms));
    let unit = number::Scale::of(Kind::Latency, [bar.to_ms]);
    let tip = format!(
        "{} to {}\n{}: {} of all",
        unit.bare(bar.from_ms),
        unit.full(bar.to_ms),
        number::show(Kind::Count, Some(bar.count)),
        number::show(Kind::Portion, Some(bar.count / total.max(1.0) * 100.0)),
    );
    let area = (left, FRAME.top, (right - left).max(2.0), FRAME.height());
    hit(area, None, &tip, &html! {})
}
