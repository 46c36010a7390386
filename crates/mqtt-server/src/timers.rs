//! One wheel for all deadlines of all connections.
//!
//! A connection arms its entry once and again only when the entry has fired or the deadline came nearer: a packet that moves the deadline
//! back costs nothing here. An entry is 40 bytes; the wheel turns in steps of [`TICK`] and looks only at the slots it passes.

use mqtt_core::Timestamp;
use parking_lot::Mutex;
use std::task::Waker;
use std::time::Duration;

/// The wheel's resolution. Keep Alive is to be found overdue within a second.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// Slots of a wheel: one turn takes 51 s; entries further off stay in their slot for more turns.
const SLOTS: usize = 512;

/// Connections are spread over wheels, so that workers rarely meet at one lock.
const WHEELS: usize = 16;

const NONE: u32 = u32::MAX;

/// The timers of a server.
pub(crate) struct Timers {
    wheels: [Mutex<Wheel>; WHEELS],
}

/// Names an entry; its owner gives it back with [`Timers::cancel`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    wheel: u8,
    entry: u32,
}

struct Wheel {
    entries: Vec<Entry>,
    /// The first free entry; the others follow by `next`.
    free: u32,
    /// The first entry of each slot.
    slots: [u32; SLOTS],
    /// The last tick that was looked at.
    passed: u64,
}

struct Entry {
    waker: Option<Waker>,
    due: u64,
    next: u32,
    previous: u32,
    linked: bool,
}

impl Timers {
    pub(crate) fn new() -> Timers {
        Timers { wheels: std::array::from_fn(|_| Mutex::new(Wheel::new())) }
    }

    /// Calls `waker` at `at` or within a tick after it. `key` is the caller's entry, if it has one; `seed` picks the wheel of a new one.
    pub(crate) fn arm(&self, key: Option<Key>, seed: usize, at: Timestamp, waker: &Waker) -> Key {
        let wheel = key.map_or((seed % WHEELS) as u8, |key| key.wheel);
        let mut guard = self.wheels[wheel as usize].lock();
        let entry = key.map_or_else(|| guard.allocate(), |key| key.entry);
        guard.unlink(entry);
        guard.link(entry, tick_after(at), waker);
        Key { wheel, entry }
    }

    /// Gives an entry back.
    pub(crate) fn cancel(&self, key: Key) {
        self.wheels[key.wheel as usize].lock().release(key.entry);
    }

    /// Wakes everyone whose time has come by `now`.
    pub(crate) fn turn(&self, now: Timestamp) {
        let mut due = Vec::new();
        for wheel in &self.wheels {
            wheel.lock().turn(tick_before(now), &mut due);
            due.drain(..).for_each(Waker::wake);
        }
    }

    /// Wakes everyone.
    pub(crate) fn wake_all(&self) {
        for wheel in &self.wheels {
            let wakers: Vec<Waker> = wheel.lock().entries.iter().filter_map(|entry| entry.waker.clone()).collect();
            wakers.into_iter().for_each(Waker::wake);
        }
    }
}

fn tick_before(time: Timestamp) -> u64 {
    time.as_millis() / TICK.as_millis() as u64
}

fn tick_after(time: Timestamp) -> u64 {
    time.as_millis().div_ceil(TICK.as_millis() as u64)
}

impl Wheel {
    fn new() -> Wheel {
        Wheel { entries: Vec::new(), free: NONE, slots: [NONE; SLOTS], passed: 0 }
    }

    fn allocate(&mut self) -> u32 {
        if self.free != NONE {
            let at = self.free;
            self.free = self.entries[at as usize].next;
            return at;
        }
        self.entries.push(Entry { waker: None, due: 0, next: NONE, previous: NONE, linked: false });
        self.entries.len() as u32 - 1
    }

    fn release(&mut self, at: u32) {
        self.unlink(at);
        let free = self.free;
        let entry = &mut self.entries[at as usize];
        (entry.waker, entry.next) = (None, free);
        self.free = at;
    }

    fn link(&mut self, at: u32, due: u64, waker: &Waker) {
        // What is due already is found at the next tick.
        let due = due.max(self.passed + 1);
        let slot = due as usize % SLOTS;
        let next = std::mem::replace(&mut self.slots[slot], at);
        if next != NONE {
            self.entries[next as usize].previous = at;
        }
        let entry = &mut self.entries[at as usize];
        if !entry.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            entry.waker = Some(waker.clone());
        }
        (entry.due, entry.next, entry.previous, entry.linked) = (due, next, NONE, true);
    }

    fn unlink(&mut self, at: u32) {
        let entry = &mut self.entries[at as usize];
        if !std::mem::take(&mut entry.linked) {
            return;
        }
        let (next, previous, slot) = (entry.next, entry.previous, entry.due as usize % SLOTS);
        match previous {
            NONE => self.slots[slot] = next,
            previous => self.entries[previous as usize].next = next,
        }
        if next != NONE {
            self.entries[next as usize].previous = previous;
        }
    }

    fn turn(&mut self, now: u64, woken: &mut Vec<Waker>) {
        // After a long pause every slot is passed once.
        let from = self.passed.max(now.saturating_sub(SLOTS as u64));
        for tick in from + 1..=now {
            let mut at = self.slots[tick as usize % SLOTS];
            while at != NONE {
                let entry = &self.entries[at as usize];
                let (next, due) = (entry.next, entry.due);
                if due <= now {
                    woken.extend(entry.waker.clone());
                    self.unlink(at);
                }
                at = next;
            }
        }
        self.passed = self.passed.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Bell(AtomicUsize);

    impl Wake for Bell {
        fn wake(self: Arc<Bell>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_timer_fires_once_not_before_its_time_and_within_a_tick_after_it() {
        let timers = Timers::new();
        for (seed, millis) in [1, 99, 100, 101, 51_200, 51_201, 200_000].into_iter().enumerate() {
            let bell = Arc::new(Bell::default());
            let start = 1_000_000 * seed as u64;
            timers.turn(at(start));
            timers.arm(None, seed, at(start + millis), &Waker::from(bell.clone()));
            let mut fired = None;
            for now in (start..=start + millis + 300).step_by(50) {
                timers.turn(at(now));
                if bell.0.load(Ordering::Relaxed) > 0 {
                    fired = fired.or(Some(now));
                }
            }
            let fired = fired.unwrap();
            assert!((start + millis..start + millis + 150).contains(&fired), "{millis} fired after {}", fired - start);
            assert_eq!(bell.0.load(Ordering::Relaxed), 1);
        }
    }

    #[test]
    fn a_cancelled_timer_does_not_fire_and_its_entry_is_used_again() {
        let timers = Timers::new();
        let (gone, bell) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
        let key = timers.arm(None, 0, at(500), &Waker::from(gone.clone()));
        let other = timers.arm(None, 0, at(500), &Waker::from(bell.clone()));
        timers.cancel(key);
        assert_eq!(timers.arm(None, 0, at(500), &Waker::from(bell.clone())).entry, key.entry);
        timers.arm(Some(other), 0, at(700), &Waker::from(bell.clone()));
        timers.turn(at(600));
        assert_eq!((gone.0.load(Ordering::Relaxed), bell.0.load(Ordering::Relaxed)), (0, 1));
        timers.turn(at(60_000));
        assert_eq!(bell.0.load(Ordering::Relaxed), 2);
    }
}
