//! What all connections of a server share.

use crate::admin::Scrapes;
use crate::auth::Authenticator;
use crate::clock::Clock;
use crate::drain::Shutdown;
use crate::endings::Endings;
use crate::entrance::Visitors;
use crate::health::Health;
use crate::timers::Timers;
use crate::watch::Watcher;
use crate::{Observer, metrics};
use arc_swap::ArcSwap;
use mqtt_core::{Broker, Farewell, Histogram, Wakes};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;

/// Bounds for handshakes: from a resumed one on a local network to the connect timeout.
const HANDSHAKES: &[Duration] = &[
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

/// What is known of an endpoint without asking it.
pub(crate) struct Place {
    pub(crate) transport: &'static str,
    pub(crate) visitors: Arc<Visitors>,
    /// When its first certificate expires.
    pub(crate) expires: Option<SystemTime>,
}

/// What a connection counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pool {
    /// `Limits::connections`.
    Clients,
    /// [`ASIDE`]: an endpoint without MQTT.
    Aside,
    /// [`RESERVE`]: an HTTP connection where `Limits::connections` or the endpoint's own limit is reached.
    Reserve,
}

/// Connections at once of all endpoints without MQTT: some probes and scrapers, and a few people.
const ASIDE: usize = 64;

/// HTTP connections at once beyond the limits of clients, so that a full server still answers probes. They get one second each.
const RESERVE: usize = 16;

pub(crate) struct Hub {
    pub(crate) broker: Broker,
    pub(crate) authenticator: Box<dyn Authenticator>,
    pub(crate) watcher: Arc<Watcher>,
    pub(crate) clock: Clock,
    pub(crate) timers: Timers,
    /// The endpoints there are and were, by name.
    pub(crate) register: Mutex<BTreeMap<Box<str>, Place>>,
    /// How connections ended.
    pub(crate) endings: Endings,
    /// How long TLS and QUIC handshakes took.
    pub(crate) handshakes: Histogram,
    /// Connections since the start.
    accepted: AtomicU64,
    pub(crate) health: Health,
    /// More metrics than the server's own.
    pub(crate) source: Option<metrics::Source>,
    pub(crate) scrapes: Scrapes,
    /// Connections by what they count against.
    connections: [AtomicUsize; 3],
    /// How the server is to end.
    pub(crate) shutdown: ArcSwap<Shutdown>,
    stopping: AtomicBool,
    /// Rings when `stopping` is set.
    stopped: Notify,
}

impl Hub {
    pub(crate) fn new(
        broker: Broker,
        authenticator: Box<dyn Authenticator>,
        observer: Option<Arc<dyn Observer>>,
        source: Option<metrics::Source>,
    ) -> Arc<Hub> {
        let watcher = Watcher::new(observer);
        broker.watch.set(watcher.clone());
        Arc::new(Hub {
            broker,
            authenticator,
            watcher,
            clock: Clock::start(),
            timers: Timers::new(),
            register: Mutex::default(),
            endings: Endings::default(),
            handshakes: Histogram::new(HANDSHAKES),
            accepted: AtomicU64::new(0),
            health: Health::default(),
            source,
            scrapes: Scrapes::default(),
            connections: Default::default(),
            shutdown: ArcSwap::default(),
            stopping: AtomicBool::new(false),
            stopped: Notify::new(),
        })
    }

    /// Connections of clients open.
    pub(crate) fn connections(&self) -> usize {
        self.connections[Pool::Clients as usize].load(Ordering::Relaxed)
    }

    /// Connections since the start, refused ones included.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Counts a connection; `false` if there are too many. [`Hub::count_out`] follows in any case.
    pub(crate) fn count_in(&self, pool: Pool) -> bool {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        let limit = match pool {
            Pool::Clients => self.broker.limits().connections,
            Pool::Aside => ASIDE,
            Pool::Reserve => RESERVE,
        };
        self.connections[pool as usize].fetch_add(1, Ordering::Relaxed) < limit
    }

    /// A connection is gone.
    pub(crate) fn count_out(&self, pool: Pool) {
        self.connections[pool as usize].fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Ready once the server takes no clients any more.
    pub(crate) async fn stopped(&self) {
        let ring = self.stopped.notified();
        if !self.is_stopping() {
            ring.await;
        }
    }

    /// Takes no client and no message any more. Connections that are not online end; the others are to be sent off.
    pub(crate) fn quiesce(&self, farewell: Farewell) {
        self.broker.quiesce(farewell);
        self.stopping.store(true, Ordering::Relaxed);
        self.stopped.notify_waiters();
        self.timers.wake_all();
    }

    /// Asks all connections to end now.
    pub(crate) fn turn_out(&self) {
        let mut wakes = Wakes::new();
        self.broker.sessions.slots().iter().for_each(|slot| self.broker.turn_out(slot, &mut wakes));
        wakes.wake_all();
        self.timers.wake_all();
    }
}
