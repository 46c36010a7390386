//! Time as the core sees it: an argument.

use std::time::Duration;

/// Milliseconds since an origin that the caller fixes once, for example the start of the process. Never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The origin.
    pub const ZERO: Timestamp = Timestamp(0);
    /// Later than every real time: "never".
    pub const NEVER: Timestamp = Timestamp(u64::MAX);

    /// The time `millis` milliseconds after the origin.
    pub fn from_millis(millis: u64) -> Timestamp {
        Timestamp(millis)
    }

    /// Milliseconds since the origin.
    pub fn as_millis(self) -> u64 {
        self.0
    }

    /// This time and `seconds` more.
    pub fn plus_seconds(self, seconds: u32) -> Timestamp {
        Timestamp(self.0.saturating_add(u64::from(seconds) * 1000))
    }

    /// Whole seconds from `earlier` to this time; 0 if `earlier` is later.
    pub fn seconds_since(self, earlier: Timestamp) -> u32 {
        u32::try_from(self.0.saturating_sub(earlier.0) / 1000).unwrap_or(u32::MAX)
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Timestamp;

    fn add(self, more: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(u64::try_from(more.as_millis()).unwrap_or(u64::MAX)))
    }
}
