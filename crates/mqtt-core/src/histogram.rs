//! Durations by size: a count for each bucket and their sum, in cells of each worker's own.

use crate::Cells;
use std::time::Duration;

/// Most bounds of a histogram.
pub const BOUNDS: usize = 14;

/// Behind the buckets, of which there is one more than bounds.
const SUM: usize = BOUNDS + 1;

/// Durations counted between fixed bounds.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [Duration],
    cells: Cells<{ SUM + 1 }>,
}

/// What a histogram held when it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Buckets {
    /// Upper bounds in seconds, inclusive, rising.
    pub bounds: Vec<f64>,
    /// Values up to each bound and above the one before; the last are above all bounds.
    pub counts: Vec<u64>,
    /// Sum of the values in seconds.
    pub sum: f64,
}

impl Histogram {
    /// An empty histogram with up to [`BOUNDS`] rising bounds; more are not used.
    pub fn new(bounds: &'static [Duration]) -> Histogram {
        Histogram { bounds: &bounds[..bounds.len().min(BOUNDS)], cells: Cells::default() }
    }

    /// Counts a value.
    #[inline]
    pub fn record(&self, value: Duration) {
        let bucket = self.bounds.iter().position(|bound| value <= *bound).unwrap_or(self.bounds.len());
        self.cells.add(bucket, 1);
        self.cells.add(SUM, value.as_nanos() as u64);
    }

    /// What was counted so far.
    pub fn read(&self) -> Buckets {
        Buckets {
            bounds: self.bounds.iter().map(Duration::as_secs_f64).collect(),
            counts: (0..=self.bounds.len()).map(|bucket| self.cells.get(bucket)).collect(),
            sum: self.cells.get(SUM) as f64 / 1e9,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        const MILLI: Duration = Duration::from_millis(1);
        const BOUNDS: &[Duration] = &[MILLI, Duration::from_millis(10)];
        let histogram = Histogram::new(BOUNDS);
        for millis in [0, 1, 2, 10, 11] {
            histogram.record(MILLI * millis);
        }
        let buckets = histogram.read();
        assert_eq!((buckets.bounds, buckets.counts), (vec![0.001, 0.01], vec![2, 2, 1]));
        assert!((buckets.sum - 0.024).abs() < 1e-9);
    }
}
