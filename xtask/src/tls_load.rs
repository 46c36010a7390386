//! Load that mqload does not make: clients over TLS and through WebSockets that are idle, or that connect and go.
//!
//! The figures have the form of mqload's, so that they are read and judged in the same way.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use anyhow::{Result, anyhow};
use serde_json::{Value, json};

use crate::client::{Client, Door};
use crate::usage::Readings;

const THREADS: usize = 4;
/// A broker may tidy up after many connections came at once.
pub const SETTLE: Duration = Duration::from_millis(700);

/// Opens `count` connections and looks at the broker's memory.
pub fn idle(door: &Door, broker: u32, count: usize) -> Result<Value> {
    let before = Readings::take(broker)?;
    let mut clients = open(door, count)?;
    let opened = Readings::take(broker)?;
    thread::sleep(SETTLE);
    let after = Readings::take(broker)?;
    let mut alive = 0;
    for client in &mut clients {
        client.stop_waiting()?;
        alive += usize::from(client.is_quiet());
    }
    Ok(idle_figures([&before, &opened, &after], count, alive))
}

/// The figures of `count` idle connections, from before them, at their last CONNACK and a while after it.
pub fn idle_figures([before, opened, after]: [&Readings; 3], count: usize, alive: usize) -> Value {
    json!({
        "n": count,
        "alive_end": alive,
        "rss_base_kb": before.broker_resident() / 1024,
        "bytes_per_conn": per_connection(before.broker_resident(), after.broker_resident(), count),
        "idle_cpu_pct": 100.0 * after.broker_cpu_since(opened).as_secs_f64() / after.elapsed_since(opened).as_secs_f64(),
        "other_cpu_pct": opened.other_cpu_since(before),
    })
}

/// Connects, waits for CONNACK and goes, over and over; the time before `warmup` has passed does not count.
pub fn handshakes(door: &Door, broker: u32, warmup: Duration, duration: Duration) -> Result<Value> {
    let (done, stopped) = (AtomicU64::new(0), AtomicBool::new(false));
    let (before, after) = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn({
                    let (done, stopped) = (&done, &stopped);
                    move || repeat(door, thread, done, stopped)
                })
            })
            .collect();
        let reading = || Ok::<_, anyhow::Error>((done.load(Ordering::Relaxed), Readings::take(broker)?));
        thread::sleep(warmup);
        let before = reading();
        thread::sleep(duration);
        let after = reading();
        stopped.store(true, Ordering::Relaxed);
        threads.into_iter().try_for_each(joined)?;
        Ok::<_, anyhow::Error>((before?, after?))
    })?;
    let count = (after.0 - before.0) as f64;
    let (before, after) = (before.1, after.1);
    let cpu = after.broker_cpu_since(&before).as_secs_f64();
    Ok(json!({
        "handshakes_per_cpu_s": (cpu > 0.0).then(|| count / cpu),
        "conns_per_s": count / after.elapsed_since(&before).as_secs_f64(),
        "other_cpu_pct": after.other_cpu_since(&before),
    }))
}

fn open(door: &Door, count: usize) -> Result<Vec<Client>> {
    thread::scope(|scope| {
        let open = |thread: usize| {
            let numbers = (thread..count).step_by(THREADS);
            numbers.map(|number| Client::connect(door, &format!("idle-client-{number}"))).collect::<Result<Vec<_>>>()
        };
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || open(thread))).collect();
        let mut clients = Vec::with_capacity(count);
        for thread in threads {
            clients.append(&mut joined(thread)?);
        }
        Ok(clients)
    })
}

fn repeat(door: &Door, thread: usize, done: &AtomicU64, stopped: &AtomicBool) -> Result<()> {
    for number in 0_u64.. {
        if stopped.load(Ordering::Relaxed) {
            break;
        }
        Client::connect(door, &format!("c{thread}-{number}"))?.disconnect()?;
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

fn joined<T>(thread: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().unwrap_or_else(|_| Err(anyhow!("a thread of the load panicked")))
}

/// Memory may also shrink.
fn per_connection(before: u64, after: u64, count: usize) -> f64 {
    (after as f64 - before as f64) / count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, SocketAddr};

    #[test]
    fn memory_is_shared_out_and_may_shrink() {
        assert_eq!(per_connection(1000, 5000, 4), 1000.0);
        assert_eq!(per_connection(5000, 1000, 4), -1000.0);
    }

    #[test]
    fn a_door_that_nobody_opens_is_an_error() {
        let closed = Door::WebSocket(SocketAddr::from((Ipv4Addr::LOCALHOST, crate::process::free_port().unwrap())));
        let moment = Duration::from_millis(1);
        assert!(handshakes(&closed, std::process::id(), moment, moment).is_err());
        assert!(idle(&closed, std::process::id(), 1).is_err());
    }
}
