//! The heaviest topics and clients: a sketch of fixed size, however many there are.
//!
//! Space-Saving (Metwally, Agrawal, El Abbadi 2005): as many counters as places; a newcomer takes the place of the lightest one and begins
//! with its count. Whoever has more than the sum of counts divided by the places is surely among them. Counts halve every minute, so what is
//! read is about the last minutes.

use mqtt_core::Publishing;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Counters of one sketch.
const PLACES: usize = 256;

/// Names are cut here: what a sketch holds is bounded too. Longer topics with the same beginning count as one.
const LONGEST: usize = 256;

/// The time in which counts halve.
const HALF: Duration = Duration::from_secs(60);

/// The heaviest, heaviest first, each with an estimate per second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heavy {
    /// Topics by messages.
    pub topics_by_messages: Vec<(String, f64)>,
    /// Topics by bytes of payload.
    pub topics_by_bytes: Vec<(String, f64)>,
    /// Publishing clients by messages.
    pub clients_by_messages: Vec<(String, f64)>,
    /// Publishing clients by bytes of payload.
    pub clients_by_bytes: Vec<(String, f64)>,
}

/// All four sketches.
pub(super) struct Sketches {
    topics_by_messages: Sketch,
    topics_by_bytes: Sketch,
    clients_by_messages: Sketch,
    clients_by_bytes: Sketch,
    halved: Instant,
}

impl Sketches {
    pub(super) fn new(now: Instant) -> Sketches {
        Sketches {
            topics_by_messages: Sketch::default(),
            topics_by_bytes: Sketch::default(),
            clients_by_messages: Sketch::default(),
            clients_by_bytes: Sketch::default(),
            halved: now,
        }
    }

    /// Counts a publish that stands for `weight` of them.
    pub(super) fn note(&mut self, publish: &Publishing<'_>, weight: u64) {
        let bytes = publish.payload as u64 * weight;
        self.topics_by_messages.add(publish.topic, weight);
        self.topics_by_bytes.add(publish.topic, bytes);
        self.clients_by_messages.add(publish.client_id, weight);
        self.clients_by_bytes.add(publish.client_id, bytes);
    }

    /// The `count` heaviest of each.
    pub(super) fn read(&mut self, count: usize, now: Instant) -> Heavy {
        self.fade(now);
        Heavy {
            topics_by_messages: self.topics_by_messages.top(count),
            topics_by_bytes: self.topics_by_bytes.top(count),
            clients_by_messages: self.clients_by_messages.top(count),
            clients_by_bytes: self.clients_by_bytes.top(count),
        }
    }

    /// Halves counts for every half-life that has passed.
    pub(super) fn fade(&mut self, now: Instant) {
        let halves = now.saturating_duration_since(self.halved).as_secs() / HALF.as_secs();
        if halves == 0 {
            return;
        }
        self.halved += HALF * halves.min(1 << 20) as u32;
        let sketches = [
            &mut self.topics_by_messages,
            &mut self.topics_by_bytes,
            &mut self.clients_by_messages,
            &mut self.clients_by_bytes,
        ];
        sketches.into_iter().for_each(|sketch| sketch.halve(halves));
    }
}

#[derive(Default)]
struct Sketch {
    counts: HashMap<Box<str>, u64>,
}

fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(LONGEST)]
}

impl Sketch {
    fn add(&mut self, name: &str, weight: u64) {
        let name = cut(name);
        if let Some(count) = self.counts.get_mut(name) {
            *count += weight;
            return;
        }
        let mut inherited = 0;
        if self.counts.len() >= PLACES
            && let Some((lightest, count)) = self.counts.iter().min_by_key(|(_, count)| **count)
        {
            inherited = *count;
            let lightest = lightest.clone();
            self.counts.remove(&lightest);
        }
        self.counts.insert(name.into(), inherited + weight);
    }

    fn halve(&mut self, times: u64) {
        self.counts.retain(|_, count| {
            *count = count.checked_shr(times.min(64) as u32).unwrap_or(0);
            *count > 0
        });
    }

    fn top(&self, count: usize) -> Vec<(String, f64)> {
        let mut all: Vec<(&str, u64)> = self.counts.iter().map(|(name, count)| (&**name, *count)).collect();
        all.sort_by_key(|&(name, count)| (std::cmp::Reverse(count), name));
        // Counts that halve every 60 s level out at 60 / ln 2 to twice that times the rate; the middle is told.
        let seconds = HALF.as_secs_f64() * 1.5;
        all.into_iter().take(count).map(|(name, count)| (name.to_owned(), count as f64 / seconds)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heavy_ones_are_found_among_ten_thousand_light_ones() {
        let mut sketch = Sketch::default();
        for round in 0..10_000 {
            sketch.add(&format!("light/{round}"), 1);
            sketch.add("heavy", 3);
            sketch.add("heavier", 4);
        }
        let top = sketch.top(2);
        assert_eq!(top.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["heavier", "heavy"]);
        assert!(sketch.counts.len() <= PLACES);
    }

    #[test]
    fn counts_fade() {
        let now = Instant::now();
        let mut sketches = Sketches::new(now);
        sketches.topics_by_messages.add("t", 4);
        sketches.fade(now + HALF);
        assert_eq!(sketches.topics_by_messages.counts["t"], 2);
        sketches.fade(now + HALF * 10);
        assert!(sketches.topics_by_messages.counts.is_empty());
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let long = "é".repeat(200);
        let mut sketch = Sketch::default();
        sketch.add(&long, 1);
        assert_eq!(sketch.top(1)[0].0.len(), LONGEST);
    }
}
