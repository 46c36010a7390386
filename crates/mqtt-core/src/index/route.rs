//! A filter and everyone behind it.

use super::group::Group;
use super::members::{Members, Subscriber};
use crate::Slot;
use parking_lot::{RwLock, RwLockReadGuard};
use triomphe::{Arc, ThinArc};

/// One Topic Filter with its subscribers; the filter's text stands in the same allocation. Publishers hold routes in their caches, so a route
/// may outlive its place in the index: it is then empty.
#[derive(Clone, Debug)]
pub struct Route(ThinArc<RwLock<Behind>, u8>);

/// Who gets the messages of a route.
#[derive(Debug, Default)]
pub(crate) struct Behind {
    pub(crate) own: Members,
    groups: Option<Box<Vec<Arc<Group>>>>,
}

impl Behind {
    pub(crate) fn groups(&self) -> &[Arc<Group>] {
        self.groups.as_ref().map_or(&[], |groups| groups)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_none() && self.own.as_slice().is_empty()
    }
}

impl Route {
    pub(crate) fn new(filter: &str) -> Route {
        Route(ThinArc::from_header_and_slice(RwLock::default(), filter.as_bytes()))
    }

    /// The filter, valid UTF-8.
    pub fn filter(&self) -> &[u8] {
        &self.0.slice
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Behind> {
        self.0.header.header.read()
    }

    pub(crate) fn is_same(&self, other: &Route) -> bool {
        std::ptr::eq(self.0.as_ptr(), other.0.as_ptr())
    }

    /// Adds or replaces a session's own subscription; returns whether it is new.
    pub(crate) fn set(&self, subscriber: Subscriber) -> bool {
        self.0.header.header.write().own.set(subscriber)
    }

    /// Adds or replaces a session's share; returns the group and whether the share is new.
    pub(crate) fn set_shared(&self, name: &str, subscriber: Subscriber) -> (Arc<Group>, bool) {
        let mut behind = self.0.header.header.write();
        let groups = behind.groups.get_or_insert_default();
        let group = match groups.iter().find(|group| group.name() == name) {
            Some(group) => group.clone(),
            None => {
                let group = Group::new(name);
                groups.push(group.clone());
                group
            }
        };
        let new = group.set(subscriber);
        (group, new)
    }

    /// Sends what a session's subscription, own or shared, gets over the control lane.
    pub(crate) fn forget_lane(&self, slot: &Arc<Slot>, shared: Option<&Arc<Group>>) {
        match shared {
            None => self.0.header.header.write().own.forget_lane(slot),
            Some(group) => group.forget_lane(slot),
        }
    }

    /// Removes a session's subscription, own or shared; returns whether the route is now empty.
    pub(crate) fn remove(&self, slot: &Arc<Slot>, shared: Option<&Arc<Group>>) -> bool {
        let mut behind = self.0.header.header.write();
        match shared {
            None => {
                behind.own.remove(slot);
            }
            Some(group) => {
                group.remove(slot);
                if let (true, Some(groups)) = (group.is_empty(), &mut behind.groups) {
                    groups.retain(|other| !Arc::ptr_eq(other, group));
                    if groups.is_empty() {
                        behind.groups = None;
                    }
                }
            }
        }
        behind.is_empty()
    }
}
