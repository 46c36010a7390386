//! Numbers that every worker adds to without meeting another: one shard of plain cells for each thread, summed when somebody reads.
//!
//! A shard has one writer, so adding is a load and a store: 0.7 ns where an atomic addition shared by two threads costs 30. A reader sees
//! each cell whole, but not all cells at one instant. Threads beyond the shards share a last one, with atomic additions.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Threads with a shard of their own; workers are as many as processors, and they are the first threads that count.
const SHARDS: usize = 64;

/// One thread's cells, on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Shard<const N: usize>([AtomicU64; N]);

impl<const N: usize> Default for Shard<N> {
    fn default() -> Shard<N> {
        Shard(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

/// `N` numbers that wrap around.
#[derive(Debug)]
pub struct Cells<const N: usize> {
    shards: [OnceLock<Box<Shard<N>>>; SHARDS],
    shared: Shard<N>,
}

impl<const N: usize> Default for Cells<N> {
    fn default() -> Cells<N> {
        Cells { shards: std::array::from_fn(|_| OnceLock::new()), shared: Shard::default() }
    }
}

thread_local! {
    static PLACE: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// The number of this thread among all that ever counted.
#[inline]
fn place() -> usize {
    match PLACE.get() {
        usize::MAX => take_place(),
        place => place,
    }
}

#[cold]
fn take_place() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let place = NEXT.fetch_add(1, Ordering::Relaxed);
    PLACE.set(place);
    place
}

impl<const N: usize> Cells<N> {
    /// Adds `n` to a cell.
    #[inline]
    pub fn add(&self, cell: usize, n: u64) {
        match self.shards.get(place()) {
            Some(shard) => {
                let cell = &shard.get_or_init(Box::default).0[cell];
                cell.store(cell.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
            }
            None => {
                self.shared.0[cell].fetch_add(n, Ordering::Relaxed);
            }
        }
    }

    /// The sum of a cell over all threads.
    pub fn get(&self, cell: usize) -> u64 {
        let own = self.shards.iter().filter_map(OnceLock::get).map(|shard| &shard.0);
        let all = own.chain(std::iter::once(&self.shared.0));
        all.fold(0, |sum, cells| sum.wrapping_add(cells[cell].load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_with_more_threads_than_shards() {
        let cells = Cells::<2>::default();
        std::thread::scope(|scope| {
            for _ in 0..SHARDS + 20 {
                scope.spawn(|| (0..100).for_each(|_| cells.add(1, 2)));
            }
        });
        assert_eq!((cells.get(0), cells.get(1)), (0, (SHARDS as u64 + 20) * 200));
    }

    #[test]
    fn a_cell_goes_down_by_wrapping() {
        let cells = Cells::<1>::default();
        cells.add(0, 5);
        std::thread::scope(|scope| {
            scope.spawn(|| cells.add(0, (-3_i64).cast_unsigned()));
        });
        assert_eq!(cells.get(0), 2);
    }
}
