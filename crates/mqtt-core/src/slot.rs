//! The place of a session: what outlives its connections and is shared with whoever publishes.
//!
//! A slot holds the inbox, which everybody may push to whether or not anybody is home, and the holder, which says who owns the session's
//! state: a connection, or the slot itself while the client is away. Two owners cannot be written down.

use crate::budget::Budget;
use crate::farewell::Signal;
use crate::{CONTROL, Counter, Delivery, Limits, Load, Session, Timestamp, Wakes, Will};
use mqtt_wire::{QoS, ReasonCode};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::task::Waker;
use triomphe::Arc;

/// A session's fixed address.
pub struct Slot {
    client_id: Box<str>,
    inbox: Mutex<Inbox>,
    pub(crate) holder: Mutex<Holder>,
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Slot({:?})", self.client_id)
    }
}

/// Who owns the session's state, and who waits for it.
pub(crate) struct Holder {
    pub(crate) state: Holding,
    /// The connection that got the session last.
    pub(crate) owner: ClaimToken,
    /// The connection that takes over next. A newer one displaces it.
    pub(crate) claimant: Option<Box<(ClaimToken, Waker)>>,
    /// The Will Message; here, because the end of the server publishes it while the connection is still up.
    will: Option<Box<Will>>,
}

pub(crate) enum Holding {
    /// A connection.
    Live,
    /// The slot: the client is away.
    Parked(Box<Session>),
}

/// Names one connection's wish to have the session; later wishes are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClaimToken(pub(crate) u64);

#[derive(Default)]
struct Inbox {
    queue: VecDeque<Delivery>,
    waker: Option<Waker>,
    bytes: usize,
    drawn: usize,
    /// Whether a connection owns the session; QoS 0 is not kept for one that is away.
    online: bool,
    /// Whether the first delivery waits for the client's acknowledgements; more messages then wake nobody.
    blocked: bool,
    /// Why the owner is to close the connection. Boxed: there rarely is one.
    signal: Option<Box<Signal>>,
    /// Messages for this session that were dropped.
    drops: u32,
}

/// How far a session is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Messages waiting; those sent and unacknowledged are not among them.
    pub messages: usize,
    /// Bytes of messages waiting, and of QoS 1 and 2 messages sent and unacknowledged.
    pub bytes: usize,
    /// When the broker received the oldest message that waits.
    pub oldest: Option<Timestamp>,
    /// Messages dropped since the session began.
    pub drops: u32,
    /// Whether the client is connected.
    pub online: bool,
}

/// What is left in an inbox after some deliveries were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Nothing.
    Empty,
    /// What waits for acknowledgements, or for a caller that wanted nothing; new messages wake nobody.
    Blocked,
    /// More that could be taken now.
    More,
}

/// What a push needs to know of the broker.
pub(crate) struct Bounds<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) budget: &'a Budget,
    pub(crate) load: Load,
}

/// Kept of an emptied queue, so that small bursts do not allocate; the rest is given back.
const SPARE: usize = 16;

impl Inbox {
    fn settle(&mut self, balance: isize, budget: &Budget) {
        self.bytes = self.bytes.saturating_add_signed(balance);
        // More than the budget has is drawn by messages alone, which then are refused.
        budget.cover(&mut self.drawn, self.bytes);
    }
}

impl Slot {
    pub(crate) fn new(client_id: &str, owner: ClaimToken) -> Arc<Slot> {
        Arc::new(Slot {
            client_id: client_id.into(),
            inbox: Mutex::new(Inbox { online: true, ..Inbox::default() }),
            holder: Mutex::new(Holder { state: Holding::Live, owner, claimant: None, will: None }),
        })
    }

    /// The Client Identifier.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Messages waiting.
    pub fn queued(&self) -> usize {
        self.inbox.lock().queue.len()
    }

    /// What waits for the client, and what it missed.
    pub fn backlog(&self) -> Backlog {
        let inbox = self.inbox.lock();
        let oldest = inbox.queue.front().map(|delivery| delivery.message.received());
        Backlog { messages: inbox.queue.len(), bytes: inbox.bytes, oldest, drops: inbox.drops, online: inbox.online }
    }

    pub(crate) fn note_drop(&self) {
        let mut inbox = self.inbox.lock();
        inbox.drops = inbox.drops.saturating_add(1);
    }

    /// Whether a connection owns the session.
    pub fn is_online(&self) -> bool {
        self.inbox.lock().online
    }

    /// Sets the Will Message, or deletes it.
    pub(crate) fn set_will(&self, will: Option<Box<Will>>) {
        self.holder.lock().will = will;
    }

    /// Takes the Will Message to publish it, once [MQTT-3.1.2-10].
    pub(crate) fn take_will(&self) -> Option<Box<Will>> {
        self.holder.lock().will.take()
    }

    /// The Will Delay Interval of the Will Message, if there is one, in seconds.
    pub(crate) fn will_delay(&self) -> Option<u32> {
        self.holder.lock().will.as_ref().map(|will| will.delay())
    }

    /// Puts a delivery last in the inbox and notes the owner to be woken.
    ///
    /// # Errors
    /// The delivery and why it was not taken.
    pub(crate) fn push(
        &self,
        delivery: Delivery,
        bounds: &Bounds<'_>,
        wakes: &mut Wakes,
    ) -> Result<(), (Counter, Delivery)> {
        let size = delivery.message.footprint();
        let mut inbox = self.inbox.lock();
        if !inbox.online && delivery.qos == QoS::AtMostOnce {
            return Err((Counter::DroppedOffline, delivery));
        }
        if bounds.load >= Load::Shed && delivery.qos == QoS::AtMostOnce && !inbox.queue.is_empty() {
            return Err((Counter::DroppedOverload, delivery));
        }
        let bytes = inbox.bytes + size;
        if inbox.queue.len() >= bounds.limits.inbox_messages || bytes > bounds.limits.inbox_bytes {
            return Err((Counter::DroppedInboxFull, delivery));
        }
        if !bounds.budget.cover(&mut inbox.drawn, bytes) {
            return Err((Counter::DroppedMemory, delivery));
        }
        inbox.bytes = bytes;
        inbox.queue.push_back(delivery);
        if !inbox.blocked
            && let Some(waker) = inbox.waker.take()
        {
            wakes.push(waker);
        }
        Ok(())
    }

    /// Takes up to `count` deliveries, no more than `room` of them above QoS 0: those go on counting against the inbox until the caller's
    /// `balance` of bytes under way says that they are done. Registers `waker` for new messages and for signals. A
    /// caller that wants none is woken by signals alone.
    pub(crate) fn take(
        &self,
        count: usize,
        mut room: usize,
        balance: isize,
        waker: &Waker,
        budget: &Budget,
        batch: &mut Vec<Delivery>,
    ) -> Rest {
        let mut inbox = self.inbox.lock();
        inbox.blocked = count == 0;
        let mut freed = 0;
        for _ in 0..count {
            let Some(first) = inbox.queue.front() else { break };
            if first.qos == QoS::AtMostOnce {
                freed += first.message.footprint();
            } else if room == 0 {
                inbox.blocked = true;
                break;
            } else {
                room -= 1;
            }
            batch.extend(inbox.queue.pop_front());
        }
        inbox.bytes -= freed;
        inbox.settle(balance, budget);
        if !inbox.waker.as_ref().is_some_and(|registered| registered.will_wake(waker)) {
            inbox.waker = Some(waker.clone());
        }
        if inbox.queue.is_empty() && inbox.queue.capacity() > SPARE {
            inbox.queue = VecDeque::new();
        }
        match (inbox.blocked, inbox.queue.is_empty()) {
            (true, _) => Rest::Blocked,
            (false, true) => Rest::Empty,
            (false, false) => Rest::More,
        }
    }

    /// Counts what the messages under way weigh more, or less, than before.
    pub(crate) fn settle(&self, balance: isize, budget: &Budget) {
        self.inbox.lock().settle(balance, budget);
    }

    /// Asks the owner to close its connection with `reason`, at once.
    pub fn signal(&self, reason: ReasonCode, wakes: &mut Wakes) {
        self.leave(Signal { reason, until: Timestamp::ZERO }, wakes);
    }

    /// Asks the owner to close its connection. The more urgent of two signals counts.
    pub(crate) fn leave(&self, signal: Signal, wakes: &mut Wakes) {
        let mut inbox = self.inbox.lock();
        if inbox.signal.as_ref().is_none_or(|earlier| signal.until < earlier.until) {
            inbox.signal = Some(Box::new(signal));
        }
        if let Some(waker) = inbox.waker.take() {
            wakes.push(waker);
        }
    }

    /// What [`Slot::leave`] asked for, once.
    pub(crate) fn take_signal(&self) -> Option<Box<Signal>> {
        self.inbox.lock().signal.take()
    }

    /// The client is back.
    pub(crate) fn set_online(&self) {
        let mut inbox = self.inbox.lock();
        inbox.online = true;
        inbox.signal = None;
    }

    /// The client is away: QoS 0 messages go; returns them.
    pub(crate) fn set_offline(&self, budget: &Budget) -> Vec<Delivery> {
        let mut inbox = self.inbox.lock();
        (inbox.online, inbox.waker, inbox.blocked) = (false, None, false);
        let (mut dropped, mut kept) = (Vec::new(), VecDeque::new());
        for delivery in std::mem::take(&mut inbox.queue) {
            match delivery.qos {
                QoS::AtMostOnce => dropped.push(delivery),
                QoS::AtLeastOnce | QoS::ExactlyOnce => kept.push_back(delivery),
            }
        }
        kept.shrink_to_fit();
        inbox.queue = kept;
        let freed: usize = dropped.iter().map(|delivery| delivery.message.footprint()).sum();
        inbox.settle(-(freed as isize), budget);
        dropped
    }

    /// The connection whose lanes the deliveries name is gone.
    pub(crate) fn forget_lanes(&self) {
        self.inbox.lock().queue.iter_mut().for_each(|delivery| delivery.lane = CONTROL);
    }

    /// Empties the inbox of a session that ends; nothing is taken any more.
    pub(crate) fn close(&self, budget: &Budget) -> VecDeque<Delivery> {
        let mut inbox = self.inbox.lock();
        (inbox.online, inbox.waker, inbox.bytes) = (false, None, 0);
        budget.cover(&mut inbox.drawn, 0);
        std::mem::take(&mut inbox.queue)
    }
}
