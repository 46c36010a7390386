//! The three signals, and what became of what was to be sent of each.

use mqtt_server::metrics::{Family, Kind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A kind of telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Numbers.
    Metrics,
    /// Log records.
    Logs,
}

impl Signal {
    /// All of them, in order of value.
    pub const ALL: [Signal; 3] = [Signal::Traces, Signal::Metrics, Signal::Logs];

    /// The name for logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Signal::Traces => "traces",
            Signal::Metrics => "metrics",
            Signal::Logs => "logs",
        }
    }
}

/// What became of things, by signal. Spans and log records that wait are bounded here: in front of the queues of OpenTelemetry's library, which
/// have the same bound but do not tell what they drop.
#[derive(Debug, Default)]
pub struct Tally {
    failures: [AtomicU64; 3],
    dropped: [AtomicU64; 3],
    waiting: [AtomicUsize; 3],
}

impl Tally {
    /// Whether there is room for one more below `most`; if so it counts as waiting, else as dropped.
    pub fn enter(&self, signal: Signal, most: usize) -> bool {
        // Counted first: two that come at once must not both take the last place.
        if self.waiting[signal as usize].fetch_add(1, Ordering::Relaxed) < most {
            return true;
        }
        self.waiting[signal as usize].fetch_sub(1, Ordering::Relaxed);
        self.dropped(signal, 1);
        false
    }

    /// So many wait no longer.
    pub fn leave(&self, signal: Signal, number: usize) {
        // A processor that was shut down may hand out what it was given afterwards: never below zero.
        let less = |waiting: usize| Some(waiting.saturating_sub(number));
        let _ = self.waiting[signal as usize].fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// So many were dropped.
    pub fn dropped(&self, signal: Signal, number: u64) {
        self.dropped[signal as usize].fetch_add(number, Ordering::Relaxed);
    }

    /// An export has failed.
    pub fn failed(&self, signal: Signal) {
        self.failures[signal as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The same as metrics.
    pub fn families(&self) -> [Family; 2] {
        let family = |name, unit, text, numbers: &[AtomicU64; 3], signals: &[Signal]| {
            signals.iter().fold(Family::new(name, Kind::Counter, unit, text), |family, signal| {
                let number = numbers[*signal as usize].load(Ordering::Relaxed);
                family.with_attributes([("signal", signal.name().into())], number)
            })
        };
        [
            family(
                "mqtt.server.telemetry.export_failures",
                "{export}",
                "Exports to a collector that failed, after all repeats",
                &self.failures,
                &Signal::ALL,
            ),
            family(
                "mqtt.server.telemetry.dropped",
                "{item}",
                "Spans and log records that were not sent: too many waited, or their export failed",
                &self.dropped,
                &[Signal::Traces, Signal::Logs],
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mqtt_server::metrics::Number;

    #[test]
    fn what_finds_no_room_is_counted() {
        let tally = Tally::default();
        let entered: Vec<bool> = (0..4).map(|_| tally.enter(Signal::Logs, 3)).collect();
        assert_eq!(entered, [true, true, true, false]);
        tally.leave(Signal::Logs, 2);
        assert!(tally.enter(Signal::Logs, 3));
        let [_, dropped] = tally.families();
        assert_eq!(dropped.points[1].value, Number::Whole(1));
        assert_eq!(dropped.points[1].attributes, [("signal", "logs".into())]);
    }

    #[test]
    fn leaving_twice_makes_no_room_out_of_nothing() {
        let tally = Tally::default();
        tally.leave(Signal::Traces, 5);
        assert!(tally.enter(Signal::Traces, 1));
        assert!(!tally.enter(Signal::Traces, 1));
    }
}
