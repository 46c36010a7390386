//! What all connections share, and everything that happens between them: publishing, subscribing, the end of sessions. In memory, without
//! I/O: nothing here waits.

use crate::budget::Budget;
use crate::delivery::Origin;
use crate::farewell::Ending;
use crate::index::{Group, Index, Route, Subscriber, Subscription, address};
use crate::session::{Parked, Replay};
use crate::slot::Bounds;
use crate::{
    Counter, Counters, Delivery, Event, Histogram, Limits, LoadGauge, Message, Retained, Session, Sessions, Slot,
    Timestamp, Wakes, Watch,
};
use arc_swap::{ArcSwap, Guard};
use mqtt_wire::{FilterTarget, QoS, RetainHandling, SubscriptionOptions};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use triomphe::Arc;

/// What `ArcSwap` holds.
type Shared<T> = std::sync::Arc<T>;

/// Bounds for the time that a subscriber takes to acknowledge: from a local network to a satellite and a lost packet.
const ACKNOWLEDGEMENTS: &[Duration] = &[
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(60),
];

/// The shared state of a broker.
pub struct Broker {
    /// Its bounds, which may be replaced while it runs.
    limits: ArcSwap<Limits>,
    /// Its subscriptions.
    pub index: Index,
    /// Its retained messages.
    pub retained: Retained,
    /// Its sessions.
    pub sessions: Sessions,
    /// What happened how often.
    pub counters: Counters,
    /// Time from sending a QoS 1 or 2 message to its PUBACK or PUBREC.
    pub acknowledgements: Histogram,
    /// Who watches.
    pub watch: Watch,
    /// The step of overload protection in force.
    pub load: LoadGauge,
    budget: Budget,
    partial: Budget,
    assigned: AtomicU64,
    pub(crate) ending: Ending,
}

impl Default for Broker {
    fn default() -> Broker {
        Broker::new(Limits::default())
    }
}

impl Broker {
    /// A broker within `limits`.
    pub fn new(limits: Limits) -> Broker {
        let (budget, partial) = (Budget::new(limits.queued_bytes), Budget::new(limits.partial_bytes));
        Broker {
            budget,
            partial,
            limits: ArcSwap::from_pointee(limits),
            index: Index::default(),
            retained: Retained::default(),
            sessions: Sessions::default(),
            counters: Counters::default(),
            acknowledgements: Histogram::new(ACKNOWLEDGEMENTS),
            watch: Watch::default(),
            load: LoadGauge::default(),
            assigned: AtomicU64::new(0),
            ending: Ending::default(),
        }
    }

    /// The bounds of the moment.
    pub fn limits(&self) -> Guard<Shared<Limits>> {
        self.limits.load()
    }

    /// Replaces the bounds. What is above a lower one stays; nothing is added to it.
    pub fn set_limits(&self, limits: Limits) {
        self.budget.set(limits.queued_bytes);
        self.partial.set(limits.partial_bytes);
        self.limits.store(Shared::new(limits));
    }

    /// The first levels of the topics that clients asking for Response Information are told to use, empty for none (4.10.1).
    pub fn response_information(&self) -> &str {
        "response"
    }

    /// Memory for queued messages.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Memory for half-received packets.
    pub fn partial(&self) -> &Budget {
        &self.partial
    }

    fn bounds<'a>(&'a self, limits: &'a Limits) -> Bounds<'a> {
        Bounds { limits, budget: &self.budget, load: self.load.get() }
    }

    /// A Client Identifier that no session has [MQTT-3.2.2-16], with a part that cannot be guessed.
    pub(crate) fn assign_client_id(&self) -> String {
        loop {
            let number = self.assigned.fetch_add(1, Ordering::Relaxed);
            let secret = self.index.hash(&number.to_be_bytes());
            let id = format!("auto-{number:x}-{secret:016x}");
            if self.sessions.get(&id).is_none() {
                return id;
            }
        }
    }

    /// Publishes on behalf of the broker itself or of a will: keeps a retained message and delivers.
    pub fn publish(&self, message: &Message, wakes: &mut Wakes) {
        self.counters.count(Counter::MessagesBorn);
        if message.retain() && self.retained.set(message, &self.limits()).is_err() {
            self.counters.count(Counter::RetainedRefused);
        }
        let topic = message.topic_bytes();
        let mut routes = Vec::new();
        self.index.lookup(topic, self.index.hash(topic), &mut routes);
        self.deliver(message, &routes, None, wakes);
    }

    /// Whether a message of `topic` would reach a subscription.
    pub fn has_subscribers(&self, topic: &str) -> bool {
        let mut routes = Vec::new();
        self.index.lookup(topic.as_bytes(), self.index.hash(topic.as_bytes()), &mut routes);
        routes.iter().any(|route| !route.read().is_empty())
    }

    /// Puts `message` into the inbox of everyone behind `routes`; returns how many sessions that are. `publisher` gets it only through
    /// subscriptions without No Local.
    pub(crate) fn deliver(
        &self,
        message: &Message,
        routes: &[Route],
        publisher: Option<&Arc<Slot>>,
        wakes: &mut Wakes,
    ) -> u32 {
        let limits = self.limits();
        let bounds = self.bounds(&limits);
        let mut copies = 0;
        // One route reaches each session once; only several can overlap.
        let mut overlaps = (routes.len() > 1).then(Vec::new);
        for route in routes {
            let behind = route.read();
            for subscriber in behind.own.as_slice() {
                if subscriber.no_local() && publisher.is_some_and(|slot| Arc::ptr_eq(slot, &subscriber.slot)) {
                    continue; // [MQTT-3.8.3-3]
                }
                match &mut overlaps {
                    Some(found) => found.push(subscriber.clone()),
                    None => {
                        copies += 1;
                        self.push(&subscriber.slot, delivery(message, subscriber), &bounds, wakes);
                    }
                }
            }
            for group in behind.groups() {
                match Group::deliver(group, message, &bounds, wakes) {
                    Ok(()) => copies += 1,
                    Err(None) => {} // nobody in it
                    Err(Some((why, slot))) => {
                        copies += 1;
                        self.dropped(&slot, message, why);
                    }
                }
            }
        }
        if let Some(found) = overlaps {
            copies += self.deliver_once(message, found, wakes);
        }
        self.counters.add(Counter::CopiesMade, copies.into());
        copies
    }

    /// [MQTT-3.3.4-2], [MQTT-3.3.4-4]: one copy per session, with the highest QoS and all identifiers, on the lowest lane.
    fn deliver_once(&self, message: &Message, mut found: Vec<Subscriber>, wakes: &mut Wakes) -> u32 {
        found.sort_by_key(|subscriber| address(&subscriber.slot));
        let limits = self.limits();
        let bounds = self.bounds(&limits);
        let mut copies = 0;
        for same in found.chunk_by(|a, b| Arc::ptr_eq(&a.slot, &b.slot)) {
            let Some((first, others)) = same.split_first() else { continue };
            let mut merged = delivery(message, first);
            for other in others {
                merged.qos = merged.qos.max(message.qos().min(other.qos()));
                merged.retain |= message.retain() && other.retain_as_published();
                merged.origin.add(other.id);
                merged.lane = merged.lane.min(other.lane);
            }
            copies += 1;
            self.push(&first.slot, merged, &bounds, wakes);
        }
        copies
    }

    fn push(&self, slot: &Slot, delivery: Delivery, bounds: &Bounds<'_>, wakes: &mut Wakes) {
        if let Err((why, delivery)) = slot.push(delivery, bounds, wakes) {
            self.dropped(slot, &delivery.message, why);
        }
    }

    /// A copy of a message is dropped: counted, noted with its session, and told to whoever follows the message.
    pub(crate) fn dropped(&self, slot: &Slot, message: &Message, why: Counter) {
        self.counters.count(why);
        slot.note_drop();
        if let (Some(trace), Some(observer)) = (message.trace(), self.watch.observer()) {
            observer.on_event(&Event::Dropped { trace, client_id: slot.client_id(), message, why });
        }
    }

    /// Subscribes a session on `lane`; retained messages are noted for sending where the options ask for them.
    pub(crate) fn subscribe(
        &self,
        session: &mut Session,
        target: FilterTarget<'_>,
        options: SubscriptionOptions,
        id: u32,
        lane: u8,
    ) {
        let mut subscriber = Subscriber::new(session.slot.clone(), options, id);
        subscriber.lane = lane;
        let (subscription, new) = self.index.subscribe(target, subscriber);
        if new {
            if session.subscriptions.is_empty() {
                session.subscriptions.reserve_exact(1); // most clients stay at one
            }
            session.subscription_bytes += subscription.bytes();
            self.count_subscription(&subscription, 1);
            session.subscriptions.push(subscription);
        }
        let wanted = match options.retain_handling {
            RetainHandling::Send => true,       // [MQTT-3.3.1-9]
            RetainHandling::SendIfNew => new,   // [MQTT-3.3.1-10]
            RetainHandling::DoNotSend => false, // [MQTT-3.3.1-11]
        };
        if let (true, FilterTarget::Own(filter)) = (wanted, target) {
            let (filter, qos) = (filter.as_str().into(), options.qos);
            let replay = Replay { filter, position: Default::default(), qos, lane, id };
            session.replays.get_or_insert_default().push_back(replay);
        }
    }

    fn count_subscription(&self, subscription: &Subscription, change: i64) {
        self.counters.shift(Counter::Subscriptions, change);
        if subscription.group.is_some() {
            self.counters.shift(Counter::SharedSubscriptions, change);
        }
    }

    /// Removes a session's subscription; returns whether there was one.
    pub(crate) fn unsubscribe(&self, session: &mut Session, target: FilterTarget<'_>) -> bool {
        let Some(subscription) = self.index.find(target) else { return false };
        let held = session.subscriptions.iter().position(|other| other.is_same(&subscription));
        let Some(at) = held else { return false };
        let subscription = session.subscriptions.swap_remove(at);
        session.subscription_bytes -= subscription.bytes();
        self.count_subscription(&subscription, -1);
        self.index.unsubscribe(&subscription, &session.slot);
        if let (FilterTarget::Own(filter), Some(replays)) = (target, &mut session.replays) {
            replays.retain(|replay| *replay.filter != *filter.as_str()); // [MQTT-3.10.4-2]
        }
        true
    }

    /// Whether a session holds a subscription to `target`.
    pub(crate) fn is_subscribed(&self, session: &Session, target: FilterTarget<'_>) -> bool {
        let found = self.index.find(target);
        found.is_some_and(|found| session.subscriptions.iter().any(|held| held.is_same(&found)))
    }

    /// The connection of a session is gone: the session waits for its client or ends, its will is published now or later.
    pub(crate) fn leave(&self, mut session: Box<Session>, now: Timestamp, wakes: &mut Wakes) {
        if session.expiry == 0 {
            return self.end(session, now, wakes);
        }
        session.slot.settle(session.window.take_balance(), &self.budget);
        self.counters.shift(Counter::UnderWay, session.window.take_under_way());
        for delivery in session.slot.set_offline(&self.budget) {
            self.dropped(&session.slot, &delivery.message, Counter::DroppedOffline);
        }
        let will_at = match session.slot.will_delay() {
            None => Timestamp::NEVER,
            Some(0) => {
                self.publish_will(&session.slot, now, wakes);
                Timestamp::NEVER
            }
            Some(delay) => now.plus_seconds(delay),
        };
        let expires_at = match session.expiry {
            u32::MAX => Timestamp::NEVER,
            seconds => now.plus_seconds(seconds),
        };
        session.parked = Parked { will_at, expires_at, stamp: 0 };
        self.sessions.park(session, wakes);
    }

    /// Ends a session: its will is published [MQTT-3.1.2-8], its subscriptions go, shared messages not yet sent go to other members.
    pub(crate) fn end(&self, mut session: Box<Session>, now: Timestamp, wakes: &mut Wakes) {
        let slot = session.slot.clone();
        let subscriptions: Vec<Subscription> = std::mem::take(&mut session.subscriptions);
        for subscription in &subscriptions {
            self.count_subscription(subscription, -1);
            self.index.unsubscribe(subscription, &slot);
        }
        self.publish_will(&slot, now, wakes);
        let waiting = slot.close(&self.budget);
        let under_way = session.window.drain_unacknowledged();
        self.counters.shift(Counter::UnderWay, session.window.take_under_way());
        for delivery in under_way {
            match delivery.qos {
                QoS::ExactlyOnce => self.dropped(&slot, &delivery.message, Counter::DroppedSessionEnded), // [MQTT-4.8.2-5]
                QoS::AtMostOnce | QoS::AtLeastOnce => self.pass_on(&slot, delivery, wakes),
            }
        }
        waiting.into_iter().for_each(|delivery| self.pass_on(&slot, delivery, wakes));
        self.sessions.remove(&slot, wakes);
    }

    /// A message of a session that ended: one of a share goes to another member, others are lost.
    fn pass_on(&self, slot: &Slot, delivery: Delivery, wakes: &mut Wakes) {
        let passed = match &delivery.origin {
            Origin::Shared(group, _) => self.offer(group, &delivery.message, wakes),
            Origin::Plain | Origin::Identified(_) | Origin::Overlapping(_) => false,
        };
        if !passed {
            self.dropped(slot, &delivery.message, Counter::DroppedSessionEnded);
        }
    }

    fn offer(&self, group: &Arc<Group>, message: &Message, wakes: &mut Wakes) -> bool {
        Group::deliver(group, message, &self.bounds(&self.limits()), wakes).is_ok()
    }

    pub(crate) fn publish_will(&self, slot: &Slot, now: Timestamp, wakes: &mut Wakes) {
        if let Some(will) = slot.take_will() {
            self.publish(&will.message(now), wakes);
        }
    }

    /// Does what is due at `now`: delayed wills, the end of expired sessions, expired retained messages. Returns when to come back at the latest.
    pub fn sweep(&self, now: Timestamp, wakes: &mut Wakes) -> Timestamp {
        while let Some(mut session) = self.sessions.due(now) {
            if session.parked.expires_at <= now {
                self.counters.count(Counter::SessionsExpired);
                self.end(session, now, wakes); // [MQTT-4.1.0-2]
                continue;
            }
            self.publish_will(&session.slot, now, wakes);
            session.parked.will_at = Timestamp::NEVER;
            self.sessions.park(session, wakes);
        }
        let expired = self.retained.sweep(now);
        self.counters.add(Counter::RetainedExpired, expired as u64);
        self.sessions.next_deadline().unwrap_or(Timestamp::NEVER)
    }
}

fn delivery(message: &Message, subscriber: &Subscriber) -> Delivery {
    Delivery {
        message: message.clone(),
        origin: Origin::of(subscriber.id),
        qos: message.qos().min(subscriber.qos()),
        retain: message.retain() && subscriber.retain_as_published(), // [MQTT-3.3.1-12], [MQTT-3.3.1-13]
        lane: subscriber.lane,
        sent: 0,
    }
}
