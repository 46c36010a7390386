//! What one publisher's topics matched last time.

use super::{Index, Route};
use hashbrown::HashTable;

struct Entry {
    hash: u64,
    version: u64,
    topic: Box<[u8]>,
    routes: Box<[Route]>,
}

/// A bounded map from topic to matching routes, kept by one publisher.
///
/// A full cache does not take new topics, so that a publisher of ever new ones does not allocate for each; after many misses it starts anew.
#[derive(Default)]
pub struct RouteCache {
    entries: Vec<Entry>,
    places: HashTable<u32>,
    /// The answer for a topic that is not kept.
    found: Vec<Route>,
    misses: usize,
}

/// Where an answer stands until the next one is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    Kept(usize),
    Found,
}

impl RouteCache {
    fn place(&self, hash: u64, topic: &[u8]) -> Option<usize> {
        let same = |&at: &u32| {
            let entry = &self.entries[at as usize];
            entry.hash == hash && *entry.topic == *topic
        };
        self.places.find(hash, same).map(|&at| at as usize)
    }

    /// The answer for a topic that is kept here and still valid.
    #[inline]
    pub(crate) fn known(&self, index: &Index, hash: u64, topic: &[u8]) -> Option<Place> {
        let at = self.place(hash, topic)?;
        (self.entries[at].version == index.version(hash)).then_some(Place::Kept(at))
    }

    /// Asks the index and keeps the answer, for at most `capacity` topics.
    pub(crate) fn look_up(&mut self, index: &Index, hash: u64, topic: &[u8], capacity: usize) -> Place {
        // Read before the look-up: a filter added in between makes this entry outdated, not wrong for good.
        let version = index.version(hash);
        self.found.clear();
        index.lookup(topic, hash, &mut self.found);
        if let Some(at) = self.place(hash, topic) {
            self.entries[at].version = version;
            self.entries[at].routes = self.found.as_slice().into();
            return Place::Kept(at);
        }
        if self.entries.len() >= capacity {
            self.misses += 1;
            if self.misses <= 4 * capacity {
                return Place::Found;
            }
            (self.entries, self.places, self.misses) = (Vec::new(), HashTable::new(), 0);
        }
        let at = self.entries.len();
        self.entries.push(Entry { hash, version, topic: topic.into(), routes: self.found.as_slice().into() });
        let entries = &self.entries;
        self.places.insert_unique(hash, at as u32, |&at| entries[at as usize].hash);
        Place::Kept(at)
    }

    /// The matching routes of an answer.
    #[inline]
    pub(crate) fn routes(&self, place: Place) -> &[Route] {
        match place {
            Place::Kept(at) => &self.entries[at].routes,
            Place::Found => &self.found,
        }
    }
}
