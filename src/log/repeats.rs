//! Lines that repeat: the first of a kind in a minute are written, then their number once the minute is over.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines of a kind that are written.
const FIRST: u64 = 10;

/// The time after which a kind begins anew.
const WINDOW: Duration = Duration::from_secs(60);

/// Most kinds; lines of more are not written.
const KINDS: usize = 1024;

/// What tells lines that repeat from others: what happened, where, and the code.
pub type Kind = (&'static str, String, &'static str);

/// Counts lines by kind.
#[derive(Debug, Default)]
pub struct Repeats(Mutex<HashMap<Kind, (Instant, u64)>>);

impl Repeats {
    /// Whether a line is written.
    pub fn admit(&self, kind: &Kind, now: Instant) -> bool {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, seen)) = kinds.get_mut(kind) {
            *seen += 1;
            return *seen <= FIRST;
        }
        kinds.len() < KINDS && kinds.insert(kind.clone(), (now, 1)).is_none()
    }

    /// Kinds whose minute is over, with the number of lines that were not written.
    pub fn over(&self, now: Instant) -> Vec<(Kind, u64)> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = kinds.extract_if(|_, (begun, _)| now.duration_since(*begun) >= WINDOW);
        ended
            .filter_map(|(kind, (_, seen))| Some((kind, seen.checked_sub(FIRST).filter(|hidden| *hidden > 0)?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(endpoint: &str) -> Kind {
        ("refused", endpoint.to_owned(), "Not authorized")
    }

    #[test]
    fn ten_are_written_and_the_others_counted() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        let written = (0..25).filter(|_| repeats.admit(&kind("mqtt"), start)).count();
        assert_eq!(written, 10);
        assert!(repeats.admit(&kind("http"), start));
        assert_eq!(repeats.over(start + Duration::from_secs(59)), []);
        assert_eq!(repeats.over(start + Duration::from_secs(60)), [(kind("mqtt"), 15)]);
        assert!(repeats.admit(&kind("mqtt"), start + Duration::from_secs(61)));
        assert_eq!(repeats.over(start + Duration::from_secs(200)), []);
    }

    #[test]
    fn kinds_are_bounded() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        let written = (0..2000).filter(|at| repeats.admit(&kind(&at.to_string()), start)).count();
        assert_eq!(written, KINDS);
        repeats.over(start + WINDOW);
        assert!(repeats.admit(&kind("again"), start + WINDOW));
    }
}
