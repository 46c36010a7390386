//! Whether the worker threads of the runtime turn.
//!
//! A task cannot be sent to a certain worker, so each is looked at from outside, through two numbers that tokio keeps for it: how often it went
//! to sleep and woke, and how long it was busy. A worker that sleeps has nothing to do and can be woken. One that works adds to its busy time
//! every 61 tasks, and sleeps and wakes when it runs dry. So a worker that is awake and whose numbers both stand still is inside one single
//! poll that does not return: a deadlock, an endless loop, a blocking call.
//!
//! What it proves: no worker is stuck inside a task; and, since the heartbeat itself is a task with a timer, that timers fire and tasks
//! run. What it does not: that a connection makes progress, or that the kernel gives the process enough time.

use super::PATIENCE;
use std::time::Duration;
use tokio::runtime::RuntimeMetrics;

/// What a worker's numbers were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sample {
    /// Odd while it sleeps.
    sleeps: u64,
    busy: Duration,
}

impl Sample {
    fn is_asleep(self) -> bool {
        self.sleeps % 2 == 1
    }
}

/// All workers, as seen so far.
pub(super) struct Workers {
    /// The last sample of each, and for how many looks it has been the same and awake.
    seen: Vec<(Sample, u32)>,
}

impl Workers {
    pub(super) fn new() -> Workers {
        Workers { seen: Vec::new() }
    }

    /// Looks once; returns how many workers are stuck.
    pub(super) fn look(&mut self, metrics: &RuntimeMetrics) -> usize {
        let sample = |worker| Sample {
            sleeps: metrics.worker_park_unpark_count(worker),
            busy: metrics.worker_total_busy_duration(worker),
        };
        self.note((0..metrics.num_workers()).map(sample))
    }

    fn note(&mut self, samples: impl Iterator<Item = Sample>) -> usize {
        for (worker, sample) in samples.enumerate() {
            match self.seen.get_mut(worker) {
                Some((last, looks)) if *last == sample && !sample.is_asleep() => *looks += 1,
                Some(seen) => *seen = (sample, 0),
                None => self.seen.push((sample, 0)),
            }
        }
        self.seen.iter().filter(|(_, looks)| *looks >= PATIENCE).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn sample(sleeps: u64, busy: u64) -> Sample {
        Sample { sleeps, busy: Duration::from_micros(busy) }
    }

    /// Stuck workers after each of many looks.
    fn looks(samples: impl Fn(u64) -> Sample) -> Vec<usize> {
        let mut workers = Workers::new();
        (0..2 * u64::from(PATIENCE)).map(|look| workers.note([samples(look)].into_iter())).collect()
    }

    #[test]
    fn only_a_worker_that_is_awake_and_makes_no_progress_is_stuck() {
        assert!(looks(|_| sample(7, 5)).iter().all(|stuck| *stuck == 0), "asleep");
        assert!(looks(|look| sample(8, look)).iter().all(|stuck| *stuck == 0), "busy");
        assert!(looks(|look| sample(2 * look, 5)).iter().all(|stuck| *stuck == 0), "sleeps in between");
        let stuck = looks(|_| sample(8, 5));
        assert_eq!(stuck.iter().position(|stuck| *stuck == 1), Some(PATIENCE as usize));
    }

    #[test]
    fn a_worker_is_no_longer_stuck_once_it_goes_on() {
        let mut workers = Workers::new();
        for _ in 0..=PATIENCE {
            workers.note([sample(8, 5), sample(1, 0)].into_iter());
        }
        assert_eq!(workers.note([sample(8, 5), sample(1, 0)].into_iter()), 1);
        assert_eq!(workers.note([sample(9, 6), sample(1, 0)].into_iter()), 0);
    }

    /// The numbers of the real runtime mean what is said above.
    #[test]
    fn a_task_that_blocks_its_thread_is_found_and_a_busy_one_is_not() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let metrics = runtime.metrics();
        let (release, held) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        runtime.spawn(async move {
            tell.send(()).unwrap();
            held.recv().unwrap(); // blocks the thread, not the task
        });
        told.recv().unwrap();
        // The other worker never sleeps.
        let busy = runtime.spawn(async {
            loop {
                tokio::task::yield_now().await;
            }
        });
        let mut workers = Workers::new();
        let progress = |before: Duration| {
            let total = || (0..2).map(|worker| metrics.worker_total_busy_duration(worker)).sum::<Duration>();
            while total() == before {
                std::thread::yield_now();
            }
            total()
        };
        let mut total = progress(Duration::ZERO);
        let mut stuck = 0;
        for _ in 0..=2 * PATIENCE {
            stuck = workers.look(&metrics);
            total = progress(total);
        }
        assert_eq!(stuck, 1);
        release.send(()).unwrap();
        let end = std::time::Instant::now() + Duration::from_secs(10);
        while workers.look(&metrics) > 0 {
            assert!(std::time::Instant::now() < end, "it goes on");
            std::thread::yield_now();
        }
        busy.abort();
    }
}
