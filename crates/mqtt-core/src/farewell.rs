//! The end of a broker, in steps that lose nothing that was acknowledged: first nobody comes in and no message is taken any more, then the
//! wills go out, then clients are sent away as fast as the server likes, each after it got what waits for it.
//!
//! A PUBLISH that comes after the first step is neither routed nor acknowledged: its sender keeps it, and sends it again where it connects
//! next. So whatever was acknowledged is in the inboxes of those who are still here.

use crate::{Broker, Slot, Timestamp, Wakes};
use arc_swap::ArcSwapOption;
use mqtt_wire::ReasonCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What clients are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// The code of DISCONNECT, and of CONNACK where it has it.
    pub reason: ReasonCode,
    /// Server Reference, told with 0x9C and 0x9D (4.13.2).
    pub server_reference: Option<String>,
}

/// How far the end has come.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    quiet: AtomicBool,
    farewell: ArcSwapOption<Farewell>,
}

/// Why and when a connection is to be closed by its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signal {
    pub(crate) reason: ReasonCode,
    /// The client may get what waits for it until then; in the past: at once.
    pub(crate) until: Timestamp,
}

impl Broker {
    /// From now on a CONNECT is refused as `farewell` says, and a PUBLISH is not taken. There is no way back.
    pub fn quiesce(&self, farewell: Farewell) {
        self.ending.farewell.store(Some(Arc::new(farewell)));
        self.ending.quiet.store(true, Ordering::Release);
    }

    /// Whether [`Broker::quiesce`] was called.
    pub fn is_quiet(&self) -> bool {
        self.ending.quiet.load(Ordering::Acquire)
    }

    /// What clients are told that come or are sent away now.
    pub(crate) fn farewell_reason(&self) -> ReasonCode {
        self.ending.farewell.load().as_ref().map_or(ReasonCode::ServerShuttingDown, |farewell| farewell.reason)
    }

    /// The Server Reference that goes with `reason`.
    pub(crate) fn server_reference(&self, reason: ReasonCode) -> Option<Arc<Farewell>> {
        match reason {
            ReasonCode::UseAnotherServer | ReasonCode::ServerMoved => {
                self.ending.farewell.load_full().filter(|farewell| farewell.server_reference.is_some())
            }
            _ => None,
        }
    }

    /// Publishes all wills while their receivers are still there (3.1.2.5).
    pub fn publish_wills(&self, now: Timestamp, wakes: &mut Wakes) {
        self.sessions.slots().iter().for_each(|slot| self.publish_will(slot, now, wakes));
    }

    /// Throws all wills away.
    pub fn drop_wills(&self) {
        self.sessions.slots().iter().for_each(|slot| drop(slot.take_will()));
    }

    /// Asks the owner of a session to close its connection once the client has what waits for it and has acknowledged it, or after `flush`.
    pub fn send_off(&self, slot: &Slot, flush: Duration, now: Timestamp, wakes: &mut Wakes) {
        slot.leave(Signal { reason: self.farewell_reason(), until: now + flush }, wakes);
    }

    /// Asks the owner of a session to close its connection now.
    pub fn turn_out(&self, slot: &Slot, wakes: &mut Wakes) {
        slot.signal(self.farewell_reason(), wakes);
    }
}
