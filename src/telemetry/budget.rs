//! So many traces a second and no more: a token bucket that is asked without a look at the clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Millionths of a token, so that a refill of a few milliseconds is a whole number.
const TOKEN: u64 = 1_000_000;

/// A bucket, full for a second's traces at first.
#[derive(Debug)]
pub struct Budget(AtomicU64);

impl Budget {
    /// A bucket of so many a second.
    pub fn new(per_second: u32) -> Budget {
        Budget(AtomicU64::new(u64::from(per_second) * TOKEN))
    }

    /// Whether there is a token; it stays.
    #[inline]
    pub fn has(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= TOKEN
    }

    /// Takes a token, if there is one.
    pub fn take(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| tokens.checked_sub(TOKEN)).is_ok()
    }

    /// Adds what has come in `elapsed`; what a second does not use is lost.
    pub fn refill(&self, per_second: u32, elapsed: Duration) {
        let more = u64::from(per_second).saturating_mul(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX));
        let most = u64::from(per_second) * TOKEN;
        let filled = |tokens: u64| Some(tokens.saturating_add(more).min(most));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, filled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(budget: &Budget) -> usize {
        std::iter::repeat_with(|| budget.take()).take_while(|taken| *taken).count()
    }

    #[test]
    fn a_second_has_its_number_and_no_more() {
        let budget = Budget::new(100);
        assert_eq!(taken(&budget), 100);
        assert!(!budget.has());
        (0..10).for_each(|_| budget.refill(100, Duration::from_millis(100)));
        assert_eq!(taken(&budget), 100);
        budget.refill(100, Duration::from_secs(60));
        assert_eq!(taken(&budget), 100);
    }

    #[test]
    fn few_a_second_come_in_the_end() {
        let budget = Budget::new(1);
        assert_eq!(taken(&budget), 1);
        (0..9).for_each(|_| budget.refill(1, Duration::from_millis(100)));
        assert!(!budget.has());
        budget.refill(1, Duration::from_millis(100));
        assert_eq!(taken(&budget), 1);
    }

    #[test]
    fn none_a_second_is_none() {
        let budget = Budget::new(0);
        budget.refill(0, Duration::from_secs(9));
        assert!(!budget.take());
    }
}
