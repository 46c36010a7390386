//! Whether a collector can be reached: one line in the log when it cannot any more, one when it can again, however many exports fail between.

use super::signal::{Signal, Tally};
use std::sync::{Arc, Mutex, PoisonError};
use tracing::{info, warn};

/// A collector, shared by the signals that go there.
#[derive(Debug)]
pub struct Collector {
    place: String,
    /// Signals whose last export failed.
    down: Mutex<Vec<Signal>>,
}

/// What to say.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// The first signal cannot be exported.
    Down,
    /// All signals can be exported again.
    Up,
}

impl Collector {
    /// The collector at a host and port.
    pub fn new(place: &str) -> Arc<Collector> {
        Arc::new(Collector { place: place.to_owned(), down: Mutex::new(Vec::new()) })
    }

    /// Its host and port.
    pub fn place(&self) -> &str {
        &self.place
    }

    fn note(&self, signal: Signal, failed: Option<&str>) -> Option<News> {
        let mut down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        let before = down.len();
        down.retain(|other| *other != signal);
        down.extend(failed.map(|_| signal));
        match (before, down.len()) {
            (0, 1..) => Some(News::Down),
            (1.., 0) => Some(News::Up),
            _ => None,
        }
    }
}

/// One signal's way to a collector.
#[derive(Clone, Debug)]
pub struct Link {
    collector: Arc<Collector>,
    signal: Signal,
    tally: Arc<Tally>,
}

impl Link {
    /// The way of a signal.
    pub fn new(collector: Arc<Collector>, signal: Signal, tally: Arc<Tally>) -> Link {
        Link { collector, signal, tally }
    }

    /// An export of so many things has ended.
    pub fn exported(&self, number: usize, outcome: Result<(), &str>) {
        self.tally.leave(self.signal, number);
        if outcome.is_err() {
            self.tally.failed(self.signal);
            self.tally.dropped(self.signal, number as u64);
        }
        let (place, signal) = (self.collector.place(), self.signal.name());
        match (self.collector.note(self.signal, outcome.err()), outcome) {
            (Some(News::Down), Err(error)) => {
                warn!(target: "telemetry", "the collector at {place} takes no {signal}: {error}; nothing more is said until it does");
            }
            (Some(News::Up), _) => info!(target: "telemetry", "the collector at {place} takes everything again"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_once_whatever_fails() {
        let collector = Collector::new("c:4317");
        assert_eq!(collector.note(Signal::Traces, None), None);
        assert_eq!(collector.note(Signal::Traces, Some("refused")), Some(News::Down));
        assert_eq!(collector.note(Signal::Traces, Some("refused")), None);
        assert_eq!(collector.note(Signal::Logs, Some("refused")), None);
        assert_eq!(collector.note(Signal::Traces, None), None);
        assert_eq!(collector.note(Signal::Logs, None), Some(News::Up));
        assert_eq!(collector.note(Signal::Logs, None), None);
    }
}
