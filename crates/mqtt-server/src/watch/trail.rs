//! A live trail of what one client or one topic does, for a reader who is debugging.
//!
//! A trail costs while it is open: with a client in its filter, every message is followed to find those that go to it. So trails are few,
//! bounded in time by whoever opens them, and lose events rather than hold anybody up.

use crate::{ConnectionEvent, Happening};
use mqtt_core::{Event, Publishing};
use mqtt_wire::{TopicFilter, TopicName};
use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::SystemTime;
use tokio::sync::mpsc::{self, Receiver, Sender};

/// Trails at once: each makes messages dearer.
const TRAILS: usize = 8;

/// Events that wait for a trail's reader; beyond, events are lost and counted.
const WAITING: usize = 1024;

/// Longest text of a client's in an event.
const LONGEST: usize = 256;

/// What a trail shows; both parts must match where both are given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrailFilter {
    /// What this client does and gets.
    pub client: Option<String>,
    /// What happens to messages and subscriptions of this topic filter.
    pub topic: Option<String>,
}

/// An event on a trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trailed {
    /// When.
    pub at: SystemTime,
    /// What: `publish`, `deliver`, `acknowledge`, `drop`, `subscribe`, `unsubscribe`, `connect`, `refuse`, `close`.
    pub what: &'static str,
    /// Whose.
    pub client_id: String,
    /// The topic or the filters.
    pub topic: String,
    /// The rest, by name.
    pub details: Vec<(&'static str, String)>,
}

/// The reader's end of a trail; dropping it closes the trail.
pub struct Trail {
    events: Receiver<Trailed>,
    lost: Arc<AtomicU64>,
}

impl Trail {
    /// The next event.
    pub async fn next(&mut self) -> Option<Trailed> {
        self.events.recv().await
    }

    pub(crate) fn poll_next(&mut self, task: &mut Context<'_>) -> Poll<Option<Trailed>> {
        self.events.poll_recv(task)
    }

    /// Events that were lost because the reader was slow, since the last call.
    pub fn lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }
}

#[derive(Default)]
pub(super) struct Trails {
    any: AtomicBool,
    open: RwLock<Vec<Open>>,
}

struct Open {
    filter: TrailFilter,
    events: Sender<Trailed>,
    lost: Arc<AtomicU64>,
}

impl Trails {
    pub(super) fn are_open(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    pub(super) fn open(&self, filter: TrailFilter) -> Option<Trail> {
        let mut open = self.open.write();
        open.retain(|trail| !trail.events.is_closed());
        if open.len() >= TRAILS {
            return None;
        }
        let (sender, events) = mpsc::channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        open.push(Open { filter, events: sender, lost: lost.clone() });
        self.any.store(true, Ordering::Relaxed);
        Some(Trail { events, lost })
    }

    /// Forgets the trails whose readers are gone; returns whether there were any.
    pub(super) fn sweep(&self) -> bool {
        if !self.are_open() {
            return false;
        }
        let mut open = self.open.write();
        let before = open.len();
        open.retain(|trail| !trail.events.is_closed());
        self.any.store(!open.is_empty(), Ordering::Relaxed);
        open.len() < before
    }

    /// Whether a message is to be followed.
    pub(super) fn want(&self, publish: &Publishing<'_>) -> bool {
        // A client in the filter may be a receiver: who receives is not known yet.
        self.are_open() && self.open.read().iter().any(|trail| trail.filter.has_topic(publish.topic))
    }

    pub(super) fn on_event(&self, event: &Event<'_>) {
        self.tell(|filter| shows(filter, event), || describe(event));
    }

    pub(super) fn on_connection(&self, event: &ConnectionEvent<'_>) {
        let is_of = |filter: &TrailFilter| {
            filter.topic.is_none() && event.client_id.is_some_and(|client| filter.has_client(client))
        };
        self.tell(is_of, || describe_connection(event));
    }

    fn tell(&self, matches: impl Fn(&TrailFilter) -> bool, describe: impl Fn() -> Trailed) {
        if !self.are_open() {
            return;
        }
        for trail in self.open.read().iter().filter(|trail| matches(&trail.filter)) {
            if trail.events.try_send(describe()).is_err() {
                trail.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl TrailFilter {
    fn has_client(&self, client_id: &str) -> bool {
        self.client.as_deref().is_none_or(|client| client == client_id)
    }

    fn has_topic(&self, topic: &str) -> bool {
        let Some(filter) = &self.topic else { return true };
        match (TopicFilter::parse(filter), TopicName::parse(topic)) {
            (Ok(filter), Ok(topic)) => filter.matches(topic),
            _ => false,
        }
    }

    /// Whether a filter of a subscription is the trail's, or matches it as if it were a topic.
    fn has_filter(&self, filter: &str) -> bool {
        self.topic.as_deref().is_none_or(|own| own == filter) || self.has_topic(filter)
    }
}

fn shows(filter: &TrailFilter, event: &Event<'_>) -> bool {
    match event {
        Event::Routed { publish, .. } => filter.has_client(publish.client_id) && filter.has_topic(publish.topic),
        Event::Sent { client_id, message, .. }
        | Event::Acknowledged { client_id, message, .. }
        | Event::Dropped { client_id, message, .. } => {
            filter.has_client(client_id) && filter.has_topic(message.topic())
        }
        Event::Subscribed { client_id, filters, .. } | Event::Unsubscribed { client_id, filters, .. } => {
            filter.has_client(client_id) && filters.iter().any(|text| filter.has_filter(text))
        }
    }
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(LONGEST)].to_owned()
}

fn trailed(what: &'static str, client_id: &str, topic: &str, details: Vec<(&'static str, String)>) -> Trailed {
    Trailed { at: SystemTime::now(), what, client_id: cut(client_id), topic: cut(topic), details }
}

fn describe(event: &Event<'_>) -> Trailed {
    match event {
        Event::Routed { publish, copies, reason, .. } => {
            let details = vec![
                ("qos", (publish.qos as u8).to_string()),
                ("retain", publish.retain.to_string()),
                ("bytes", publish.payload.to_string()),
                ("copies", copies.to_string()),
                ("reason", reason.name().to_owned()),
            ];
            trailed("publish", publish.client_id, publish.topic, details)
        }
        Event::Sent { client_id, message, qos, packet_id, waited, .. } => {
            let mut details = vec![
                ("qos", (*qos as u8).to_string()),
                ("bytes", message.payload().len().to_string()),
                ("waited_ms", waited.as_millis().to_string()),
            ];
            details.extend(packet_id.map(|id| ("packet_id", id.get().to_string())));
            trailed("deliver", client_id, message.topic(), details)
        }
        Event::Acknowledged { client_id, message, packet_id, reason, after, .. } => {
            let details = vec![
                ("packet_id", packet_id.get().to_string()),
                ("reason", reason.name().to_owned()),
                ("after_ms", after.as_millis().to_string()),
            ];
            trailed("acknowledge", client_id, message.topic(), details)
        }
        Event::Dropped { client_id, message, why, .. } => {
            let why = crate::metrics::reason(*why).to_owned();
            trailed("drop", client_id, message.topic(), vec![("reason", why)])
        }
        Event::Subscribed { client_id, filters, reasons, .. } => {
            trailed("subscribe", client_id, &filters.join(" "), vec![("reasons", codes(reasons))])
        }
        Event::Unsubscribed { client_id, filters, reasons, .. } => {
            trailed("unsubscribe", client_id, &filters.join(" "), vec![("reasons", codes(reasons))])
        }
    }
}

fn codes(reasons: &[u8]) -> String {
    reasons.iter().take(LONGEST).map(|code| format!("0x{code:02x}")).collect::<Vec<_>>().join(" ")
}

fn describe_connection(event: &ConnectionEvent<'_>) -> Trailed {
    let mut details = vec![("endpoint", event.endpoint.to_owned()), ("peer", event.peer.to_string())];
    let what = match event.what {
        Happening::Connected { session_present, keep_alive, .. } => {
            details.push(("session_present", session_present.to_string()));
            details.push(("keep_alive", keep_alive.to_string()));
            "connect"
        }
        Happening::Refused { reason, why } => {
            details.extend([("reason", reason.name().to_owned()), ("why", cut(why))]);
            "refuse"
        }
        Happening::Closed { reason, why, by } => {
            details.extend([("reason", reason.name().to_owned()), ("why", cut(why)), ("by", by.name().to_owned())]);
            "close"
        }
    };
    trailed(what, event.client_id.unwrap_or_default(), "", details)
}
