//! Every call of a level as a bar by agent and time, and the probe's latency below it: what
//! "at once" really looked like.

use maud::{Markup, html};

use super::axis::Frame;
use super::scale::{Scale, round_top};
use super::{WIDTH, hit, sources};
use crate::figure::Figure;
use crate::number::{self, Kind, coordinate};

/// The calls of one level.
#[derive(Debug, Clone, PartialEq)]
pub struct Calls {
    /// The agents from above.
    pub agents: Vec<AgentCalls>,
    /// Trivial calls made beside the load; none leaves the lower panel out.
    pub probes: Vec<ProbeMark>,
    /// What such a call takes at rest, in milliseconds.
    pub idle_ms: Option<f64>,
    /// The classes of the bars with their names, in the order of the legend.
    pub classes: Vec<(&'static str, &'static str)>,
}

/// The calls of one agent.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentCalls {
    /// The agent's name at the axis.
    pub name: String,
    /// What is shown for all its calls together.
    pub tip: String,
    /// Its calls by their start.
    pub bars: Vec<CallBar>,
}

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub struct CallBar {
    /// Milliseconds since the level's start.
    pub start_ms: f64,
    /// When it ended, with its source.
    pub end: Figure,
    /// Its class, which is the outcome's name.
    pub class: &'static str,
    /// Whether it ended as it should.
    pub fine: bool,
    /// What is shown for it.
    pub tip: String,
}

/// One trivial call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProbeMark {
    /// Milliseconds since the level's start.
    pub at_ms: f64,
    /// How long it took in milliseconds; `None` when it failed.
    pub took_ms: Option<f64>,
}

const LEFT: f64 = 72.0;
const RIGHT: f64 = WIDTH - 16.0;
const TOP: f64 = 30.0;
/// All bars together are about as high as this, as long as each can be seen.
const BARS_HEIGHT: f64 = 380.0;
const THINNEST: f64 = 2.0;
const THICKEST: f64 = 10.0;
/// Between two agents.
const AGENT_GAP: f64 = 4.0;
/// Distance that keeps two names of agents apart.
const NAME_DISTANCE: f64 = 15.0;
/// The shortest bar that can be seen.
const SHORTEST: f64 = 2.0;
const AXIS_ROOM: f64 = 50.0;
const PROBE_HEIGHT: f64 = 90.0;
const PROBE_ROOM: f64 = 34.0;
const LEGEND_ROW: f64 = 24.0;
const LEGEND_COLUMNS: usize = 4;
/// Up to so many calls each shows its own values; beyond, each agent shows those of all its calls.
const MOST_HITS: usize = 64;
/// Failed probes are marked one by one up to here; the table counts all of them.
const MOST_FAILED_MARKS: usize = 50;

/// Where an agent's bars stand.
struct Group<'c> {
    agent: &'c AgentCalls,
    lanes: Vec<usize>,
    top: f64,
    height: f64,
}

impl Calls {
    pub(super) fn height(&self) -> f64 {
        let legend = count(self.classes.len().div_ceil(LEGEND_COLUMNS)) * LEGEND_ROW;
        self.axis_bottom() + AXIS_ROOM + legend
    }

    pub(super) fn draw(&self, _chart: &str) -> Markup {
        let (groups, thickness, bars_bottom) = self.groups();
        let end = self.end_ms();
        let unit = number::Scale::of(Kind::Latency, [end]);
        let x = Scale::linear((0.0, unit.convert(end)), (LEFT, RIGHT));
        let place = |ms: f64| x.place(unit.convert(ms));
        let bottom = self.axis_bottom();
        let frame = Frame { left: LEFT, right: RIGHT, top: TOP, bottom };
        let title = format!("since the level's start, {}", unit.unit());
        html! {
            text class="name" x="0" y=(coordinate(TOP - 14.0)) { "one bar a call" }
            (names(&groups))
            @for group in &groups {
                @for (bar, lane) in group.agent.bars.iter().zip(&group.lanes) {
                    (draw_bar(bar, group.top + count(*lane) * thickness, thickness, &place))
                }
            }
            (self.probe_panel(bars_bottom, &place))
            (frame.horizontal(&x, &x.ticks(), &title))
            (self.legend(bottom))
            (self.hits(&groups, thickness, &place))
        }
    }

    /// The agents' bars from above, how thick each is, and where the last one ends.
    fn groups(&self) -> (Vec<Group<'_>>, f64, f64) {
        let lanes: Vec<Vec<usize>> = self.agents.iter().map(|agent| lanes(&agent.bars)).collect();
        let depth = |lanes: &[usize]| lanes.iter().map(|lane| lane + 1).max().unwrap_or(1);
        let all: usize = lanes.iter().map(|lanes| depth(lanes)).sum();
        let thickness = (BARS_HEIGHT / count(all.max(1))).clamp(THINNEST, THICKEST);
        let mut top = TOP;
        let mut groups = Vec::new();
        for (agent, lanes) in self.agents.iter().zip(lanes) {
            let height = count(depth(&lanes)) * thickness;
            groups.push(Group { agent, lanes, top, height });
            top += height + AGENT_GAP;
        }
        (groups, thickness, top)
    }

    fn axis_bottom(&self) -> f64 {
        let (_, _, bars) = self.groups();
        if self.probes.is_empty() { bars } else { bars + PROBE_ROOM + PROBE_HEIGHT }
    }

    fn end_ms(&self) -> f64 {
        let bars = self.agents.iter().flat_map(|agent| &agent.bars);
        let ends = bars.filter_map(|bar| bar.end.value);
        ends.chain(self.probes.iter().map(|probe| probe.at_ms)).fold(1.0, f64::max)
    }

    fn probe_panel(&self, below: f64, place: &impl Fn(f64) -> f64) -> Markup {
        if self.probes.is_empty() {
            return html! {};
        }
        let top = below + PROBE_ROOM;
        let frame = Frame { left: LEFT, right: RIGHT, top, bottom: top + PROBE_HEIGHT };
        let largest = self.probes.iter().filter_map(|probe| probe.took_ms).fold(0.0, f64::max);
        let largest = largest.max(self.idle_ms.unwrap_or(0.0));
        let unit = number::Scale::of(Kind::Latency, [largest]);
        let y = Scale::linear((0.0, round_top(unit.convert(largest))), (frame.bottom, frame.top));
        let path: Vec<String> = self
            .probes
            .iter()
            .filter_map(|probe| {
                let height = y.place(unit.convert(probe.took_ms?));
                Some(format!("{} {}", coordinate(place(probe.at_ms)), coordinate(height)))
            })
            .collect();
        let failed = self.probes.iter().filter(|probe| probe.took_ms.is_none());
        html! {
            (frame.vertical(&y, unit, "a trivial call beside the load"))
            @if path.len() > 1 {
                g class="series full blue" { path class="line" d={ "M" (path.join("L")) } {} }
            }
            @if let Some(idle) = self.idle_ms {
                @let height = coordinate(y.place(unit.convert(idle)));
                line class="guide" x1=(coordinate(LEFT)) x2=(coordinate(RIGHT)) y1=(height)
                    y2=(height) {}
                text class="guide-label" x=(coordinate(RIGHT)) y=(coordinate(frame.top - 6.0))
                    text-anchor="end" {
                    "dashed: idle p50 " (number::show(Kind::Latency, Some(idle)))
                }
            }
            @for probe in failed.take(MOST_FAILED_MARKS) {
                text class="tick" x=(coordinate(place(probe.at_ms))) y=(coordinate(top + 10.0))
                    text-anchor="middle" { "×" }
            }
        }
    }

    fn legend(&self, bottom: f64) -> Markup {
        let top = bottom + AXIS_ROOM + 10.0;
        html! {
            g class="legend" {
                @for (index, (class, name)) in self.classes.iter().enumerate() {
                    @let x = count(index % LEGEND_COLUMNS) * (WIDTH / count(LEGEND_COLUMNS));
                    @let y = top + count(index / LEGEND_COLUMNS) * LEGEND_ROW;
                    rect class={ "outcome " (class) } x=(coordinate(x)) y=(coordinate(y - 10.0))
                        width="12" height="12" {}
                    text class="tick" x=(coordinate(x + 18.0)) y=(coordinate(y)) { (name) }
                }
            }
        }
    }

    fn hits(&self, groups: &[Group<'_>], thickness: f64, place: &impl Fn(f64) -> f64) -> Markup {
        let calls: usize = self.agents.iter().map(|agent| agent.bars.len()).sum();
        html! {
            @for group in groups {
                @if calls <= MOST_HITS {
                    @for (bar, lane) in group.agent.bars.iter().zip(&group.lanes) {
                        @let (left, width) = span(bar, place);
                        @let top = group.top + count(*lane) * thickness;
                        (hit((left, top, width, thickness), bar.end.level, &bar.tip, &html! {}))
                    }
                } @else {
                    @let area = (LEFT, group.top, RIGHT - LEFT, group.height);
                    (hit(area, None, &group.agent.tip, &html! {}))
                }
            }
        }
    }
}

/// Names of the agents, each in the middle of its bars, those that would touch left out.
fn names(groups: &[Group<'_>]) -> Markup {
    let mut free_from = f64::NEG_INFINITY;
    html! {
        @for group in groups {
            @let middle = group.top + group.height / 2.0;
            @if middle >= free_from {
                text class="tick" x=(coordinate(LEFT - 8.0)) y=(coordinate(middle)) dy="0.32em"
                    text-anchor="end" { (group.agent.name) }
                @let () = free_from = middle + NAME_DISTANCE;
            }
        }
    }
}

fn draw_bar(bar: &CallBar, top: f64, thickness: f64, place: &impl Fn(f64) -> f64) -> Markup {
    let (left, width) = span(bar, place);
    let (value, metric, level) = sources(&bar.end);
    html! {
        rect class={ "outcome " (bar.class) } x=(coordinate(left)) y=(coordinate(top))
            width=(coordinate(width)) height=(coordinate(thickness))
            data-value=[value] data-metric=[metric] data-level=[level] {}
        @if !bar.fine {
            // Colour alone would not tell: what went wrong carries a mark, too.
            text class="tick" x=(coordinate((left + width + 3.0).min(RIGHT - 6.0)))
                y=(coordinate(top + thickness / 2.0)) dy="0.32em" { "!" }
        }
    }
}

fn span(bar: &CallBar, place: &impl Fn(f64) -> f64) -> (f64, f64) {
    let left = place(bar.start_ms);
    let end = bar.end.value.map_or(left, place);
    (left, (end - left).max(SHORTEST))
}

/// A lane for each bar: the first that is free when it starts, so that an agent takes as many
/// lanes as it had calls open at once.
fn lanes(bars: &[CallBar]) -> Vec<usize> {
    let mut free_from: Vec<f64> = Vec::new();
    bars.iter()
        .map(|bar| {
            let end = bar.end.value.unwrap_or(bar.start_ms);
            match free_from.iter().position(|free| *free <= bar.start_ms) {
                Some(lane) => {
                    free_from[lane] = end;
                    lane
                }
                None => {
                    free_from.push(end);
                    free_from.len() - 1
                }
            }
        })
        .collect()
}

/// A small count as a number of places.
fn count(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(start_ms: f64, end_ms: f64) -> CallBar {
        CallBar {
            start_ms,
            end: Figure::derived("end", Kind::Latency, Some(end_ms)),
            class: "ok",
            fine: true,
            tip: String::new(),
        }
    }

    #[test]
    fn an_agent_takes_as_many_lanes_as_it_had_calls_at_once() {
        let bars = [bar(0.0, 10.0), bar(0.0, 5.0), bar(5.0, 9.0), bar(9.0, 12.0), bar(9.5, 10.0)];
        assert_eq!(lanes(&bars), [0, 1, 1, 1, 2]);
    }

    #[test]
    fn a_call_that_took_no_time_can_still_be_seen() {
        let (_, width) = span(&bar(7.0, 7.0), &|ms| ms);
        assert!(width >= SHORTEST);
    }
}
