//! The frame of a drawing: axes with ticks, grid lines and titles.

use maud::{Markup, html};

use super::scale::Scale;
use crate::number::{self, coordinate};

/// The area inside the axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

/// Room that one character of a tick label takes, in drawing units: that of the largest font the
/// page gives a drawing (on a phone), so that labels never touch.
const CHARACTER: f64 = 8.5;

impl Frame {
    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// Ticks that fit one above the other: one for every 35 units.
    fn most_ticks(&self) -> u32 {
        if self.height() < 160.0 { 3 } else { 6 }
    }

    /// Grid lines and labels of the vertical axis, its title above it.
    pub(super) fn vertical(&self, scale: &Scale, unit: number::Scale, title: &str) -> Markup {
        html! {
            g class="axis" {
                text class="name" x="0" y=(coordinate(self.top - 18.0)) { (with_unit(title, &unit)) }
                @for tick in scale.few_ticks(self.most_ticks()) {
                    @let y = coordinate(scale.place(tick));
                    line class="grid" x1=(coordinate(self.left)) x2=(coordinate(self.right))
                        y1=(y) y2=(y) {}
                    text class="tick" x=(coordinate(self.left - 8.0)) y=(y) dy="0.32em"
                        text-anchor="end" { (number::tick(tick)) }
                }
            }
        }
    }

    /// Ticks of the horizontal axis at these numbers, labelled where there is room, its title
    /// below. `scale` and `ticks` are in the unit shown.
    pub(super) fn horizontal(&self, scale: &Scale, ticks: &[f64], title: &str) -> Markup {
        let labelled = spaced(scale, ticks);
        html! {
            g class="axis" {
                line class="base" x1=(coordinate(self.left)) x2=(coordinate(self.right))
                    y1=(coordinate(self.bottom)) y2=(coordinate(self.bottom)) {}
                @for tick in ticks {
                    @let x = coordinate(scale.place(*tick));
                    line class="mark" x1=(x) x2=(x) y1=(coordinate(self.bottom))
                        y2=(coordinate(self.bottom + 4.0)) {}
                }
                @for tick in labelled {
                    text class="tick" x=(coordinate(scale.place(tick)))
                        y=(coordinate(self.bottom + 19.0)) text-anchor="middle" {
                        (number::tick(tick))
                    }
                }
                text class="name" x=(coordinate(self.right)) y=(coordinate(self.bottom + 38.0))
                    text-anchor="end" { (title) }
            }
        }
    }
}

/// A title with the unit of its numbers.
pub(super) fn with_unit(title: &str, unit: &number::Scale) -> String {
    match unit.unit() {
        "" => title.to_owned(),
        unit => format!("{title}, {unit}"),
    }
}

/// The ticks whose labels do not touch: the last always, the others from the left.
fn spaced(scale: &Scale, ticks: &[f64]) -> Vec<f64> {
    let Some((&last, others)) = ticks.split_last() else { return Vec::new() };
    let half = |tick: f64| {
        let characters = u32::try_from(number::tick(tick).chars().count()).unwrap_or(u32::MAX);
        CHARACTER * f64::from(characters + 1) / 2.0
    };
    let last_begins = scale.place(last) - half(last);
    let mut kept = Vec::new();
    let mut free_from = f64::NEG_INFINITY;
    for &tick in others {
        let place = scale.place(tick);
        if place - half(tick) >= free_from && place + half(tick) <= last_begins {
            kept.push(tick);
            free_from = place + half(tick);
        }
    }
    kept.push(last);
    kept
}

/// Heights for labels that want to stand at `wanted`, at least `distance` apart and within the
/// span, in the order given.
pub(super) fn apart(wanted: &[f64], distance: f64, top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    let mut placed = vec![0.0; wanted.len()];
    let mut free_from = top;
    for &index in &order {
        placed[index] = wanted[index].max(free_from);
        free_from = placed[index] + distance;
    }
    let mut free_to = bottom;
    for &index in order.iter().rev() {
        placed[index] = placed[index].min(free_to);
        free_to = placed[index] - distance;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_would_touch_are_left_out_but_never_the_last() {
        let scale = Scale::linear((0.0, 3_000.0), (0.0, 440.0));
        let ladder = [100.0, 250.0, 500.0, 750.0, 2_950.0, 3_000.0];
        assert_eq!(spaced(&scale, &ladder), [100.0, 500.0, 750.0, 3_000.0]);
        assert!(spaced(&scale, &[]).is_empty());
    }

    #[test]
    fn labels_are_moved_apart_and_stay_inside() {
        let placed = apart(&[100.0, 98.0, 20.0], 14.0, 10.0, 104.0);
        assert_eq!(placed, [104.0, 90.0, 20.0]);
    }
}
