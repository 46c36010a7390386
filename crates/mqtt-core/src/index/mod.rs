//! From a topic to its subscribers.
//!
//! Filters without wildcards are looked up by the whole topic in a sharded table; the others in a [trie](trie). Publishers keep what they
//! found in a [cache](cache) that stays valid while no new filter could match: every new filter raises a version, exact filters only that of
//! their shard. Subscribers coming to or leaving a known filter change the route itself and no version.

mod cache;
mod group;
mod members;
mod route;
mod trie;

pub use cache::RouteCache;
pub use group::Group;
pub use members::Subscriber;
pub(crate) use members::address;
pub use route::Route;

use crate::Slot;
use ahash::RandomState;
use hashbrown::HashTable;
use mqtt_wire::{FilterTarget, TopicFilter};
use parking_lot::RwLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use triomphe::Arc;

const SHARDS: usize = 64;

/// All subscriptions of a broker.
pub struct Index {
    hasher: RandomState,
    shards: [Shard; SHARDS],
    wild: RwLock<trie::Trie>,
    wild_version: AtomicU64,
    subscriptions: AtomicUsize,
    /// Topics that the caches of all publishers hold or have asked for.
    cached: AtomicUsize,
}

#[derive(Default)]
struct Shard {
    routes: RwLock<HashTable<Route>>,
    version: AtomicU64,
}

impl Default for Index {
    fn default() -> Index {
        Index {
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Shard::default()),
            wild: RwLock::default(),
            wild_version: AtomicU64::new(0),
            subscriptions: AtomicUsize::new(0),
            cached: AtomicUsize::new(0),
        }
    }
}

/// A subscription that a session holds: where it is registered.
#[derive(Clone, Debug)]
pub struct Subscription {
    pub(crate) route: Route,
    pub(crate) group: Option<Arc<Group>>,
}

impl Subscription {
    /// Bytes of its filter, ShareName included.
    pub(crate) fn bytes(&self) -> u32 {
        let share = self.group.as_ref().map_or(0, |group| group.name().len());
        (self.route.filter().len() + share) as u32
    }

    /// Whether it is registered at the place that `other` is.
    pub(crate) fn is_same(&self, other: &Subscription) -> bool {
        self.route.is_same(&other.route)
            && match (&self.group, &other.group) {
                (None, None) => true,
                (Some(mine), Some(its)) => Arc::ptr_eq(mine, its),
                _ => false,
            }
    }
}

impl Index {
    pub(crate) fn hash(&self, topic: &[u8]) -> u64 {
        self.hasher.hash_one(topic)
    }

    fn shard(&self, hash: u64) -> &Shard {
        // The table takes its buckets from the low bits and its tags from the top seven.
        &self.shards[(hash >> 40) as usize % SHARDS]
    }

    /// Grows whenever a filter appears that might match the topic with this hash.
    pub(crate) fn version(&self, hash: u64) -> u64 {
        self.shard(hash).version.load(Ordering::Acquire) + self.wild_version.load(Ordering::Acquire)
    }

    /// Subscriptions of all sessions.
    pub fn len(&self) -> usize {
        self.subscriptions.load(Ordering::Relaxed)
    }

    /// Whether nobody subscribes to anything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds or replaces a subscription; publishes that begin afterwards see it. The flag says whether it is new.
    pub(crate) fn subscribe(&self, target: FilterTarget<'_>, subscriber: Subscriber) -> (Subscription, bool) {
        let filter = target.filter();
        let add = |route: Route| match target {
            FilterTarget::Own(_) => {
                let new = route.set(subscriber);
                (Subscription { route, group: None }, new)
            }
            FilterTarget::Shared(name, _) => {
                let (group, new) = route.set_shared(name.as_str(), subscriber);
                (Subscription { route, group: Some(group) }, new)
            }
        };
        // The version is raised under the lock: a publisher that reads the new one waits for the filter to be there.
        let (subscription, new) = if filter.has_wildcard() {
            let mut trie = self.wild.write();
            let (route, made) = trie.get_or_insert(filter.as_str());
            let added = add(route);
            if made {
                self.wild_version.fetch_add(1, Ordering::Release);
            }
            added
        } else {
            let text = filter.as_str().as_bytes();
            let hash = self.hash(text);
            let shard = self.shard(hash);
            let mut routes = shard.routes.write();
            let known = routes.find(hash, |route| route.filter() == text).cloned();
            let made = known.is_none();
            let route = known.unwrap_or_else(|| Route::new(filter.as_str()));
            if made {
                routes.insert_unique(hash, route.clone(), |route| self.hash(route.filter()));
            }
            let added = add(route);
            if made {
                shard.version.fetch_add(1, Ordering::Release);
            }
            added
        };
        if new {
            self.subscriptions.fetch_add(1, Ordering::Relaxed);
        }
        (subscription, new)
    }

    /// Where a filter is registered, if it is.
    pub(crate) fn find(&self, target: FilterTarget<'_>) -> Option<Subscription> {
        let filter: TopicFilter<'_> = target.filter();
        let route = if filter.has_wildcard() {
            self.wild.write().get(filter.as_str())?
        } else {
            let text = filter.as_str().as_bytes();
            let hash = self.hash(text);
            self.shard(hash).routes.read().find(hash, |route| route.filter() == text)?.clone()
        };
        let group = match target {
            FilterTarget::Own(_) => None,
            FilterTarget::Shared(name, _) => {
                let behind = route.read();
                Some(behind.groups().iter().find(|group| group.name() == name.as_str())?.clone())
            }
        };
        Some(Subscription { route, group })
    }

    /// Removes a session's subscription, which it has.
    pub(crate) fn unsubscribe(&self, subscription: &Subscription, slot: &Arc<Slot>) {
        let Subscription { route, group } = subscription;
        let text = route.filter();
        if memchr::memchr2(b'+', b'#', text).is_some() {
            let mut trie = self.wild.write();
            if route.remove(slot, group.as_ref()) {
                trie.remove(text);
            }
        } else {
            let hash = self.hash(text);
            let mut routes = self.shard(hash).routes.write();
            if route.remove(slot, group.as_ref())
                && let Ok(entry) = routes.find_entry(hash, |other| other.is_same(route))
            {
                entry.remove();
            }
        }
        self.subscriptions.fetch_sub(1, Ordering::Relaxed);
    }

    /// Appends the routes of all filters that match `topic`, whose hash is `hash`.
    pub(crate) fn lookup(&self, topic: &[u8], hash: u64, found: &mut Vec<Route>) {
        found.extend(self.shard(hash).routes.read().find(hash, |route| route.filter() == topic).cloned());
        if self.wild_version.load(Ordering::Acquire) > 0 {
            self.wild.read().matches(topic, found);
        }
    }
}

#[cfg(test)]
mod tests;
