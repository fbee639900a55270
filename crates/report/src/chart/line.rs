//! Lines over the number of users: one series a percentile or quantity, with guides.

use maud::{Markup, html};

use super::axis::{Frame, apart};
use super::look::{Look, SAMPLE};
use super::scale::{Scale, round_top};
use super::{Axis, WIDTH, hit};
use crate::figure::Figure;
use crate::number::{self, Kind, coordinate};

/// Lines over the number of users.
#[derive(Debug, Clone, PartialEq)]
pub struct Lines {
    /// The horizontal axis: the load.
    pub x: Axis,
    /// What the load is counted in: `users`.
    pub noun: &'static str,
    /// The vertical axis.
    pub y: Axis,
    /// How its numbers are spread over it.
    pub spread: Spread,
    /// The lines.
    pub series: Vec<Series>,
    /// Dashed grey lines with their label on them: the ideal, a limit, perfect scaling.
    pub guides: Vec<Guide>,
    /// Spans of users that are not trusted, hatched.
    pub hatched: Vec<(f64, f64)>,
}

/// How the numbers of an axis are spread over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Equal steps for equal differences.
    Linear,
    /// Equal steps for equal ratios, which the axis says. For numbers above zero.
    Logarithmic,
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Written at its end.
    pub name: String,
    /// What the name stands for, in a legend below; empty where the name says it.
    pub meaning: String,
    /// Colour, marks and stroke.
    pub look: Look,
    /// Its points by ascending users; those without a value are left out.
    pub points: Vec<Point>,
}

/// One point of a line.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Users.
    pub users: f64,
    /// The number.
    pub figure: Figure,
}

/// A dashed line that others are compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct Guide {
    /// Written on the line.
    pub label: String,
    /// Its course.
    pub course: GuideCourse,
}

/// The course of a guide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GuideCourse {
    /// The same value for any number of users.
    Level(f64),
    /// Through nothing, and so much for each user.
    PerUser(f64),
}

const HEIGHT: f64 = 320.0;
const FRAME: Frame = Frame { left: 58.0, right: WIDTH - 62.0, top: 40.0, bottom: HEIGHT - 48.0 };
const LEGEND_ROW: f64 = 24.0;
/// From the frame's own height to the baseline of the first row of the legend.
const LEGEND_GAP: f64 = 16.0;
const LEGEND_COLUMNS: usize = 2;
/// Characters of a name that a column of the legend has room for.
const LEGEND_CHARACTERS: usize = 32;
/// Distance that keeps two labels at the ends of lines apart.
const LABEL_DISTANCE: f64 = 17.0;
/// Room below the smallest and above the largest number of a logarithmic axis, as a factor.
const ROOM: f64 = 1.06;
/// Where those labels begin.
const LABELS: f64 = FRAME.right + 12.0;

impl Lines {
    pub(super) fn draw(&self, chart: &str) -> Markup {
        let unit = number::Scale::of(self.y.kind, self.values());
        let y = self.vertical(&unit);
        let users = self.users();
        let x = Scale::linear(padded(&users), (FRAME.left, FRAME.right));
        html! {
            @for &(from, to) in &self.hatched { (self.hatch(chart, &x, from, to)) }
            (FRAME.vertical(&y, unit, &self.title()))
            (FRAME.horizontal(&x, &users, &self.x.title))
            @for series in &self.series { (series.draw(&x, &y, &unit)) }
            (draw_guides(self, &x, &y, &unit, &users))
            @for &(from, _) in &self.hatched { (self.hatch_name(&x, &y, &unit, from)) }
            (self.names(&x, &y, &unit))
            (self.legend())
            @for (index, &at) in users.iter().enumerate() { (self.values_at(&users, index, at, &x)) }
        }
    }

    /// The title of the vertical axis, with what is unusual about it.
    fn title(&self) -> String {
        match self.spread {
            Spread::Linear => self.y.title.clone(),
            Spread::Logarithmic => format!("{} (logarithmic)", self.y.title),
        }
    }

    /// The height of the drawing: a row of the legend for every two names that need one.
    pub(super) fn height(&self) -> f64 {
        match self.explained().count().div_ceil(LEGEND_COLUMNS) {
            0 => HEIGHT,
            rows => HEIGHT + LEGEND_GAP + count(rows - 1) * LEGEND_ROW + 8.0,
        }
    }

    fn explained(&self) -> impl Iterator<Item = &Series> {
        self.series.iter().filter(|series| !series.meaning.is_empty())
    }

    /// What the names of the lines stand for, each beside its mark.
    fn legend(&self) -> Markup {
        html! {
            @for (index, series) in self.explained().enumerate() {
                @let x = count(index % LEGEND_COLUMNS) * (WIDTH / count(LEGEND_COLUMNS));
                @let y = HEIGHT + LEGEND_GAP + count(index / LEGEND_COLUMNS) * LEGEND_ROW;
                (series.look.sample(x, y - 4.0))
                text class="tick" x=(coordinate(x + SAMPLE + 8.0)) y=(coordinate(y)) {
                    (cut_to(&series.meaning, LEGEND_CHARACTERS))
                }
            }
        }
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        let points = self.series.iter().flat_map(|series| &series.points);
        let guides = self.guides.iter().filter_map(|guide| match guide.course {
            GuideCourse::Level(value) => Some(value),
            GuideCourse::PerUser(_) => None,
        });
        points.filter_map(|point| point.figure.value).chain(guides)
    }

    fn vertical(&self, unit: &number::Scale) -> Scale {
        let largest = self.values().fold(0.0, f64::max);
        if self.spread == Spread::Logarithmic {
            let smallest = self.values().fold(largest, f64::min);
            let ends = (unit.convert(smallest / ROOM), unit.convert(largest * ROOM));
            return Scale::logarithmic(ends, (FRAME.bottom, FRAME.top));
        }
        // A guide that rises with the users may be above all points; it is cut at the frame.
        let low = if self.y.kind == Kind::Ratio { self.values().fold(1.0, f64::min) } else { 0.0 };
        let top = round_top(unit.convert(largest));
        let low = unit.convert(low);
        if low > 0.0 {
            // A ratio has its ideal at one: from just below it, or small growth would be flat.
            let span = round_top((unit.convert(largest) - low).max(0.05));
            return Scale::linear((low, low + span), (FRAME.bottom, FRAME.top));
        }
        Scale::linear((0.0, top), (FRAME.bottom, FRAME.top))
    }

    fn users(&self) -> Vec<f64> {
        let points = self.series.iter().flat_map(|series| &series.points);
        let mut users: Vec<f64> = points.map(|point| point.users).collect();
        users.sort_by(f64::total_cmp);
        users.dedup();
        users
    }

    fn hatch(&self, chart: &str, x: &Scale, from: f64, to: f64) -> Markup {
        let (start, end) = (x.place(from), x.place(to));
        html! {
            rect class="untrusted" x=(coordinate(start)) y=(coordinate(FRAME.top))
                width=(coordinate(end - start)) height=(coordinate(FRAME.height()))
                fill={ "url(#" (chart) "-hatch)" } {}
        }
    }

    /// What the hatching means, in the corner of its span that is further from the lines.
    fn hatch_name(&self, x: &Scale, y: &Scale, unit: &number::Scale, from: f64) -> Markup {
        let left = x.place(from) + 6.0;
        let mut courses: Vec<_> =
            self.series.iter().map(|series| series.places(x, y, unit)).collect();
        courses.extend(self.guides.iter().filter_map(|guide| match guide.course {
            GuideCourse::Level(value) => {
                let height = y.place(unit.convert(value));
                Some(vec![(FRAME.left, height), (FRAME.right, height)])
            }
            GuideCourse::PerUser(_) => None,
        }));
        let width = label_width(NOT_TRUSTED);
        let (top, bottom) = (FRAME.top + 15.0, FRAME.bottom - 26.0);
        let baseline = if room(&courses, left, width, top) >= room(&courses, left, width, bottom) {
            top
        } else {
            bottom
        };
        html! {
            text class="guide-label" x=(coordinate(left)) y=(coordinate(baseline)) { (NOT_TRUSTED) }
        }
    }

    /// Each line's name where it ends: at the right of the frame, or beside the last point of a line
    /// that ends before the others do. Names that would overlap are moved apart.
    fn names(&self, x: &Scale, y: &Scale, unit: &number::Scale) -> Markup {
        let ends: Vec<(&Series, (f64, f64))> = self
            .series
            .iter()
            .filter_map(|series| Some((series, *series.places(x, y, unit).last()?)))
            .collect();
        let mut places: Vec<f64> = ends.iter().map(|(_, (at, _))| *at).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        let rightmost = places.last().copied();
        html! {
            @for at in places {
                @let here: Vec<_> = ends.iter().filter(|(_, end)| end.0 == at).collect();
                (names_at(&here, Some(at) == rightmost))
            }
        }
    }

    fn values_at(&self, users: &[f64], index: usize, at: f64, x: &Scale) -> Markup {
        let place = x.place(at);
        let before = index.checked_sub(1).and_then(|index| users.get(index));
        let from = before.map_or(FRAME.left, |&other| f64::midpoint(x.place(other), place));
        let to =
            users.get(index + 1).map_or(FRAME.right, |&other| f64::midpoint(x.place(other), place));
        let points = || {
            self.series.iter().filter_map(|series| {
                let point = series.points.iter().find(|point| point.users == at)?;
                Some((series, point))
            })
        };
        let level = points().find_map(|(_, point)| point.figure.level);
        let mut tip = format!("{} {}", number::show(Kind::Count, Some(at)), self.noun);
        for (series, point) in points() {
            let name = if series.meaning.is_empty() { &series.name } else { &series.meaning };
            tip.push_str(&format!("\n{name}: {}", point.figure.show()));
        }
        let cross = html! {
            line class="cross" x1=(coordinate(place)) x2=(coordinate(place))
                y1=(coordinate(FRAME.top)) y2=(coordinate(FRAME.bottom)) {}
        };
        hit((from, FRAME.top, to - from, FRAME.height()), level, &tip, &cross)
    }
}

/// The names of the lines that end at one place.
fn names_at(ends: &[&(&Series, (f64, f64))], rightmost: bool) -> Markup {
    // Inside the frame a name stands below its line's end, where a later line seldom is.
    let (below, bottom) = if rightmost { (0.0, FRAME.bottom) } else { (14.0, FRAME.bottom - 6.0) };
    let wanted: Vec<f64> = ends.iter().map(|(_, (_, height))| height + below).collect();
    let distance = LABEL_DISTANCE.min(FRAME.height() / count(ends.len().max(2) - 1));
    let heights = apart(&wanted, distance, FRAME.top, bottom);
    html! {
        @for ((series, end), height) in ends.iter().zip(heights) {
            @if rightmost { (leader(series.look, *end, height)) }
            text class={ "series-name " (series.look.class()) } dy="0.32em"
                x=(coordinate(if rightmost { LABELS } else { end.0 + 7.0 }))
                y=(coordinate(height)) { (series.name) }
        }
    }
}

/// A thin line from a line's end to its name in the margin, where that was moved.
fn leader(look: Look, end: (f64, f64), height: f64) -> Markup {
    html! {
        @if (end.1 - height).abs() >= LABEL_DISTANCE / 2.0 {
            line class={ "leader " (look.class()) } x1=(coordinate(end.0 + 6.0))
                y1=(coordinate(end.1)) x2=(coordinate(LABELS - 3.0)) y2=(coordinate(height)) {}
        }
    }
}

/// A text cut after so many characters, with a mark where it was.
fn cut_to(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// A small count as a number of places.
fn count(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The span of users shown: a little beyond the first and last, so that marks are not cut.
fn padded(users: &[f64]) -> (f64, f64) {
    let (first, last) =
        (users.first().copied().unwrap_or(0.0), users.last().copied().unwrap_or(1.0));
    let room = ((last - first) * 0.03).max(last * 0.01).max(0.5);
    ((first - room).max(0.0), last + room)
}

/// The guides with their labels, each label where it stands furthest from all lines.
fn draw_guides(lines: &Lines, x: &Scale, y: &Scale, unit: &number::Scale, users: &[f64]) -> Markup {
    let (first, last) =
        (users.first().copied().unwrap_or(0.0), users.last().copied().unwrap_or(0.0));
    let courses = lines.series.iter().map(|series| series.places(x, y, unit)).collect::<Vec<_>>();
    html! {
        @for guide in &lines.guides {
            @match guide.course {
                GuideCourse::Level(value) => {
                    @let height = y.place(unit.convert(value));
                    line class="guide" x1=(coordinate(FRAME.left)) x2=(coordinate(FRAME.right))
                        y1=(coordinate(height)) y2=(coordinate(height)) {}
                    @let (at, baseline) = free_place(&courses, height, &guide.label);
                    text class="guide-label" x=(coordinate(at)) y=(coordinate(baseline)) {
                        (guide.label)
                    }
                },
                GuideCourse::PerUser(slope) => {
                    @let to = cut(slope, first, last, y, unit);
                    @let place = |users: f64| (x.place(users), y.place(unit.convert(slope * users)));
                    @let (start, end) = (place(first), place(to));
                    line class="guide" x1=(coordinate(start.0)) y1=(coordinate(start.1))
                        x2=(coordinate(end.0)) y2=(coordinate(end.1)) {}
                    text class="guide-label" x=(coordinate(end.0 - 10.0))
                        y=(coordinate((end.1 - 4.0).max(FRAME.top + 4.0))) text-anchor="end" {
                        (guide.label)
                    }
                },
            }
        }
    }
}

/// Where a line through nothing leaves the frame: the last number of users that it is drawn to.
fn cut(slope: f64, first: f64, last: f64, y: &Scale, unit: &number::Scale) -> f64 {
    let mut end = last;
    while end > first && !y.contains(unit.convert(slope * end)) {
        end -= (last - first) / 100.0;
    }
    end
}

/// Written into a hatched span.
const NOT_TRUSTED: &str = "not trusted";

/// Room that a character of a guide's label takes.
const LABEL_CHARACTER: f64 = 7.0;

fn label_width(label: &str) -> f64 {
    LABEL_CHARACTER * f64::from(u32::try_from(label.chars().count()).unwrap_or(u32::MAX))
}

/// Distance from the middle of a label on this baseline to the nearest line, up to where more
/// makes no difference.
fn room(courses: &[Vec<(f64, f64)>], left: f64, width: f64, baseline: f64) -> f64 {
    courses
        .iter()
        .flat_map(|course| {
            (0..=4u32).filter_map(move |step| {
                let at = left + width * f64::from(step) / 4.0;
                Some((height_at(course, at)? - (baseline - 4.0)).abs())
            })
        })
        .fold(LABEL_DISTANCE * 2.0, f64::min)
}

/// Left edge and baseline for the label of a flat guide: above or below it, at the left, in the
/// middle or at the right, wherever the nearest line is furthest away.
fn free_place(courses: &[Vec<(f64, f64)>], height: f64, label: &str) -> (f64, f64) {
    let width = label_width(label);
    let lefts = [
        FRAME.left + 6.0,
        f64::midpoint(FRAME.left, FRAME.right) - width / 2.0,
        FRAME.right - width - 6.0,
    ];
    let mut best = (lefts[0], height - 6.0);
    let mut most = f64::NEG_INFINITY;
    for baseline in [height - 6.0, height + 15.0] {
        if !(FRAME.top - 8.0..=FRAME.bottom - 2.0).contains(&baseline) {
            continue;
        }
        for left in lefts {
            let room = room(courses, left, width, baseline);
            if room > most {
                (best, most) = ((left, baseline), room);
            }
        }
    }
    best
}

/// The height of a course at a place, between its points on the straight line.
fn height_at(course: &[(f64, f64)], at: f64) -> Option<f64> {
    course.windows(2).find(|pair| (pair[0].0..=pair[1].0).contains(&at)).map(|pair| {
        let share = (at - pair[0].0) / (pair[1].0 - pair[0].0).max(f64::MIN_POSITIVE);
        pair[0].1 + share * (pair[1].1 - pair[0].1)
    })
}

impl Series {
    /// Where its points stand.
    fn places(&self, x: &Scale, y: &Scale, unit: &number::Scale) -> Vec<(f64, f64)> {
        self.points
            .iter()
            .filter_map(|point| {
                Some((x.place(point.users), y.place(unit.convert(point.figure.value?))))
            })
            .collect()
    }

    fn draw(&self, x: &Scale, y: &Scale, unit: &number::Scale) -> Markup {
        let placed: Vec<(&Point, f64, f64)> = self
            .points
            .iter()
            .filter_map(|point| {
                let value = point.figure.value?;
                Some((point, x.place(point.users), y.place(unit.convert(value))))
            })
            .collect();
        let path: Vec<String> = placed
            .iter()
            .map(|(_, x, y)| format!("{} {}", coordinate(*x), coordinate(*y)))
            .collect();
        html! {
            g class={ "series " (self.look.class()) } {
                @if path.len() > 1 { path class="line" d={ "M" (path.join("L")) } {} }
                @for (point, x, y) in &placed { (self.look.mark(&point.figure, *x, *y)) }
            }
        }
    }
}
