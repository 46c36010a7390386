//! Whether the client of a WebSocket is still there: when it is asked, and when it has not answered.
//!
//! Any byte from the client is a sign of life, not only a Pong. Time is an argument.

use mqtt_core::Timestamp;
use std::time::Duration;

/// Pings of one WebSocket.
#[derive(Debug)]
pub(super) struct Pulse {
    every: Duration,
    /// When the next Ping goes out, and the last one is to be answered.
    due: Timestamp,
    /// Whether nothing came since the last Ping.
    asked: bool,
}

/// What the time means for a client that has sent nothing that is still to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// Nothing yet.
    Wait,
    /// It is to be asked.
    Ask,
    /// It was asked and has not answered.
    Gone,
}

impl Pulse {
    /// Asks first `every` after `now`.
    pub(super) fn new(every: Duration, now: Timestamp) -> Pulse {
        Pulse { every, due: now + every, asked: false }
    }

    pub(super) fn due(&self) -> Timestamp {
        self.due
    }

    /// Something came from the client.
    pub(super) fn on_bytes(&mut self) {
        self.asked = false;
    }

    /// All that came has been read.
    pub(super) fn on_silence(&mut self, now: Timestamp) -> Beat {
        if now < self.due {
            return Beat::Wait;
        }
        if self.asked {
            return Beat::Gone;
        }
        (self.asked, self.due) = (true, now + self.every);
        Beat::Ask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn a_client_is_asked_at_every_interval_and_gone_when_it_was_silent_for_one_after_a_question() {
        let mut pulse = Pulse::new(Duration::from_secs(10), at(5));
        assert_eq!(pulse.on_silence(at(14)), Beat::Wait);
        for round in [15, 25, 35] {
            assert_eq!(pulse.on_silence(at(round)), Beat::Ask, "at {round} s");
            assert_eq!(pulse.on_silence(at(round)), Beat::Wait, "asked once");
            pulse.on_bytes();
        }
        assert_eq!(pulse.on_silence(at(45)), Beat::Ask);
        assert_eq!(pulse.on_silence(at(54)), Beat::Wait);
        assert_eq!(pulse.on_silence(at(55)), Beat::Gone);
    }

    #[test]
    fn an_answer_that_is_read_late_counts() {
        let mut pulse = Pulse::new(Duration::from_secs(10), at(0));
        assert_eq!(pulse.on_silence(at(10)), Beat::Ask);
        pulse.on_bytes(); // its connection was not read from for minutes
        assert_eq!(pulse.on_silence(at(300)), Beat::Ask);
    }
}
