//! What all connections of a server share.

use crate::auth::Authenticator;
use crate::clock::Clock;
use crate::timers::Timers;
use mqtt_core::{Broker, Counter, Wakes};
use mqtt_wire::ReasonCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

pub(crate) struct Hub {
    pub(crate) broker: Broker,
    pub(crate) authenticator: Box<dyn Authenticator>,
    pub(crate) clock: Clock,
    pub(crate) timers: Timers,
    connections: AtomicUsize,
    stopping: AtomicBool,
}

/// A connection's place among `Limits::connections`; dropping it gives it back.
pub(crate) struct Seat(Arc<Hub>);

impl std::ops::Deref for Seat {
    type Target = Hub;

    fn deref(&self) -> &Hub {
        &self.0
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
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
        })
    }

    /// Connections open.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// A place for one more connection, if there is any.
    pub(crate) fn seat(self: &Arc<Hub>) -> Option<Seat> {
        let seat = Seat(self.clone());
        if self.connections.fetch_add(1, Ordering::Relaxed) < self.broker.limits.connections {
            return Some(seat);
        }
        self.broker.counters.count(Counter::ConnectionsRefused);
        None
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Asks all connections to end: those online by their sessions, the others by their timers.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        let mut wakes = Wakes::new();
        self.broker.farewell(ReasonCode::ServerShuttingDown, self.clock.now(), &mut wakes);
        wakes.wake_all();
        self.timers.wake_all();
    }
}
