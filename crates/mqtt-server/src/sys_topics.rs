//! What the broker says of itself under `$SYS/broker`, in mosquitto's names, for tools that know those.
//!
//! Nothing is published while nobody listens; whoever begins to listen gets all values within a second, afterwards those that changed, once
//! an interval. Values are retained as long as somebody listens.

use crate::hub::Hub;
use mqtt_core::{Content, Counter, Counters, DROPS, Message, Wakes};
use mqtt_wire::{PacketType, Properties, QoS};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const PREFIX: &str = "$SYS/broker/";

/// Time between two looks for listeners.
const LOOK: Duration = Duration::from_secs(1);

/// The spans that loads are averages over, and their names.
const SPANS: [(f64, &str); 3] = [(1.0, "1min"), (5.0, "5min"), (15.0, "15min")];

/// What loads are of.
const LOADS: [&str; 9] = [
    "messages/received",
    "messages/sent",
    "publish/dropped",
    "publish/received",
    "publish/sent",
    "bytes/received",
    "bytes/sent",
    "sockets",
    "connections",
];

/// Publishes for as long as the server runs; `interval` is the time between two values of a topic.
pub(crate) async fn publish(hub: std::sync::Arc<Hub>, version: String, interval: Duration) {
    let mut topics = SysTopics::new(version, &hub);
    let mut ticks = tokio::time::interval(LOOK.min(interval));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        topics.look(&hub, interval);
    }
}

struct SysTopics {
    version: String,
    /// All topics there are.
    topics: Vec<String>,
    started: Instant,
    measured: Instant,
    published: Option<Instant>,
    /// The totals that loads are made from, and the loads, by span.
    totals: [u64; LOADS.len()],
    loads: [[f64; SPANS.len()]; LOADS.len()],
    /// Most clients at once.
    maximum: u64,
    /// What was last published.
    values: BTreeMap<String, String>,
}

impl SysTopics {
    fn new(version: String, hub: &Hub) -> SysTopics {
        let now = Instant::now();
        let mut topics = SysTopics {
            version,
            topics: Vec::new(),
            started: now,
            measured: now,
            published: None,
            totals: [0; LOADS.len()],
            loads: [[0.0; SPANS.len()]; LOADS.len()],
            maximum: 0,
            values: BTreeMap::new(),
        };
        topics.topics = topics.read(hub, now).into_iter().map(|(topic, _)| topic).collect();
        topics
    }

    fn look(&mut self, hub: &Hub, interval: Duration) {
        let now = Instant::now();
        self.maximum = self.maximum.max(hub.broker.sessions.len() as u64);
        if now.duration_since(self.measured) >= interval {
            self.measure(hub, now);
        }
        // Asked first: reading the values costs a visit to every session.
        if !self.topics.iter().any(|topic| hub.broker.has_subscribers(topic)) {
            return self.withdraw(hub);
        }
        if self.published.is_none_or(|at| now.duration_since(at) >= interval) {
            self.published = Some(now);
            let values = self.read(hub, now);
            self.tell(hub, values);
        }
    }

    /// Moving averages per minute, weighted as those of a Unix load.
    fn measure(&mut self, hub: &Hub, now: Instant) {
        let minutes = now.duration_since(self.measured).as_secs_f64() / 60.0;
        self.measured = now;
        let totals = totals(hub);
        for ((total, before), loads) in totals.iter().zip(&mut self.totals).zip(&mut self.loads) {
            let per_minute = total.saturating_sub(*before) as f64 / minutes;
            *before = *total;
            for (load, (span, _)) in loads.iter_mut().zip(SPANS) {
                let keep = (-minutes / span).exp();
                *load = *load * keep + per_minute * (1.0 - keep);
            }
        }
    }

    fn read(&self, hub: &Hub, now: Instant) -> Vec<(String, String)> {
        let broker = &hub.broker;
        let count = |counter| broker.counters.get(counter);
        let (sessions, online) = (broker.sessions.len() as u64, count(Counter::Online));
        let totals = totals(hub);
        let mut values = vec![
            ("version", self.version.clone()),
            ("uptime", format!("{} seconds", now.duration_since(self.started).as_secs())),
            ("clients/total", sessions.to_string()),
            ("clients/maximum", self.maximum.to_string()),
            ("clients/connected", online.to_string()),
            ("clients/active", online.to_string()),
            ("clients/disconnected", sessions.saturating_sub(online).to_string()),
            ("clients/inactive", sessions.saturating_sub(online).to_string()),
            ("clients/expired", count(Counter::SessionsExpired).to_string()),
            ("messages/received", totals[0].to_string()),
            ("messages/sent", totals[1].to_string()),
            ("publish/messages/dropped", totals[2].to_string()),
            ("publish/messages/received", totals[3].to_string()),
            ("publish/messages/sent", totals[4].to_string()),
            ("bytes/received", totals[5].to_string()),
            ("bytes/sent", totals[6].to_string()),
            ("publish/bytes/received", count(Counter::PayloadReceived).to_string()),
            ("publish/bytes/sent", count(Counter::PayloadSent).to_string()),
            ("retained messages/count", broker.retained.len().to_string()),
            ("store/messages/bytes", broker.budget().used().to_string()),
            ("subscriptions/count", count(Counter::Subscriptions).to_string()),
            ("shared_subscriptions/count", count(Counter::SharedSubscriptions).to_string()),
        ];
        let stored = stored(hub).to_string();
        values.extend([("store/messages/count", stored.clone()), ("messages/stored", stored)]);
        let named = values.into_iter().map(|(topic, value)| (format!("{PREFIX}{topic}"), value));
        named.chain(self.loads()).collect()
    }

    fn loads(&self) -> impl Iterator<Item = (String, String)> {
        LOADS.iter().zip(&self.loads).flat_map(|(name, loads)| {
            let of = move |(load, (_, span)): (&f64, (f64, &str))| {
                (format!("{PREFIX}load/{name}/{span}"), format!("{load:.2}"))
            };
            loads.iter().zip(SPANS).map(of)
        })
    }

    /// Publishes what differs from what was published before.
    fn tell(&mut self, hub: &Hub, values: Vec<(String, String)>) {
        let mut wakes = Wakes::new();
        for (topic, value) in values {
            if self.values.get(&topic) != Some(&value) {
                hub.broker.publish(&message(&topic, &value, hub), &mut wakes);
                self.values.insert(topic, value);
            }
        }
        wakes.wake_all();
    }

    /// Nobody listens any more: what would go stale is no longer retained.
    fn withdraw(&mut self, hub: &Hub) {
        self.published = None;
        for topic in std::mem::take(&mut self.values).into_keys() {
            let _ = hub.broker.retained.set(&message(&topic, "", hub), &hub.broker.limits()); // removing never fails
        }
    }
}

fn message(topic: &str, value: &str, hub: &Hub) -> Message {
    let (qos, properties, payload) = (QoS::ExactlyOnce, Properties::NONE, value.as_bytes());
    Message::new(&Content { topic, qos, retain: true, properties, payload }, hub.clock.now())
}

/// Messages waiting and retained: what mosquitto calls stored.
fn stored(hub: &Hub) -> usize {
    hub.broker.sessions.slots().iter().map(|slot| slot.queued()).sum::<usize>() + hub.broker.retained.len()
}

/// What [`LOADS`] names, since the start.
fn totals(hub: &Hub) -> [u64; LOADS.len()] {
    let counters = &hub.broker.counters;
    let sum = |of: fn(&Counters, PacketType) -> (u64, u64)| {
        let all = PacketType::ALL.iter().map(|&packet| of(counters, packet));
        all.fold((0, 0), |(received, sent), pair| (received + pair.0, sent + pair.1))
    };
    let (packets, bytes) = (sum(Counters::packets), sum(Counters::bytes));
    let publishes = counters.packets(PacketType::Publish);
    [
        packets.0,
        packets.1,
        DROPS.iter().map(|&drop| counters.get(drop)).sum(),
        publishes.0,
        publishes.1,
        bytes.0,
        bytes.1,
        hub.accepted(),
        counters.packets(PacketType::Connect).0,
    ]
}
