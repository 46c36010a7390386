//! How a server ends: step by step, so that nothing is lost that was acknowledged to a client that is still here, and within a time.
//!
//! 1. It is not ready any more, and serves on for [`Shutdown::pre_stop_delay`]: balancers need a moment to notice.
//! 2. Endpoints with MQTT are closed. CONNECT is refused, PUBLISH is no longer taken (see `mqtt_core::Farewell`), wills go out.
//! 3. Clients are sent away, at [`Shutdown::eviction_rate`], each once it has got and acknowledged what waits for it, or after
//!    [`Shutdown::flush_timeout`].
//! 4. Who is still here shortly before [`Shutdown::grace_period`] is over is turned out.
//!
//! Endpoints without MQTT, with probes and metrics, stay open to the end.

use crate::doors::Doors;
use crate::driver::LINGER;
use crate::hub::Hub;
use crate::timers::TICK;
use mqtt_core::{Counter, Farewell, Wakes};
use mqtt_wire::ReasonCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// Time for turns under way when PUBLISH is no longer taken: what they acknowledge is to be in its inboxes before anybody goes.
const SETTLE: Duration = Duration::from_millis(100);

/// Kept at the end for those who are turned out: their last packet, and its way.
const LAST: Duration = Duration::from_millis(1200);

/// Pause between two looks whether everybody is gone.
const LOOK: Duration = Duration::from_millis(10);

/// Looks between two reminders for those who came online while the others left.
const REMINDER: u32 = 50;

/// How a server ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// Time to serve on after readiness is gone.
    pub pre_stop_delay: Duration,
    /// Clients sent away in a second. More, where they would not all be away in time.
    pub eviction_rate: u32,
    /// How long a client that is sent away may take for what waits for it.
    pub flush_timeout: Duration,
    /// The whole time. What does not fit into it is cut short.
    pub grace_period: Duration,
    /// Where clients are to go: 5.0 clients are then told 0x9C with this Server Reference, else 0x8B.
    pub server_reference: Option<String>,
    /// What becomes of wills.
    pub wills: Wills,
}

/// What becomes of wills when the server ends (3.1.2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wills {
    /// They are published before anybody is sent away.
    #[default]
    Publish,
    /// They are thrown away.
    Drop,
}

impl Default for Shutdown {
    fn default() -> Shutdown {
        Shutdown {
            pre_stop_delay: Duration::ZERO,
            // A server that takes them in needs some 0.2 ms for each, TLS aside.
            eviction_rate: 500,
            flush_timeout: Duration::from_secs(2),
            // Kubernetes and systemd kill after 30 and 90 s where nothing else is said.
            grace_period: Duration::from_secs(25),
            server_reference: None,
            wills: Wills::Publish,
        }
    }
}

impl Shutdown {
    fn farewell(&self) -> Farewell {
        let reason = match self.server_reference {
            Some(_) => ReasonCode::UseAnotherServer,
            None => ReasonCode::ServerShuttingDown,
        };
        Farewell { reason, server_reference: self.server_reference.clone() }
    }
}

/// Ends everything but the endpoints without MQTT.
pub(crate) async fn drain(hub: &Arc<Hub>, doors: &Mutex<Doors>) {
    let plan = hub.shutdown.load_full();
    let end = Instant::now() + plan.grace_period;
    let turn_out = end.checked_sub(LAST).unwrap_or(end);
    hub.health.end();
    sleep_until((Instant::now() + plan.pre_stop_delay).min(turn_out)).await;
    doors.lock().await.close_to_clients();
    hub.quiesce(plan.farewell());
    sleep(SETTLE).await;
    let mut wakes = Wakes::new();
    match plan.wills {
        Wills::Publish => hub.broker.publish_wills(hub.clock.now(), &mut wakes),
        Wills::Drop => hub.broker.drop_wills(),
    }
    wakes.wake_all();
    let flush = plan.flush_timeout.max(LINGER);
    send_off(hub, &plan, turn_out.checked_sub(flush).unwrap_or(turn_out)).await;
    let _ = timeout_at(turn_out, empty(hub, &plan, Instant::now() + flush)).await;
    hub.turn_out();
    let _ = timeout_at(end, empty(hub, &plan, Instant::now() + LINGER)).await; // whoever has not taken the last packet by then does not want it
}

/// Sends all clients away, by `last` at the latest.
async fn send_off(hub: &Hub, plan: &Shutdown, last: Instant) {
    let mut online = hub.broker.sessions.slots();
    online.retain(|slot| slot.is_online());
    let ticks = last.saturating_duration_since(Instant::now()).as_millis() / TICK.as_millis();
    let in_time = online.len().div_ceil(usize::try_from(ticks).unwrap_or(usize::MAX).max(1));
    let at_rate = (plan.eviction_rate as usize * TICK.as_millis() as usize).div_ceil(1000);
    let mut beats = tokio::time::interval(TICK);
    for batch in online.chunks(at_rate.max(in_time).max(1)) {
        beats.tick().await;
        let (mut wakes, now) = (Wakes::new(), hub.clock.now());
        batch.iter().for_each(|slot| hub.broker.send_off(slot, plan.flush_timeout, now, &mut wakes));
        wakes.wake_all();
    }
}

/// Ready when nobody is here, or at `patience` nobody who is online: a connection that never came so far is not waited for.
async fn empty(hub: &Hub, plan: &Shutdown, patience: Instant) {
    for look in 1.. {
        let (online, connections) = (hub.broker.counters.get(Counter::Online), hub.connections());
        if connections == 0 || online == 0 && Instant::now() >= patience {
            return;
        }
        if look % REMINDER == 0 {
            let (mut wakes, now) = (Wakes::new(), hub.clock.now());
            let slots = hub.broker.sessions.slots();
            let online = slots.iter().filter(|slot| slot.is_online());
            online.for_each(|slot| hub.broker.send_off(slot, plan.flush_timeout, now, &mut wakes));
            wakes.wake_all();
            hub.timers.wake_all(); // those who are not online look at the server themselves
        }
        sleep(LOOK).await;
    }
}
