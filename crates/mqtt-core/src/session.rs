//! The state of a client that outlives its connections (4.1): plain data with one owner.

use crate::index::Subscription;
use crate::received::Received;
use crate::retained::Position;
use crate::slot::Slot;
use crate::window::Window;
use crate::{CONTROL, Timestamp};
use mqtt_wire::QoS;
use std::collections::VecDeque;
use triomphe::Arc;

/// Session state. The messages waiting for the client and its will are in its [`Slot`].
#[derive(Debug)]
pub struct Session {
    pub(crate) slot: Arc<Slot>,
    pub(crate) subscriptions: Vec<Subscription>,
    /// Bytes of their filters.
    pub(crate) subscription_bytes: u32,
    pub(crate) window: Window,
    pub(crate) received: Received,
    /// Answers to SUBSCRIBE from the retained store that are not through.
    pub(crate) replays: Option<Box<VecDeque<Replay>>>,
    /// Session Expiry Interval in seconds; `u32::MAX` never ends.
    pub(crate) expiry: u32,
    /// While parked: when the will is due and when the session ends.
    pub(crate) parked: Parked,
}

/// Retained messages still to be sent for a subscription.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) filter: Box<str>,
    pub(crate) position: Position,
    pub(crate) qos: QoS,
    /// The lane that SUBSCRIBE came on.
    pub(crate) lane: u8,
    /// Subscription Identifier, 0 for none.
    pub(crate) id: u32,
}

/// The deadlines of a session without a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parked {
    pub(crate) will_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// Tells this stay from others in the table of deadlines.
    pub(crate) stamp: u64,
}

impl Session {
    pub(crate) fn new(slot: Arc<Slot>) -> Session {
        Session {
            slot,
            subscriptions: Vec::new(),
            subscription_bytes: 0,
            window: Window::default(),
            received: Received::default(),
            replays: None,
            expiry: 0,
            parked: Parked { will_at: Timestamp::NEVER, expires_at: Timestamp::NEVER, stamp: 0 },
        }
    }

    /// The connection whose lanes the session's subscriptions and messages name is gone. Subscriptions first: what is published afterwards
    /// names no lane any more.
    pub(crate) fn forget_lanes(&mut self) {
        for Subscription { route, group } in &self.subscriptions {
            route.forget_lane(&self.slot, group.as_ref());
        }
        self.slot.forget_lanes();
        self.window.forget_lanes();
        self.replays.iter_mut().flat_map(|replays| replays.iter_mut()).for_each(|replay| replay.lane = CONTROL);
    }

    /// The Client Identifier.
    pub fn client_id(&self) -> &str {
        self.slot.client_id()
    }
}

impl Parked {
    /// The first of the two.
    pub(crate) fn deadline(&self) -> Timestamp {
        self.will_at.min(self.expires_at)
    }
}
