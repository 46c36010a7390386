//! What one publisher's topics matched last time.

use super::{Index, Route};
use crate::Limits;
use hashbrown::HashTable;
use std::sync::atomic::Ordering;

/// Caches ask for room in pieces, so that the shared count is rarely touched.
const PIECE: usize = 64;

struct Entry {
    hash: u64,
    version: u64,
    topic: Box<[u8]>,
    routes: Box<[Route]>,
}

/// A bounded map from topic to matching routes, kept by one publisher, which calls [`RouteCache::clear`] at its end.
///
/// A full cache does not take new topics, so that a publisher of ever new ones does not allocate for each; after many misses it starts anew.
#[derive(Default)]
pub struct RouteCache {
    entries: Vec<Entry>,
    places: HashTable<u32>,
    /// The answer for a topic that is not kept.
    found: Vec<Route>,
    misses: usize,
    /// Topics there is room for, out of `Limits::route_caches`.
    room: usize,
}

/// Longer topics are looked up each time: what is remembered stays small.
const LONGEST: usize = 256;

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

    /// Asks the index and keeps the answer, within the limits.
    pub(crate) fn look_up(&mut self, index: &Index, hash: u64, topic: &[u8], limits: &Limits) -> Place {
        // Read before the look-up: a filter added in between makes this entry outdated, not wrong for good.
        let version = index.version(hash);
        self.found.clear();
        index.lookup(topic, hash, &mut self.found);
        if let Some(at) = self.place(hash, topic) {
            self.entries[at].version = version;
            self.entries[at].routes = self.found.as_slice().into();
            return Place::Kept(at);
        }
        if topic.len() > LONGEST {
            return Place::Found;
        }
        if !self.has_room(index, limits) {
            self.misses += 1;
            if self.misses <= 4 * limits.route_cache {
                return Place::Found;
            }
            self.clear(index);
            if !self.has_room(index, limits) {
                return Place::Found;
            }
        }
        let at = self.entries.len();
        self.entries.push(Entry { hash, version, topic: topic.into(), routes: self.found.as_slice().into() });
        let entries = &self.entries;
        self.places.insert_unique(hash, at as u32, |&at| entries[at as usize].hash);
        Place::Kept(at)
    }

    fn has_room(&mut self, index: &Index, limits: &Limits) -> bool {
        if self.entries.len() >= limits.route_cache {
            return false;
        }
        // The first topic needs no asking: nearly all publishers have one.
        if self.entries.len() > self.room {
            if index.cached.fetch_add(PIECE, Ordering::Relaxed) + PIECE > limits.route_caches {
                index.cached.fetch_sub(PIECE, Ordering::Relaxed);
                return false;
            }
            self.room += PIECE;
        }
        true
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self, index: &Index) {
        index.cached.fetch_sub(self.room, Ordering::Relaxed);
        (self.entries, self.places, self.misses, self.room) = (Vec::new(), HashTable::new(), 0, 0);
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
