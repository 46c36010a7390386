//! Whether the server lives, is ready and has started, as probes ask it.
//!
//! Answers are looks at what a heartbeat found at most a second ago and at a few flags: no lock is taken, nobody outside is asked. What a
//! failing dependency could do to this process is none of its business: a probe must never make an orchestrator kill what would heal.
//!
//! - *Live*: the workers of the runtime turn. See [`workers`] for what that proves.
//! - *Ready*: every endpoint that is configured is open, the server is not ending, and there is room for one more client.
//! - *Started*: the endpoints were open once.

mod workers;

use crate::hub::Hub;
use mqtt_core::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use workers::Workers;

/// Time between two looks.
const BEAT: Duration = Duration::from_secs(1);

/// Looks without progress after which a worker counts as stuck. No turn of a connection takes longer than milliseconds.
const PATIENCE: u32 = 10;

/// Silence after which the heartbeat itself counts as stuck: nobody wakes its timer any more.
const SILENCE: Duration = Duration::from_secs(10);

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name, as in `/readyz/{name}`.
    pub name: &'static str,
    /// What is wrong, if anything is.
    pub failure: Option<String>,
}

impl Check {
    fn new(name: &'static str, failure: Option<String>) -> Check {
        Check { name, failure }
    }
}

/// What probes look at.
#[derive(Debug, Default)]
pub(crate) struct Health {
    started: AtomicBool,
    ending: AtomicBool,
    /// Endpoints that are configured and not open.
    closed: AtomicUsize,
    /// Workers that made no progress for [`PATIENCE`] looks.
    stuck: AtomicUsize,
    /// When the heartbeat looked last, in milliseconds of the server's clock.
    looked: AtomicU64,
    crowded: AtomicBool,
    full: AtomicBool,
    /// Overload protection turns clients away.
    overloaded: AtomicBool,
}

impl Health {
    /// All endpoints are open and served.
    pub(crate) fn start(&self) {
        self.started.store(true, Ordering::Relaxed);
    }

    /// The server is to end.
    pub(crate) fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    /// So many endpoints that are configured are not open.
    pub(crate) fn set_closed(&self, endpoints: usize) {
        self.closed.store(endpoints, Ordering::Relaxed);
    }

    /// Whether the workers turn.
    pub(crate) fn liveness(&self, now: Timestamp) -> [Check; 1] {
        let started = self.started.load(Ordering::Relaxed);
        let silent = now.as_millis().saturating_sub(self.looked.load(Ordering::Relaxed));
        let failure = match self.stuck.load(Ordering::Relaxed) {
            0 if started && silent > SILENCE.as_millis() as u64 => Some(format!("no heartbeat for {silent} ms")),
            0 => None,
            stuck => Some(format!("{stuck} of the workers made no progress for {PATIENCE} s")),
        };
        [Check::new("workers", failure)]
    }

    /// Whether new clients are to come here.
    pub(crate) fn readiness(&self) -> [Check; 5] {
        let says = |flag: &AtomicBool, text: &str| flag.load(Ordering::Relaxed).then(|| text.to_owned());
        let closed = match self.closed.load(Ordering::Relaxed) {
            0 if self.started.load(Ordering::Relaxed) => None,
            0 => Some("the endpoints are not open yet".to_owned()),
            closed => Some(format!("{closed} of the configured endpoints are not open")),
        };
        [
            Check::new("listeners", closed),
            Check::new("shutdown", says(&self.ending, "the server is ending")),
            Check::new("connections", says(&self.crowded, "there are about as many connections as there may be")),
            Check::new("queues", says(&self.full, "the memory for queued messages is about used up")),
            Check::new("overload", says(&self.overloaded, "overload protection turns clients away")),
        ]
    }

    /// Whether the server was ready to be asked once.
    pub(crate) fn startup(&self) -> [Check; 1] {
        let failure = (!self.started.load(Ordering::Relaxed)).then(|| "the endpoints are not open yet".to_owned());
        [Check::new("started", failure)]
    }

    /// Notes how loaded the server is. What is too much stays so until it is clearly less: a balancer is not to be called back and forth.
    fn weigh(&self, connections: Load, queues: Load) {
        for (flag, load) in [(&self.crowded, connections), (&self.full, queues)] {
            let was = flag.load(Ordering::Relaxed);
            flag.store(load.is_too_much(was), Ordering::Relaxed);
        }
    }
}

/// How much of something there is, and how much there may be.
#[derive(Clone, Copy)]
struct Load {
    used: usize,
    limit: usize,
}

impl Load {
    /// From 98 % on, and until it is 90 %.
    fn is_too_much(self, was: bool) -> bool {
        match was {
            false => self.used >= self.limit - self.limit / 50,
            true => self.used > self.limit / 10 * 9,
        }
    }
}

/// Looks at everything once a second.
pub(crate) async fn beat(hub: Arc<Hub>) {
    let metrics = tokio::runtime::Handle::current().metrics();
    let mut workers = Workers::new();
    let mut beats = tokio::time::interval(BEAT);
    // A machine that slept is no stuck worker: missed looks are not made up for.
    beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        beats.tick().await;
        hub.health.stuck.store(workers.look(&metrics), Ordering::Relaxed);
        hub.health.looked.store(hub.clock.now().as_millis(), Ordering::Relaxed);
        hub.health.overloaded.store(hub.broker.load.get() >= mqtt_core::Load::Refuse, Ordering::Relaxed);
        let limits = hub.broker.limits();
        hub.health.weigh(
            Load { used: hub.connections(), limit: limits.connections },
            Load { used: hub.broker.budget().used(), limit: limits.queued_bytes },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_much_begins_near_the_limit_and_ends_clearly_below_it() {
        for (limit, up, down) in [(1000, 980, 900), (10, 10, 9), (1, 1, 0)] {
            let load = |used| Load { used, limit };
            assert!(load(up).is_too_much(false) && !load(up - 1).is_too_much(false), "{limit} up");
            assert!(load(down + 1).is_too_much(true) && !load(down).is_too_much(true), "{limit} down");
        }
    }

    #[test]
    fn silence_of_the_heartbeat_is_no_life_once_it_has_begun() {
        let health = Health::default();
        let late = Timestamp::from_millis(SILENCE.as_millis() as u64 + 1);
        assert_eq!(health.liveness(late)[0].failure, None, "nothing runs yet");
        health.start();
        assert!(health.liveness(late)[0].failure.is_some());
        health.looked.store(1, Ordering::Relaxed);
        assert_eq!(health.liveness(late)[0].failure, None);
        health.stuck.store(1, Ordering::Relaxed);
        assert!(health.liveness(late)[0].failure.is_some());
    }

    #[test]
    fn readiness_needs_open_endpoints_and_room_and_ends_with_the_end() {
        let health = Health::default();
        let failed = || -> Vec<&str> {
            health.readiness().iter().filter(|check| check.failure.is_some()).map(|check| check.name).collect()
        };
        assert_eq!(failed(), ["listeners"]);
        health.start();
        assert_eq!(failed(), [""; 0]);
        health.set_closed(1);
        health.weigh(Load { used: 99, limit: 100 }, Load { used: 1, limit: 1 });
        assert_eq!(failed(), ["listeners", "connections", "queues"]);
        health.set_closed(0);
        health.weigh(Load { used: 90, limit: 100 }, Load { used: 0, limit: 1 });
        health.end();
        assert_eq!(failed(), ["shutdown"]);
    }
}
