//! Memory for queued messages, shared by all sessions.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Sessions draw on the budget in pieces of this size, so that the shared counter is not touched for every message.
pub(crate) const GRANULE: usize = 64 * 1024;

/// A number of bytes that all inboxes together may hold. Each inbox has its first granule free: the error is a granule per session.
#[derive(Debug)]
pub struct Budget {
    limit: AtomicUsize,
    used: AtomicUsize,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Budget {
        Budget { limit: AtomicUsize::new(limit), used: AtomicUsize::new(0) }
    }

    /// Makes it a budget of `limit` bytes; what is drawn above that stays drawn until it is given back.
    pub(crate) fn set(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Bytes drawn.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether nothing more can be drawn.
    pub fn is_exhausted(&self) -> bool {
        self.used() + GRANULE > self.limit.load(Ordering::Relaxed)
    }

    /// A buffer that grows or shrinks from `before` to `after` bytes draws on the budget or gives back; `false` if it may not grow.
    pub fn resize(&self, before: usize, after: usize) -> bool {
        let mut drawn = granules(before);
        match granules(after) {
            wanted if wanted < drawn => {
                self.used.fetch_sub(drawn - wanted, Ordering::Relaxed);
                true
            }
            _ => self.cover(&mut drawn, after),
        }
    }

    /// Makes what an inbox has `drawn` cover `bytes`; `false` if the budget does not allow it.
    pub(crate) fn cover(&self, drawn: &mut usize, bytes: usize) -> bool {
        let wanted = granules(bytes);
        if wanted > *drawn {
            let more = wanted - *drawn;
            let draw = |used: usize| used.checked_add(more).filter(|&sum| sum <= self.limit.load(Ordering::Relaxed));
            if self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, draw).is_err() {
                return false;
            }
            *drawn = wanted;
        } else if wanted + GRANULE < *drawn || bytes == 0 {
            self.used.fetch_sub(*drawn - wanted, Ordering::Relaxed);
            *drawn = wanted;
        }
        true
    }
}

/// What `bytes` draw: all whole granules but the first.
fn granules(bytes: usize) -> usize {
    bytes.saturating_sub(1) / GRANULE * GRANULE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_granule_is_free_and_what_is_drawn_comes_back() {
        let budget = Budget::new(2 * GRANULE);
        let (mut a, mut b) = (0, 0);
        assert!(budget.cover(&mut a, GRANULE));
        assert_eq!(budget.used(), 0);
        assert!(budget.cover(&mut a, 2 * GRANULE + 1));
        assert_eq!(budget.used(), 2 * GRANULE);
        assert!(budget.is_exhausted());
        assert!(!budget.cover(&mut b, GRANULE + 1));
        assert!(budget.cover(&mut a, 0));
        assert_eq!(budget.used(), 0);
        assert!(budget.cover(&mut b, GRANULE + 1));
    }

    #[test]
    fn a_buffer_draws_by_its_length_alone() {
        let budget = Budget::new(GRANULE);
        assert!(budget.resize(0, GRANULE));
        assert!(budget.resize(GRANULE, GRANULE + 1));
        assert_eq!(budget.used(), GRANULE);
        assert!(!budget.resize(GRANULE + 1, 2 * GRANULE + 1));
        assert!(budget.resize(GRANULE + 1, 10));
        assert_eq!(budget.used(), 0);
    }
}
