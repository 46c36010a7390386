//! All sessions by Client Identifier, and the deadlines of those without a connection.

use crate::session::Parked;
use crate::slot::{ClaimToken, Holding};
use crate::{Session, Slot, Timestamp, Wakes};
use ahash::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use mqtt_wire::ReasonCode;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;
use triomphe::Arc;

const SHARDS: usize = 64;

/// The sessions of a broker.
pub struct Sessions {
    hasher: RandomState,
    shards: [Mutex<HashTable<Arc<Slot>>>; SHARDS],
    count: AtomicUsize,
    deadlines: Mutex<BTreeMap<(Timestamp, u64), Arc<Slot>>>,
    stamps: AtomicU64,
}

/// What a claim came to.
pub(crate) enum Claim {
    /// There was no session, or Clean Start asked for a new one: the one in its place is to be ended.
    New { session: Box<Session>, replaced: Option<Box<Session>> },
    /// The session of before.
    Resumed(Box<Session>),
    /// Another connection has it and was asked to let go; the waker is called when it did. The flag says whether it was asked just now.
    Waiting { asked: bool },
    /// A third connection claimed it since.
    Displaced,
    /// `Limits::sessions` is reached.
    Full,
}

impl Default for Sessions {
    fn default() -> Sessions {
        Sessions {
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
            count: AtomicUsize::new(0),
            deadlines: Mutex::default(),
            stamps: AtomicU64::new(1),
        }
    }
}

impl Sessions {
    /// Sessions, online and offline.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The place of a client's session.
    pub fn get(&self, client_id: &str) -> Option<Arc<Slot>> {
        let (hash, shard) = self.shard(client_id);
        shard.lock().find(hash, |slot| slot.client_id() == client_id).cloned()
    }

    fn shard(&self, client_id: &str) -> (u64, &Mutex<HashTable<Arc<Slot>>>) {
        let hash = self.hasher.hash_one(client_id);
        (hash, &self.shards[(hash >> 40) as usize % SHARDS])
    }

    pub(crate) fn token(&self) -> ClaimToken {
        ClaimToken(self.stamps.fetch_add(1, Ordering::Relaxed))
    }

    /// Claims the session of `client_id` for one connection, the first time or again after waiting. Of several connections the one with the
    /// newest `token` gets it.
    pub(crate) fn claim(
        &self,
        client_id: &str,
        clean_start: bool,
        limit: usize,
        token: ClaimToken,
        waker: &Waker,
        wakes: &mut Wakes,
    ) -> Claim {
        let (hash, shard) = self.shard(client_id);
        let mut shard = shard.lock();
        let same = |slot: &Arc<Slot>| slot.client_id() == client_id;
        let mut entry = match shard.entry(hash, same, |slot| self.hasher.hash_one(slot.client_id())) {
            Entry::Vacant(vacant) => {
                if self.len() >= limit {
                    return Claim::Full;
                }
                self.count.fetch_add(1, Ordering::Relaxed);
                let slot = Slot::new(client_id, token);
                vacant.insert(slot.clone());
                return Claim::New { session: Box::new(Session::new(slot)), replaced: None };
            }
            Entry::Occupied(entry) => entry,
        };
        let slot = entry.get().clone();
        let mut holder = slot.holder.lock();
        let waiting = holder.claimant.as_ref().map(|claimant| claimant.0);
        if token < holder.owner || waiting.is_some_and(|other| token < other) {
            return Claim::Displaced;
        }
        // The one that waited before this one is woken to learn that it is displaced.
        if let Some(claimant) = holder.claimant.take()
            && claimant.0 != token
        {
            wakes.push(claimant.1);
        }
        match std::mem::replace(&mut holder.state, Holding::Live) {
            Holding::Live => {
                holder.claimant = Some(Box::new((token, waker.clone())));
                let asked = waiting != Some(token);
                if asked {
                    slot.signal(ReasonCode::SessionTakenOver, wakes);
                }
                Claim::Waiting { asked }
            }
            Holding::Parked(session) => {
                self.forget_deadline(&session.parked);
                if !clean_start {
                    holder.owner = token;
                    slot.set_online(); // under the lock: the next claimant's signal comes after
                    return Claim::Resumed(session);
                }
                let fresh = Slot::new(client_id, token);
                *entry.get_mut() = fresh.clone();
                Claim::New { session: Box::new(Session::new(fresh)), replaced: Some(session) }
            }
        }
    }

    /// Leaves a session in its slot until its client returns or a deadline passes. The caller has set `parked` but for the stamp.
    pub(crate) fn park(&self, mut session: Box<Session>, wakes: &mut Wakes) {
        let slot = session.slot.clone();
        session.parked.stamp = self.stamps.fetch_add(1, Ordering::Relaxed);
        let key = (session.parked.deadline(), session.parked.stamp);
        let mut holder = slot.holder.lock();
        if key.0 < Timestamp::NEVER {
            self.deadlines.lock().insert(key, slot.clone());
        }
        holder.state = Holding::Parked(session);
        if let Some(claimant) = &holder.claimant {
            wakes.push(claimant.1.clone());
        }
    }

    fn forget_deadline(&self, parked: &Parked) {
        if parked.deadline() < Timestamp::NEVER {
            self.deadlines.lock().remove(&(parked.deadline(), parked.stamp));
        }
    }

    /// Takes the slot of a session that has ended out of the table; whoever waits for it may try again and gets a new one.
    pub(crate) fn remove(&self, slot: &Arc<Slot>, wakes: &mut Wakes) {
        let (hash, shard) = self.shard(slot.client_id());
        let mut shard = shard.lock();
        if let Ok(entry) = shard.find_entry(hash, |other| Arc::ptr_eq(other, slot)) {
            entry.remove();
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(claimant) = slot.holder.lock().claimant.take() {
            wakes.push(claimant.1);
        }
    }

    /// A parked session whose deadline has passed, taken out of its slot.
    pub(crate) fn due(&self, now: Timestamp) -> Option<Box<Session>> {
        loop {
            let (key, slot) = {
                let mut deadlines = self.deadlines.lock();
                let first = deadlines.first_entry().filter(|first| first.key().0 <= now)?;
                first.remove_entry()
            };
            let mut holder = slot.holder.lock();
            match std::mem::replace(&mut holder.state, Holding::Live) {
                Holding::Parked(session) if session.parked.stamp == key.1 => return Some(session),
                state => holder.state = state,
            }
        }
    }

    /// When the next deadline passes.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.lock().first_key_value().map(|(key, _)| key.0)
    }

    /// The places of all sessions.
    pub fn slots(&self) -> Vec<Arc<Slot>> {
        self.shards.iter().flat_map(|shard| shard.lock().iter().cloned().collect::<Vec<_>>()).collect()
    }
}
