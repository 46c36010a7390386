//! A share group of one filter (4.8.2): each message goes to one member.

use super::members::{Members, Subscriber};
use crate::delivery::Origin;
use crate::slot::Bounds;
use crate::{Counter, Delivery, Message, Slot, Wakes};
use parking_lot::RwLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use triomphe::Arc;

/// The members of a shared subscription.
#[derive(Debug)]
pub struct Group {
    name: Box<str>,
    members: RwLock<Members>,
    next: AtomicUsize,
}

impl Group {
    pub(crate) fn new(name: &str) -> Arc<Group> {
        Arc::new(Group { name: name.into(), members: RwLock::new(Members::None), next: AtomicUsize::new(0) })
    }

    /// The ShareName.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn set(&self, subscriber: Subscriber) -> bool {
        self.members.write().set(subscriber)
    }

    pub(crate) fn remove(&self, slot: &Arc<Slot>) -> bool {
        self.members.write().remove(slot)
    }

    pub(crate) fn forget_lane(&self, slot: &Arc<Slot>) {
        self.members.write().forget_lane(slot);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.read().as_slice().is_empty()
    }

    /// Gives `message` to one member: in turn, those online first, the next one where an inbox is full.
    ///
    /// # Errors
    /// Why the last member asked did not take it, and who that was; `None` where there is no member.
    pub(crate) fn deliver(
        this: &Arc<Group>,
        message: &Message,
        bounds: &Bounds<'_>,
        wakes: &mut Wakes,
    ) -> Result<(), Option<(Counter, Arc<Slot>)>> {
        let members = this.members.read();
        let members = members.as_slice();
        let mut refused = None;
        if members.is_empty() {
            return Err(refused);
        }
        let start = this.next.fetch_add(1, Ordering::Relaxed);
        for online in [true, false] {
            for step in 0..members.len() {
                let member = &members[(start + step) % members.len()];
                if member.slot.is_online() != online {
                    continue;
                }
                let qos = message.qos().min(member.qos()); // [MQTT-4.8.2-3]
                let retain = message.retain() && member.retain_as_published();
                let origin = Origin::Shared(this.clone(), member.id);
                let delivery = Delivery { message: message.clone(), origin, qos, retain, lane: member.lane, sent: 0 };
                match member.slot.push(delivery, bounds, wakes) {
                    Ok(()) => return Ok(()),
                    Err((why, _)) => refused = Some((why, member.slot.clone())),
                }
            }
        }
        Err(refused)
    }
}
