//! Who is behind: sessions by what waits for them.

use mqtt_core::{Backlog, Sessions, Timestamp};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// What sessions are put in order by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Bytes waiting.
    Bytes,
    /// Age of the oldest message waiting.
    Lag,
    /// Messages dropped.
    Drops,
}

/// A session that is behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lagging {
    /// Its Client Identifier.
    pub client_id: String,
    /// Whether its client is connected.
    pub online: bool,
    /// Messages waiting.
    pub messages: usize,
    /// Bytes waiting or sent and unacknowledged.
    pub bytes: usize,
    /// How long the oldest message has waited.
    pub lag: Duration,
    /// Messages dropped since the session began.
    pub drops: u32,
}

/// The `count` sessions furthest behind, first the furthest; those that are not behind at all are left out.
pub(crate) fn furthest(sessions: &Sessions, order: Order, count: usize, now: Timestamp) -> Vec<Lagging> {
    let mut furthest = BinaryHeap::new();
    let slots = sessions.slots();
    for (at, slot) in slots.iter().enumerate() {
        let weight = weigh(&slot.backlog(), order, now);
        if weight > 0 {
            furthest.push(Reverse((weight, at)));
        }
        if furthest.len() > count {
            furthest.pop();
        }
    }
    furthest.into_sorted_vec().into_iter().map(|Reverse((_, at))| describe(&slots[at], now)).collect()
}

fn weigh(backlog: &Backlog, order: Order, now: Timestamp) -> u64 {
    match order {
        Order::Bytes => backlog.bytes as u64,
        Order::Lag => backlog.oldest.map_or(0, |oldest| now.as_millis().saturating_sub(oldest.as_millis())),
        Order::Drops => backlog.drops.into(),
    }
}

fn describe(slot: &mqtt_core::Slot, now: Timestamp) -> Lagging {
    let backlog = slot.backlog();
    Lagging {
        client_id: slot.client_id().to_owned(),
        online: backlog.online,
        messages: backlog.messages,
        bytes: backlog.bytes,
        lag: Duration::from_millis(weigh(&backlog, Order::Lag, now)),
        drops: backlog.drops,
    }
}
