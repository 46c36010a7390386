//! Overload protection: looks at memory and at how late the runtime is, and puts a step of [`Load`] in force.
//!
//! Memory is what the embedder says is used of what may be used. A step is left only well below where it was entered, and not before it has
//! been in force for a moment: the broker does not flutter between two steps.

use crate::hub::Hub;
use crate::watch::{Order, furthest};
use mqtt_core::{Counter, Load, Wakes};
use mqtt_wire::ReasonCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(250);

/// Shares of the memory at which the steps begin: all of them leave room for what is under way when they take hold.
const STEPS: [(Load, f64); 4] =
    [(Load::Slow, 0.75), (Load::Refuse, 0.80), (Load::Shed, 0.85), (Load::Disconnect, 0.92)];

/// A step ends this far below its beginning.
const SLACK: f64 = 0.05;

/// A step stays in force at least so long.
const HOLD: Duration = Duration::from_secs(1);

/// So many looks in a row that come so late say that the processors do not keep up: nobody new is let in until looks are in time again. One
/// alone says nothing: the machine may have been paused.
const LATE: (u32, Duration) = (5, Duration::from_millis(500));

/// Receivers that are disconnected at each look.
const DISCONNECTED: usize = 8;

/// Memory in use and the most there may be, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// In use by the process.
    pub used: u64,
    /// What the process may use: of its cgroup, or of the machine.
    pub limit: u64,
}

/// How memory is measured; `None` where it cannot be.
pub type Gauge = Box<dyn FnMut() -> Option<Memory> + Send>;

/// Governs for as long as the server runs.
pub(crate) async fn govern(hub: Arc<Hub>, mut gauge: Gauge) {
    let mut governor = Governor::new(Instant::now());
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let due = ticks.tick().await.into_std();
        let now = Instant::now();
        let share = gauge().map_or(0.0, |memory| memory.used as f64 / memory.limit.max(1) as f64);
        let load = governor.decide(share, now.saturating_duration_since(due), now);
        if load != hub.broker.load.get() {
            hub.broker.load.set(load);
            hub.broker.counters.count(Counter::LoadSteps);
            hub.watcher.on_load(load);
        }
        if load == Load::Disconnect {
            disconnect_slowest(&hub);
        }
    }
}

fn disconnect_slowest(hub: &Hub) {
    let mut wakes = Wakes::new();
    for session in furthest(&hub.broker.sessions, Order::Bytes, DISCONNECTED, hub.clock.now()) {
        if let Some(slot) = hub.broker.sessions.get(&session.client_id).filter(|slot| slot.is_online()) {
            hub.broker.counters.count(Counter::SlowestDisconnected);
            slot.signal(ReasonCode::QuotaExceeded, &mut wakes);
        }
    }
    wakes.wake_all();
}

/// Decides about steps; has no clock of its own.
struct Governor {
    load: Load,
    since: Instant,
    /// Looks in a row that came late.
    late: u32,
}

impl Governor {
    fn new(now: Instant) -> Governor {
        Governor { load: Load::Normal, since: now, late: 0 }
    }

    /// The step for a `share` of the memory in use and a look that came `late`.
    fn decide(&mut self, share: f64, late: Duration, now: Instant) -> Load {
        let reached = |slack: f64| {
            let steps = STEPS.iter().rev();
            steps.clone().find(|(_, begin)| share >= begin - slack).map_or(Load::Normal, |(load, _)| *load)
        };
        self.late = if late >= LATE.1 { self.late + 1 } else { 0 };
        let pressed = if self.late >= LATE.0 { Load::Refuse } else { Load::Normal };
        let (enter, stay) = (reached(0.0).max(pressed), reached(SLACK).max(pressed));
        let next = match enter > self.load {
            true => enter,
            false if stay < self.load && now.duration_since(self.since) >= HOLD => stay,
            false => self.load,
        };
        if next != self.load {
            (self.load, self.since) = (next, now);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IN_TIME: Duration = Duration::ZERO;

    #[test]
    fn steps_are_climbed_at_once_and_left_late() {
        let start = Instant::now();
        let mut governor = Governor::new(start);
        let mut at = |share, seconds| governor.decide(share, IN_TIME, start + Duration::from_secs(seconds));
        assert_eq!(at(0.74, 0), Load::Normal);
        assert_eq!(at(0.76, 1), Load::Slow);
        assert_eq!(at(0.95, 1), Load::Disconnect);
        assert_eq!(at(0.91, 3), Load::Disconnect, "within the slack");
        assert_eq!(at(0.86, 4), Load::Shed);
        assert_eq!(at(0.10, 4), Load::Shed, "it has only just begun");
        assert_eq!(at(0.10, 5), Load::Normal);
    }

    #[test]
    fn a_share_at_the_border_does_not_flutter() {
        let start = Instant::now();
        let mut governor = Governor::new(start);
        let mut changes = 0;
        let mut before = Load::Normal;
        for tick in 0..1000_u32 {
            let share = if tick % 2 == 0 { 0.751 } else { 0.749 };
            let load = governor.decide(share, IN_TIME, start + LOOK * tick);
            changes += u32::from(load != before);
            before = load;
        }
        assert_eq!((changes, before), (1, Load::Slow));
    }

    #[test]
    fn a_late_runtime_lets_nobody_new_in() {
        let start = Instant::now();
        let mut governor = Governor::new(start);
        for _ in 1..LATE.0 {
            assert_eq!(governor.decide(0.1, LATE.1, start), Load::Normal);
        }
        assert_eq!(governor.decide(0.1, LATE.1, start), Load::Refuse);
        assert_eq!(governor.decide(0.1, IN_TIME, start + HOLD), Load::Normal);
    }
}
