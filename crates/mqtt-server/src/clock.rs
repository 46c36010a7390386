//! The clock that the core is told the time of.

use mqtt_core::Timestamp;
use std::time::Instant;

/// A monotonic clock with its origin at the start of the server.
#[derive(Debug)]
pub(crate) struct Clock {
    origin: Instant,
}

impl Clock {
    pub(crate) fn start() -> Clock {
        Clock { origin: Instant::now() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.origin.elapsed()
    }
}
