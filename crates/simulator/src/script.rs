//! What an answer says and when: a pure function of seed, profile and request.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use rand_pcg::Pcg64;

use crate::delay::from_seconds;
use crate::profile::{Profile, whole};
use crate::seed::{Purpose, Seed};
use crate::stats::Stats;
use crate::text::{Content, Text};

/// Whether an answer said all it had to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// It did.
    Whole,
    /// The request's limit of tokens ended it earlier.
    Capped,
}

/// Known of a script before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outline {
    /// Content events; one counts as one token.
    pub(crate) events: u32,
    /// Request to last event when nothing delays it.
    pub(crate) ideal: Duration,
    /// Whether the request's limit shortened it.
    pub(crate) extent: Extent,
    /// Characters of all events together.
    characters: u32,
}

/// Yields an answer's content events one after the other. It holds a generator and its place in
/// the text, never the text itself: a stream costs about 300 bytes here however long it is.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    profile: Arc<Profile>,
    outline: Outline,
    schedule: Schedule,
    text: Text,
    written: u32,
    characters_written: u32,
    due: Duration,
}

impl Script {
    /// The script for a request: at most `limit` events of this content. `load` multiplies the
    /// delay to the first event (1 for none).
    pub(crate) fn new(
        profile: Arc<Profile>,
        seed: Seed,
        limit: Option<u32>,
        content: Content,
        load: f64,
    ) -> Self {
        let mut generator = seed.generator(Purpose::SCHEDULE);
        let drawn = whole(profile.events.sample(&mut generator)).max(1);
        let events = limit.map_or(drawn, |limit| drawn.min(limit));
        let extent = if events < drawn { Extent::Capped } else { Extent::Whole };
        let mut schedule = Schedule { generator, carry: 0.0 };
        let outline = Outline { extent, ..schedule.clone().outline(&profile, events, &content) };
        let due = schedule.ttft(&profile, load);
        let text = Text::new(seed, content, outline.characters);
        Self { profile, outline, schedule, text, written: 0, characters_written: 0, due }
    }

    /// What is known in advance.
    pub(crate) fn outline(&self) -> Outline {
        self.outline
    }

    /// When the next event is due after the request; `None` after the last one.
    pub(crate) fn due(&self) -> Option<Duration> {
        (self.written < self.outline.events).then_some(self.due)
    }

    /// Events written so far.
    pub(crate) fn written(&self) -> u32 {
        self.written
    }

    /// Puts off all events that are still to come.
    pub(crate) fn postpone(&mut self, delay: Duration) {
        self.due = self.due.saturating_add(delay);
    }

    /// The factor for delays now; see [`Profile::load_factor`].
    pub(crate) fn load(&self, stats: &Stats) -> f64 {
        self.profile.load_factor(stats)
    }

    /// Appends the next event's piece of the content; `load` multiplies the delay to the event
    /// after it (1 for none). The pieces of all events together are the whole content.
    pub(crate) fn write_next(&mut self, load: f64, out: &mut String) {
        self.written += 1;
        let characters = self.schedule.characters(&self.profile);
        // What is left must give each event that follows at least one character; the last one
        // takes all that is left.
        let to_come = self.outline.events.saturating_sub(self.written);
        let left = self.outline.characters.saturating_sub(self.characters_written);
        let characters =
            if to_come == 0 { left } else { characters.min(left.saturating_sub(to_come)).max(1) };
        self.characters_written += characters;
        self.text.write(characters, out);
        if to_come > 0 {
            self.due = self.due.saturating_add(self.schedule.gap(&self.profile, load));
        }
    }

    /// The whole content, for answers in one piece; what was written before does not matter.
    pub(crate) fn content(mut self) -> String {
        let mut content = String::new();
        self.text.write(u32::MAX, &mut content);
        content
    }
}

/// Draws delays and sizes in a fixed order: TTFT, then size and gap of each event.
#[derive(Debug, Clone)]
struct Schedule {
    generator: Pcg64,
    /// The fraction of a character that the events so far have left over.
    carry: f64,
}

impl Schedule {
    fn ttft(&mut self, profile: &Profile, load: f64) -> Duration {
        profile.ticked(from_seconds(profile.ttft.sample(&mut self.generator) * load))
    }

    fn gap(&mut self, profile: &Profile, load: f64) -> Duration {
        profile.ticked(from_seconds(profile.gap.sample(&mut self.generator) * load))
    }

    fn characters(&mut self, profile: &Profile) -> u32 {
        let exact = profile.chars_per_event.sample(&mut self.generator) + self.carry;
        let characters = exact.floor().max(1.0);
        self.carry = (exact - characters).max(0.0);
        whole(characters)
    }

    /// Runs the schedule to its end to know its sums.
    fn outline(mut self, profile: &Profile, events: u32, content: &Content) -> Outline {
        let mut ideal = self.ttft(profile, 1.0);
        let mut characters = 0u32;
        let shortest = content.shortest();
        let mut count = 0;
        while count < events && (content.is_roomy() || characters < shortest) {
            if count > 0 {
                ideal = ideal.saturating_add(self.gap(profile, 1.0));
            }
            characters = characters.saturating_add(self.characters(profile));
            count += 1;
        }
        let characters = if content.is_roomy() { characters.max(shortest) } else { shortest };
        Outline { events: count.max(1), ideal, extent: Extent::Whole, characters }
    }
}
