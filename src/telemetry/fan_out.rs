//! Bounds of what one message may leave behind: `deliver` spans, and acknowledgements that are waited for.
//!
//! Both are tables of a fixed size without locks. Where two messages meet in one place the newer one has it: then a message may have a few spans
//! more, or a span ends without its acknowledgement, and nothing grows.

use std::sync::atomic::{AtomicU64, Ordering};

/// Messages that are counted at a time.
const MESSAGES: usize = 1024;

/// Acknowledgements that are waited for at a time.
pub const WAITING: usize = 4096;

/// Bits of a place that count; the others tell whose place it is.
const COUNT: u64 = 0xffff;

/// Spans of each of the latest messages.
#[derive(Debug)]
pub struct FanOut(Box<[AtomicU64]>);

impl FanOut {
    /// None yet.
    pub fn new() -> FanOut {
        FanOut((0..MESSAGES).map(|_| AtomicU64::new(0)).collect())
    }

    /// Whether a message, by the identifier of its span, may have one more, of `most`.
    pub fn admit(&self, span_id: u64, most: u16) -> bool {
        let (tag, place) = (span_id & !COUNT, &self.0[(span_id >> 16) as usize % MESSAGES]);
        let counted = place.load(Ordering::Relaxed);
        if counted & !COUNT != tag {
            place.store(tag | 1, Ordering::Relaxed);
            return most > 0;
        }
        let room = counted & COUNT < u64::from(most).min(COUNT - 1);
        if room {
            place.fetch_add(1, Ordering::Relaxed);
        }
        room
    }
}

/// Deliveries whose acknowledgement ends their span.
#[derive(Debug)]
pub struct Expected(Box<[AtomicU64]>);

impl Expected {
    /// None yet.
    pub fn new() -> Expected {
        Expected((0..WAITING).map(|_| AtomicU64::new(0)).collect())
    }

    /// A delivery, by a key that tells it from all others, waits.
    pub fn insert(&self, key: u64) {
        self.0[key as usize % WAITING].store(key, Ordering::Relaxed);
    }

    /// Whether it waited; it does no longer.
    pub fn remove(&self, key: u64) -> bool {
        self.0[key as usize % WAITING].compare_exchange(key, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_so_many_spans_and_no_more() {
        let fan_out = FanOut::new();
        let (one, other) = (0x1234_5678_9abc_def0, 0x1234_5678_9abd_def0);
        assert_eq!((0..10_000).filter(|_| fan_out.admit(one, 32)).count(), 32);
        assert_eq!((0..100).filter(|_| fan_out.admit(other, 1)).count(), 1);
        assert!(!fan_out.admit(one, 32));
        assert_eq!((0..100).filter(|_| fan_out.admit(0x7777_0000_0000, 0)).count(), 0);
    }

    #[test]
    fn an_acknowledgement_is_expected_once() {
        let expected = Expected::new();
        expected.insert(77);
        assert!(!expected.remove(78) && expected.remove(77) && !expected.remove(77));
        expected.insert(77);
        expected.insert(77 + WAITING as u64); // in the same place
        assert!(!expected.remove(77) && expected.remove(77 + WAITING as u64));
    }
}
