//! The subscribers of one filter.

use crate::{CONTROL, Slot};
use hashbrown::HashTable;
use mqtt_wire::{QoS, SubscriptionOptions};
use triomphe::Arc;

/// One session's subscription to a filter.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// Whose.
    pub slot: Arc<Slot>,
    /// Subscription Identifier, 0 for none.
    pub id: u32,
    /// The lane that SUBSCRIBE came on; the control lane once the connection that it was a lane of is gone.
    pub lane: u8,
    options: u8,
}

const QOS: u8 = 0b0011;
const NO_LOCAL: u8 = 0b0100;
const RETAIN_AS_PUBLISHED: u8 = 0b1000;

impl Subscriber {
    /// On the control lane.
    pub(crate) fn new(slot: Arc<Slot>, options: SubscriptionOptions, id: u32) -> Subscriber {
        Subscriber { slot, id, lane: CONTROL, options: options.to_byte() }
    }

    /// Granted QoS.
    pub fn qos(&self) -> QoS {
        QoS::from_bits(self.options & QOS).expect("made from a QoS")
    }

    /// No Local.
    pub fn no_local(&self) -> bool {
        self.options & NO_LOCAL != 0
    }

    /// Retain As Published.
    pub fn retain_as_published(&self) -> bool {
        self.options & RETAIN_AS_PUBLISHED != 0
    }

    fn address(&self) -> usize {
        address(&self.slot)
    }
}

pub(crate) fn address(slot: &Arc<Slot>) -> usize {
    Arc::as_ptr(slot) as usize
}

/// A set of subscribers, one per session. Most filters have one: it is held without an allocation.
#[derive(Debug, Default)]
pub(crate) enum Members {
    #[default]
    None,
    One(Subscriber),
    Many(Box<Crowd>),
}

/// Many subscribers in a list for the fan-out, and above [`LINEAR`] their places in it, so that coming and going stay O(1).
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    list: Vec<Subscriber>,
    places: HashTable<u32>,
}

const LINEAR: usize = 16;

/// Slots are spread over memory in steps of some 128 bytes: the low bits say nothing, and one multiplication spreads the others.
fn hash(address: usize) -> u64 {
    (address as u64 >> 4).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl Members {
    pub(crate) fn as_slice(&self) -> &[Subscriber] {
        match self {
            Members::None => &[],
            Members::One(subscriber) => std::slice::from_ref(subscriber),
            Members::Many(crowd) => &crowd.list,
        }
    }

    /// Adds a subscriber or replaces the same session's; returns whether it is new.
    pub(crate) fn set(&mut self, subscriber: Subscriber) -> bool {
        match self {
            Members::None => {
                *self = Members::One(subscriber);
                true
            }
            Members::One(only) if only.address() == subscriber.address() => {
                *only = subscriber;
                false
            }
            Members::One(_) => {
                let Members::One(only) = std::mem::take(self) else { unreachable!("matched above") };
                let mut crowd = Crowd::default();
                crowd.set(only);
                crowd.set(subscriber);
                *self = Members::Many(Box::new(crowd));
                true
            }
            Members::Many(crowd) => crowd.set(subscriber),
        }
    }

    /// Sends what a session's subscriber gets over the control lane.
    pub(crate) fn forget_lane(&mut self, slot: &Arc<Slot>) {
        let address = address(slot);
        let subscriber = match self {
            Members::None => None,
            Members::One(only) => Some(only).filter(|only| only.address() == address),
            Members::Many(crowd) => crowd.place(address).map(|at| &mut crowd.list[at]),
        };
        if let Some(subscriber) = subscriber {
            subscriber.lane = CONTROL;
        }
    }

    /// Removes a session's subscriber; returns whether there was one.
    pub(crate) fn remove(&mut self, slot: &Arc<Slot>) -> bool {
        let address = address(slot);
        match self {
            Members::None => false,
            Members::One(only) => {
                let found = only.address() == address;
                if found {
                    *self = Members::None;
                }
                found
            }
            Members::Many(crowd) => {
                let found = crowd.remove(address);
                if crowd.list.is_empty() {
                    *self = Members::None;
                }
                found
            }
        }
    }
}

impl Crowd {
    fn place(&self, address: usize) -> Option<usize> {
        if self.places.is_empty() {
            return self.list.iter().position(|member| member.address() == address);
        }
        let found = self.places.find(hash(address), |&at| self.list[at as usize].address() == address);
        found.map(|&at| at as usize)
    }

    fn set(&mut self, subscriber: Subscriber) -> bool {
        if let Some(at) = self.place(subscriber.address()) {
            self.list[at] = subscriber;
            return false;
        }
        self.list.push(subscriber);
        let list = &self.list;
        let rehash = |&at: &u32| hash(list[at as usize].address());
        if list.len() == LINEAR + 1 {
            for at in 0..list.len() as u32 {
                self.places.insert_unique(rehash(&at), at, rehash);
            }
        } else if list.len() > LINEAR + 1 {
            let at = list.len() as u32 - 1;
            self.places.insert_unique(rehash(&at), at, rehash);
        }
        true
    }

    fn remove(&mut self, address: usize) -> bool {
        let Some(at) = self.place(address) else { return false };
        let last = self.list.len() - 1;
        if !self.places.is_empty() {
            let list = &self.list;
            if let Ok(entry) = self.places.find_entry(hash(address), |&place| place as usize == at) {
                entry.remove();
            }
            let moved = hash(list[last].address());
            if let Some(place) = self.places.find_mut(moved, |&place| place as usize == last) {
                *place = at as u32;
            }
        }
        self.list.swap_remove(at);
        if self.list.len() <= LINEAR {
            self.places = HashTable::new();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slot::ClaimToken;

    #[test]
    fn a_subscriber_stays_small() {
        assert!(size_of::<Subscriber>() <= 16, "{} bytes", size_of::<Subscriber>());
    }

    #[test]
    fn sessions_come_and_go_in_any_order() {
        let slots: Vec<_> = (0..100).map(|i| Slot::new(&format!("c{i}"), ClaimToken(0))).collect();
        let mut members = Members::default();
        for slot in &slots {
            assert!(members.set(Subscriber::new(slot.clone(), SubscriptionOptions::default(), 1)));
        }
        for slot in &slots {
            assert!(!members.set(Subscriber::new(slot.clone(), SubscriptionOptions::default(), 2)));
        }
        assert!(members.as_slice().iter().all(|member| member.id == 2));
        let mut other = Subscriber::new(slots[50].clone(), SubscriptionOptions::default(), 2);
        other.lane = 7;
        members.set(other);
        members.forget_lane(&slots[50]);
        assert!(members.as_slice().iter().all(|member| member.lane == CONTROL));
        for at in (0..100).step_by(3).chain((0..100).filter(|at| at % 3 != 0).rev()) {
            assert!(members.remove(&slots[at]));
            assert!(!members.remove(&slots[at]));
            assert!(!members.as_slice().iter().any(|member| Arc::ptr_eq(&member.slot, &slots[at])));
        }
        assert!(matches!(members, Members::None));
    }
}
