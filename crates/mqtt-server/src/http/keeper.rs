//! The server behind a WebSocket: its clock and timers, for pings, and whether it is about to end.

use super::frame::CloseCode;
use super::pulse::{Beat, Pulse};
use crate::hub::Hub;
use crate::timers::Key;
use mqtt_core::Counter;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

/// What one WebSocket knows of its server; it stays on one task.
pub(super) struct Keeper {
    hub: Arc<Hub>,
    pulse: Option<Pulse>,
    timer: Option<Key>,
}

impl Keeper {
    /// Without an interval no client is asked whether it is there.
    pub(super) fn new(hub: Arc<Hub>, ping_interval: Option<Duration>) -> Keeper {
        let pulse = ping_interval.map(|every| Pulse::new(every, hub.clock.now()));
        Keeper { hub, pulse, timer: None }
    }

    /// Something came from the client.
    pub(super) fn on_bytes(&mut self) {
        if let Some(pulse) = &mut self.pulse {
            pulse.on_bytes();
        }
    }

    /// All that came has been read. The task is woken when this is to be called again.
    pub(super) fn on_silence(&mut self, task: &Context<'_>) -> Beat {
        let Some(pulse) = &mut self.pulse else { return Beat::Wait };
        let beat = pulse.on_silence(self.hub.clock.now());
        match beat {
            Beat::Wait if self.timer.is_some() => {}
            Beat::Wait | Beat::Ask => {
                let seed = std::ptr::from_ref(pulse).addr() >> 6;
                self.timer = Some(self.hub.timers.arm(self.timer, seed, pulse.due(), task.waker()));
            }
            Beat::Gone => self.hub.broker.counters.count(Counter::PingTimeouts),
        }
        beat
    }

    /// Why a WebSocket ends of which nothing else is to be said.
    pub(super) fn close_code(&self) -> CloseCode {
        if self.hub.is_stopping() { CloseCode::GoingAway } else { CloseCode::Normal }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            self.hub.timers.cancel(timer);
        }
    }
}
