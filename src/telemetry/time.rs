//! The clock of spans.

use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds since the Unix epoch; enough until the year 2554.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
