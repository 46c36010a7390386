//! What a process and the machine have used, read from `/proc`.
//!
//! CPU time is exact to nanoseconds while no thread of the process comes or goes, else to clock ticks.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// A clock tick of `/proc` (USER_HZ is 100 on Linux).
const TICK: Duration = Duration::from_millis(10);

/// What a process has used up to now.
#[derive(Debug, Clone, Copy)]
struct Usage {
    /// Bytes in memory.
    resident: u64,
    threads: usize,
    /// CPU time of the threads that live.
    scheduled: Duration,
    /// CPU time of all threads that ever lived.
    ticks: Duration,
}

impl Usage {
    fn of(process: u32) -> Result<Self> {
        let folder = format!("/proc/{process}");
        let read =
            |name: &str| fs::read_to_string(format!("{folder}/{name}")).with_context(|| format!("{folder}/{name}"));
        let resident = resident(&read("status")?).with_context(|| format!("{folder}/status has no VmRSS"))?;
        let ticks = process_ticks(&read("stat")?).with_context(|| format!("{folder}/stat has no times"))?;
        let (mut threads, mut scheduled) = (0, Duration::ZERO);
        for thread in fs::read_dir(format!("{folder}/task")).with_context(|| folder.clone())? {
            // A thread may end between the listing and the reading.
            let Ok(line) = fs::read_to_string(thread.context("/proc")?.path().join("schedstat")) else { continue };
            threads += 1;
            scheduled += first_number(&line).map_or(Duration::ZERO, Duration::from_nanos);
        }
        Ok(Self { resident, threads, scheduled, ticks })
    }

    fn cpu_since(&self, earlier: &Self) -> Duration {
        if self.threads == earlier.threads && self.scheduled >= earlier.scheduled {
            self.scheduled - earlier.scheduled
        } else {
            self.ticks.saturating_sub(earlier.ticks)
        }
    }
}

/// The broker, this process as its load, and the whole machine at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Readings {
    at: Instant,
    broker: Usage,
    own: Usage,
    machine: Duration,
}

impl Readings {
    /// Reads now; `broker` is a process id.
    pub fn take(broker: u32) -> Result<Self> {
        let machine = fs::read_to_string("/proc/stat").context("/proc/stat")?;
        Ok(Self {
            at: Instant::now(),
            broker: Usage::of(broker)?,
            own: Usage::of(std::process::id())?,
            machine: busy(&machine).context("/proc/stat has no times")?,
        })
    }

    /// Bytes of the broker in memory.
    pub fn broker_resident(&self) -> u64 {
        self.broker.resident
    }

    pub fn elapsed_since(&self, earlier: &Self) -> Duration {
        self.at - earlier.at
    }

    pub fn broker_cpu_since(&self, earlier: &Self) -> Duration {
        self.broker.cpu_since(&earlier.broker)
    }

    /// What everything else on the machine took meanwhile, in percent of one core.
    pub fn other_cpu_since(&self, earlier: &Self) -> f64 {
        let accounted = self.broker_cpu_since(earlier) + self.own.cpu_since(&earlier.own);
        let other = self.machine.saturating_sub(earlier.machine).saturating_sub(accounted);
        100.0 * other.as_secs_f64() / self.elapsed_since(earlier).as_secs_f64().max(f64::EPSILON)
    }
}

/// Bytes, from `/proc/PID/status`.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(first_number(line)? * 1024)
}

/// User and system time, from `/proc/PID/stat`; the name of the program, in brackets, may hold anything.
fn process_ticks(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map_while(|field| field.parse::<u32>().ok());
    Some(TICK * (times.next()? + times.next()?))
}

/// The time of all cores that were not idle, from `/proc/stat`.
fn busy(stat: &str) -> Option<Duration> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?;
    let times: Vec<u64> = fields.split_whitespace().map_while(|field| field.parse().ok()).collect();
    let [user, nice, system, _idle, _waiting, hard, soft, ..] = times[..] else { return None };
    Some(Duration::from_millis((user + nice + system + hard + soft) * 10))
}

fn first_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_in_bytes() {
        assert_eq!(resident("Name:\tx\nVmHWM:\t 9 kB\nVmRSS:\t    8 kB\n"), Some(8192));
        assert_eq!(resident("Name:\tx\n"), None);
    }

    #[test]
    fn times_of_a_process_whose_name_has_brackets_and_blanks() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 25 5 0 0 20 0 3 0 9 1000 10";
        assert_eq!(process_ticks(stat), Some(Duration::from_millis(300)));
        assert_eq!(process_ticks("7 (a) S 1"), None);
    }

    #[test]
    fn idle_and_waiting_cores_are_not_busy() {
        assert_eq!(busy("cpu  1 2 3 400 500 6 7 8 0 0\ncpu0 1"), Some(Duration::from_millis(190)));
        assert_eq!(busy("intr 1"), None);
    }

    #[test]
    fn a_thread_that_came_makes_ticks_count() {
        let millis = Duration::from_millis;
        let usage = |threads, scheduled, ticks| Usage {
            resident: 0,
            threads,
            scheduled: millis(scheduled),
            ticks: millis(ticks),
        };
        assert_eq!(usage(2, 33, 30).cpu_since(&usage(2, 1, 0)), millis(32));
        assert_eq!(usage(3, 33, 30).cpu_since(&usage(2, 1, 0)), millis(30));
    }
}
