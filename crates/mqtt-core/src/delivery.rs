//! One message on its way to one session.

use crate::Message;
use crate::index::Group;
use mqtt_wire::QoS;
use triomphe::Arc;

/// What a delivery carries beside its message, in the common cases nothing.
#[derive(Clone, Debug, Default)]
pub enum Origin {
    /// Subscriptions without identifier.
    #[default]
    Plain,
    /// One subscription with this Subscription Identifier.
    Identified(u32),
    /// Several overlapping subscriptions with identifiers [MQTT-3.3.4-4].
    Overlapping(Box<Vec<u32>>),
    /// A shared subscription with or without identifier: the group may get the message back when the session ends before it was sent.
    Shared(Arc<Group>, u32),
}

impl Origin {
    /// The origin of a subscription of the client's own; `id` is 0 where it has no identifier.
    pub(crate) fn of(id: u32) -> Origin {
        if id == 0 { Origin::Plain } else { Origin::Identified(id) }
    }

    /// Adds the identifier of an overlapping subscription.
    pub(crate) fn add(&mut self, id: u32) {
        match (&mut *self, id) {
            (_, 0) | (Origin::Shared(..), _) => {}
            (Origin::Plain, id) => *self = Origin::Identified(id),
            (Origin::Identified(first), id) => *self = Origin::Overlapping(Box::new(vec![*first, id])),
            (Origin::Overlapping(ids), id) => ids.push(id),
        }
    }

    /// The ShareName of a shared subscription.
    pub fn share(&self) -> Option<&str> {
        match self {
            Origin::Shared(group, _) => Some(group.name()),
            Origin::Plain | Origin::Identified(_) | Origin::Overlapping(_) => None,
        }
    }

    /// The Subscription Identifiers to send.
    pub fn ids(&self) -> &[u32] {
        match self {
            Origin::Plain | Origin::Shared(_, 0) => &[],
            Origin::Identified(id) | Origin::Shared(_, id) => std::slice::from_ref(id),
            Origin::Overlapping(ids) => ids,
        }
    }
}

/// A message addressed to a session: what differs from receiver to receiver.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// The subscriptions it came through.
    pub origin: Origin,
    /// The lower of published and granted QoS [MQTT-3.8.4-8].
    pub qos: QoS,
    /// RETAIN to send.
    pub retain: bool,
    /// The lane to send it on, that of its subscription.
    pub lane: u8,
    /// When it was sent, in milliseconds that wrap around; 0 before.
    pub sent: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_stays_small() {
        assert!(size_of::<Delivery>() <= 32, "{} bytes", size_of::<Delivery>());
    }

    #[test]
    fn identifiers_of_overlapping_subscriptions_add_up() {
        let mut origin = Origin::of(0);
        origin.add(0);
        assert_eq!(origin.ids(), &[] as &[u32]);
        origin.add(7);
        origin.add(0);
        origin.add(9);
        assert_eq!(origin.ids(), &[7, 9]);
    }
}
