//! QoS 1 and 2 messages under way to a client (4.3.2, 4.3.3, 4.4).
//!
//! Packet Identifiers are given out in a circle. The open ones stand in a ring in that order, so an acknowledgement finds its entry by
//! subtraction, an identifier is free again exactly when its entry is closed, and a re-send goes through in first-sent order.

use crate::{CONTROL, Delivery};
use mqtt_wire::{PacketId, QoS, ReasonCode};
use std::collections::VecDeque;

/// How far a delivery has come.
#[derive(Clone, Debug)]
pub(crate) enum InFlight {
    /// PUBLISH was sent; PUBACK or PUBREC is awaited.
    Published(Delivery),
    /// PUBREL was sent on this lane; PUBCOMP is awaited. The message is the client's.
    Released(u8),
}

impl InFlight {
    /// The lane that its last packet was sent on.
    fn lane(&mut self) -> &mut u8 {
        match self {
            InFlight::Published(delivery) => &mut delivery.lane,
            InFlight::Released(lane) => lane,
        }
    }
}

/// What an acknowledgement means, and the delivery that it settles; a repeated one settles none.
#[derive(Debug)]
pub(crate) enum Acked {
    /// The exchange is over.
    Done(Option<Delivery>),
    /// PUBREL is to be sent.
    Release(Option<Delivery>),
    /// No exchange in that state has this identifier.
    Unknown,
}

/// Identifiers in a circle of 65,535; a place is an identifier less one.
const CIRCLE: u32 = 65_535;

/// The open exchanges towards one client.
#[derive(Debug, Default)]
pub(crate) struct Window {
    /// The place of the ring's first entry.
    first: u32,
    ring: VecDeque<Option<InFlight>>,
    open: u16,
    /// Bytes of messages taken on less those let go since it was last asked for.
    balance: isize,
    /// Messages sent for the first time less those let go since it was last asked for.
    under_way: i32,
}

impl Window {
    /// Exchanges that count against the client's Receive Maximum [MQTT-3.3.4-9].
    pub(crate) fn open(&self) -> u16 {
        self.open
    }

    /// How many of `quota` can still be opened.
    pub(crate) fn room(&self, quota: u16) -> usize {
        // One old exchange left open keeps identifiers from being given out once around.
        let identifiers = CIRCLE as usize - self.ring.len();
        usize::from(quota.saturating_sub(self.open)).min(identifiers)
    }

    /// Opens an exchange under a free identifier; the caller has asked for room.
    pub(crate) fn open_next(&mut self, delivery: Delivery) -> PacketId {
        let place = (self.first + self.ring.len() as u32) % CIRCLE;
        self.ring.push_back(Some(InFlight::Published(delivery)));
        self.open += 1;
        self.under_way += 1;
        PacketId::new(place as u16 + 1).expect("a place is below 65,535")
    }

    fn entry(&mut self, id: PacketId) -> Option<&mut Option<InFlight>> {
        let place = u32::from(id.get()) - 1;
        let at = (place + CIRCLE - self.first) % CIRCLE;
        self.ring.get_mut(at as usize)
    }

    /// The open exchange of an identifier.
    pub(crate) fn get(&mut self, id: PacketId) -> Option<&InFlight> {
        self.entry(id)?.as_ref()
    }

    /// Lets a message go.
    fn release(&mut self, delivery: &Delivery) {
        self.balance -= delivery.message.footprint() as isize;
        self.under_way -= 1;
    }

    fn close(&mut self, id: PacketId) -> Option<Delivery> {
        let closed = self.entry(id).and_then(Option::take);
        let delivery = closed.and_then(|entry| {
            self.open -= 1;
            match entry {
                InFlight::Published(delivery) => Some(delivery),
                InFlight::Released(_) => None,
            }
        });
        if let Some(delivery) = &delivery {
            self.release(delivery);
        }
        while let Some(None) = self.ring.front() {
            self.ring.pop_front();
            self.first = (self.first + 1) % CIRCLE;
        }
        if self.ring.is_empty() && self.ring.capacity() > 64 {
            self.ring = VecDeque::new();
        }
        delivery
    }

    /// A delivery from the inbox, counted there, was dropped instead of being opened.
    pub(crate) fn drop_counted(&mut self, delivery: &Delivery) {
        self.balance -= delivery.message.footprint() as isize;
    }

    /// A delivery that did not come from the inbox is going to be opened, or dropped.
    pub(crate) fn count(&mut self, delivery: &Delivery) {
        self.balance += delivery.message.footprint() as isize;
    }

    /// What the messages under way weigh more, or less, than at the last call: they count against the inbox.
    pub(crate) fn take_balance(&mut self) -> isize {
        std::mem::take(&mut self.balance)
    }

    /// Messages sent and unacknowledged, more or less than at the last call.
    pub(crate) fn take_under_way(&mut self) -> i64 {
        i64::from(std::mem::take(&mut self.under_way))
    }

    /// PUBACK, whatever its code [MQTT-4.4.0-2].
    pub(crate) fn on_puback(&mut self, id: PacketId) -> Acked {
        match self.entry(id) {
            Some(Some(InFlight::Published(delivery))) if delivery.qos == QoS::AtLeastOnce => {
                Acked::Done(self.close(id))
            }
            _ => Acked::Unknown,
        }
    }

    /// PUBREC on `lane`: a failure closes, success releases [MQTT-4.3.3-4]; a repeated one is released again.
    pub(crate) fn on_pubrec(&mut self, id: PacketId, reason: ReasonCode, lane: u8) -> Acked {
        match self.entry(id) {
            Some(Some(InFlight::Published(delivery))) if delivery.qos == QoS::ExactlyOnce && reason.is_failure() => {
                Acked::Done(self.close(id))
            }
            Some(Some(InFlight::Published(delivery))) if delivery.qos == QoS::AtLeastOnce => Acked::Unknown,
            Some(Some(entry)) => match std::mem::replace(entry, InFlight::Released(lane)) {
                InFlight::Released(_) => Acked::Release(None),
                InFlight::Published(delivery) => {
                    self.release(&delivery);
                    Acked::Release(Some(delivery))
                }
            },
            _ => Acked::Unknown,
        }
    }

    /// PUBCOMP.
    pub(crate) fn on_pubcomp(&mut self, id: PacketId) -> Acked {
        match self.entry(id) {
            Some(Some(InFlight::Released(_))) => Acked::Done(self.close(id)),
            _ => Acked::Unknown,
        }
    }

    /// The open exchanges in first-sent order, to be sent again when the client resumes [MQTT-4.4.0-1].
    pub(crate) fn entries(&self) -> impl Iterator<Item = (PacketId, &InFlight)> {
        self.ring.iter().enumerate().filter_map(|(at, entry)| {
            let place = (self.first + at as u32) % CIRCLE;
            Some((PacketId::new(place as u16 + 1)?, entry.as_ref()?))
        })
    }

    /// Moves all exchanges to the control lane.
    pub(crate) fn forget_lanes(&mut self) {
        self.ring.iter_mut().flatten().for_each(|entry| *entry.lane() = CONTROL);
    }

    /// Moves the exchanges of a lane that was closed to the control lane; returns their identifiers in first-sent order.
    pub(crate) fn recall(&mut self, closed: u8) -> Vec<PacketId> {
        let first = self.first;
        let entries = self.ring.iter_mut().enumerate();
        let recalled = entries.filter_map(|(at, entry)| {
            let lane = entry.as_mut()?.lane();
            (*lane == closed).then(|| *lane = CONTROL)?;
            PacketId::new(((first + at as u32) % CIRCLE) as u16 + 1)
        });
        recalled.collect()
    }

    /// Takes out the deliveries without PUBACK or PUBREC, when the session ends.
    pub(crate) fn drain_unacknowledged(&mut self) -> impl Iterator<Item = Delivery> + use<> {
        self.open = 0;
        let unacknowledged = |entry| match entry {
            InFlight::Published(delivery) => Some(delivery),
            InFlight::Released(_) => None,
        };
        let drained: Vec<Delivery> =
            std::mem::take(&mut self.ring).into_iter().flatten().filter_map(unacknowledged).collect();
        self.under_way -= drained.len() as i32;
        drained.into_iter()
    }

    /// Closes an exchange without an answer, where its message can no longer be sent.
    pub(crate) fn abandon(&mut self, id: PacketId) {
        if let Some(Some(_)) = self.entry(id) {
            self.close(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Origin;
    use crate::message::Content;
    use crate::{Message, Timestamp};
    use mqtt_wire::Properties;

    fn delivery(qos: QoS) -> Delivery {
        let content = Content { topic: "t", qos, retain: false, properties: Properties::NONE, payload: b"" };
        let message = Message::new(&content, Timestamp::ZERO);
        Delivery { message, origin: Origin::Plain, qos, retain: false, lane: CONTROL, sent: 0 }
    }

    #[test]
    fn identifiers_go_round_and_an_open_one_is_never_given_out_again() {
        let mut window = Window::default();
        let first = window.open_next(delivery(QoS::AtLeastOnce));
        assert_eq!(first.get(), 1);
        for expected in 2..=65_535u16 {
            assert!(window.room(10) > 0);
            let id = window.open_next(delivery(QoS::AtLeastOnce));
            assert_eq!(id.get(), expected);
            assert!(matches!(window.on_puback(id), Acked::Done(Some(_))));
        }
        assert_eq!(window.room(10), 0, "1 is still open and all others lie before it in the circle");
        assert!(matches!(window.on_puback(first), Acked::Done(Some(_))));
        assert_eq!(window.room(10), 10);
        assert_eq!(window.open_next(delivery(QoS::AtLeastOnce)).get(), 1);
    }

    #[test]
    fn acknowledgements_of_the_wrong_kind_change_nothing() {
        let mut window = Window::default();
        let one = window.open_next(delivery(QoS::AtLeastOnce));
        let two = window.open_next(delivery(QoS::ExactlyOnce));
        assert!(matches!(window.on_puback(two), Acked::Unknown));
        assert!(matches!(window.on_pubrec(one, ReasonCode::Success, CONTROL), Acked::Unknown));
        assert!(matches!(window.on_pubcomp(two), Acked::Unknown));
        assert!(matches!(window.on_pubrec(two, ReasonCode::Success, CONTROL), Acked::Release(Some(_))));
        assert!(matches!(window.on_pubrec(two, ReasonCode::Success, CONTROL), Acked::Release(None)));
        assert_eq!((window.open(), window.take_under_way()), (2, 1));
        assert!(matches!(window.on_pubcomp(two), Acked::Done(None)));
        assert!(matches!(window.on_puback(one), Acked::Done(Some(_))));
        assert_eq!((window.open(), window.take_under_way()), (0, -1));
    }
}
