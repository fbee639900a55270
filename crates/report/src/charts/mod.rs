//! Which charts a report has, and what each of them says.

mod level;
mod run;

use results::level::Outcome;

pub use level::level_charts;
pub use run::{cpu, events, memory, outcomes, stretch_or_total, ttft};

use crate::chart::{Hue, Look, Point, Series, Strength};
use crate::figure::Figure;
use crate::number::Kind;
use crate::overview::{LevelView, Overview};

/// An outcome as people read it.
#[must_use]
pub fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Short => "short",
        Outcome::Truncated => "truncated",
        Outcome::Empty => "empty",
        Outcome::Malformed => "malformed",
        Outcome::WrongText => "wrong text",
        Outcome::ErrorEvent => "error event",
        Outcome::HttpError => "HTTP error",
        Outcome::ConnectError => "connect error",
        Outcome::Timeout => "timeout",
    }
}

/// A series through these points by ascending load; `None` when none of them has a value.
pub(crate) fn series_through(
    name: &str,
    hue: Hue,
    strength: Strength,
    points: impl Iterator<Item = (u64, Figure)>,
) -> Option<Series> {
    let point = |(load, figure)| Point { users: results::units::float(load), figure };
    let mut points: Vec<Point> =
        points.map(point).filter(|point| point.figure.value.is_some()).collect();
    points.sort_by(|a, b| a.users.total_cmp(&b.users));
    (!points.is_empty()).then(|| Series {
        name: name.to_owned(),
        meaning: String::new(),
        look: Look::Part(hue, strength),
        points,
    })
}

/// The numbers of a level in these series, in their order; a dash where one has none.
pub(crate) fn figures_at(series: &[Series], level: usize, kind: Kind) -> Vec<Figure> {
    let at = |series: &Series| {
        let point = series.points.iter().find(|point| point.figure.level == Some(level));
        point.map_or_else(|| Figure::derived(&series.name, kind, None), |p| p.figure.clone())
    };
    series.iter().map(at).collect()
}

/// Spans of users around the levels that are not trusted.
fn hatched(overview: &Overview<'_>) -> Vec<(f64, f64)> {
    let place =
        |view: &LevelView<'_>| (results::units::float(view.level.users), view.level.trusted);
    hatched_around(overview.levels.iter().map(place).collect())
}

/// Spans of load around the levels that are not trusted: half way to their neighbours. Each level
/// is given with its load, and whether it is trusted.
pub(crate) fn hatched_around(mut levels: Vec<(f64, bool)>) -> Vec<(f64, f64)> {
    levels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let edge = |index: Option<usize>, at: f64| {
        index.and_then(|index| levels.get(index)).map_or(at, |other| f64::midpoint(other.0, at))
    };
    let mut spans: Vec<(f64, f64)> = Vec::new();
    for (index, &(users, trusted)) in levels.iter().enumerate() {
        if trusted {
            continue;
        }
        let room = users * 0.03;
        let from = edge(index.checked_sub(1), users - room);
        let to = if index + 1 < levels.len() { edge(Some(index + 1), users) } else { users + room };
        match spans.last_mut() {
            Some(last) if last.1 >= from => last.1 = to,
            _ => spans.push((if index == 0 { users - room } else { from }, to)),
        }
    }
    spans
}
