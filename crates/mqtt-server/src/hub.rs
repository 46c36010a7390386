//! What all connections of a server share.

use crate::auth::Authenticator;
use crate::clock::Clock;
use crate::timers::Timers;
use mqtt_core::{Broker, Wakes};
use mqtt_wire::ReasonCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::Notify;

pub(crate) struct Hub {
    pub(crate) broker: Broker,
    pub(crate) authenticator: Box<dyn Authenticator>,
    pub(crate) clock: Clock,
    pub(crate) timers: Timers,
    connections: AtomicUsize,
    stopping: AtomicBool,
    /// Rings when `stopping` is set.
    stopped: Notify,
}

impl Hub {
    pub(crate) fn new(broker: Broker, authenticator: Box<dyn Authenticator>) -> Arc<Hub> {
        Arc::new(Hub {
            broker,
            authenticator,
            clock: Clock::start(),
            timers: Timers::new(),
            connections: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            stopped: Notify::new(),
        })
    }

    /// Connections open.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Counts a connection; `false` if there are too many. [`Hub::count_out`] follows in any case.
    pub(crate) fn count_in(&self) -> bool {
        self.connections.fetch_add(1, Ordering::Relaxed) < self.broker.limits().connections
    }

    /// A connection is gone.
    pub(crate) fn count_out(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Ready once the server ends.
    pub(crate) async fn stopped(&self) {
        let ring = self.stopped.notified();
        if !self.is_stopping() {
            ring.await;
        }
    }

    /// Asks all connections to end: those online by their sessions, the others by their timers.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.stopped.notify_waiters();
        let mut wakes = Wakes::new();
        self.broker.farewell(ReasonCode::ServerShuttingDown, self.clock.now(), &mut wakes);
        wakes.wake_all();
        self.timers.wake_all();
    }
}
