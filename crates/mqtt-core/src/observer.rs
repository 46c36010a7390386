//! Who watches the broker at work: an [`Observer`] chooses the messages to follow and is told what becomes of them.
//!
//! Without an observer, or while it watches nothing, a message costs one comparison. An observer is called on the path of messages: it must
//! not wait, and not call back into the broker.

use crate::{Counter, Message};
use mqtt_wire::{PacketId, PacketType, Properties, PropertyId, QoS, ReasonCode, Value, Version};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Every how many publishes of a worker one is shown to an observer that watches nothing in particular.
pub const SAMPLE: u32 = 64;

/// The place of a message in a trace (W3C Trace Context), and what its observer keeps with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The trace; 0 where the message is followed without being traced.
    pub trace_id: u128,
    /// The span of the publish, which deliveries are children of.
    pub span_id: u64,
    /// The span that the publisher named as its own, 0 for none.
    pub parent_id: u64,
    /// The publisher's `tracestate`, passed on as it is.
    pub state: Option<Box<str>>,
    /// Nanoseconds since the Unix epoch when the observer saw the PUBLISH.
    pub started: u64,
    /// The observer's own marks.
    pub marks: u8,
}

/// What the receivers of a followed message find as its trace context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// What the publisher sent, as the standard demands [MQTT-3.3.2-17].
    #[default]
    Untouched,
    /// The publish span's own, where the publisher sent none: `traceparent` is appended to the user properties.
    Appended,
    /// The publish span's own: `traceparent` takes the place of the publisher's.
    Rewritten,
}

/// The observer's wish to follow a message.
#[derive(Clone, Debug, Default)]
pub struct Follow {
    /// Kept with the message.
    pub trace: Box<Trace>,
    /// What receivers see.
    pub propagation: Propagation,
}

/// A PUBLISH as it came in.
#[derive(Clone, Copy, Debug)]
pub struct Publishing<'a> {
    /// Its publisher.
    pub client_id: &'a str,
    /// The publisher's protocol version.
    pub version: Version,
    /// Topic Name, aliases resolved.
    pub topic: &'a str,
    /// QoS.
    pub qos: QoS,
    /// RETAIN.
    pub retain: bool,
    /// DUP.
    pub dup: bool,
    /// Packet Identifier, for QoS 1 and 2.
    pub packet_id: Option<PacketId>,
    /// Its properties.
    pub properties: Properties<'a>,
    /// Bytes of the payload.
    pub payload: usize,
    /// Whether it is the one in [`SAMPLE`].
    pub in_sample: bool,
}

/// Where a delivery came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// From its publisher, at once or after a wait in the session's inbox.
    Published,
    /// From the retained store.
    Retained,
}

/// What happened to a message that is followed, or to a session.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A PUBLISH was routed and its answer put out; told of followed messages and of those in the sample.
    Routed {
        /// Kept with the message, if it is followed.
        trace: Option<&'a Trace>,
        /// The PUBLISH.
        publish: &'a Publishing<'a>,
        /// Sessions that a copy was made for.
        copies: u32,
        /// The answer by reason code, sent or not.
        reason: ReasonCode,
    },
    /// A followed message was put out to a subscriber.
    Sent {
        /// Kept with the message.
        trace: &'a Trace,
        /// Its receiver.
        client_id: &'a str,
        /// The message.
        message: &'a Message,
        /// QoS of the delivery.
        qos: QoS,
        /// Packet Identifier, for QoS 1 and 2.
        packet_id: Option<PacketId>,
        /// Where it came from.
        source: Source,
        /// The share group it came through.
        share: Option<&'a str>,
        /// Time since the broker received it.
        waited: Duration,
    },
    /// A followed message was acknowledged by a subscriber: PUBACK, or PUBREC of QoS 2.
    Acknowledged {
        /// Kept with the message.
        trace: &'a Trace,
        /// Its receiver.
        client_id: &'a str,
        /// The message.
        message: &'a Message,
        /// Its Packet Identifier.
        packet_id: PacketId,
        /// PUBACK or PUBREC.
        packet: PacketType,
        /// The receiver's code.
        reason: ReasonCode,
        /// Time since it was sent.
        after: Duration,
    },
    /// A copy of a followed message was dropped.
    Dropped {
        /// Kept with the message.
        trace: &'a Trace,
        /// Its receiver.
        client_id: &'a str,
        /// The message.
        message: &'a Message,
        /// Why.
        why: Counter,
    },
    /// SUBSCRIBE was answered.
    Subscribed {
        /// The subscriber.
        client_id: &'a str,
        /// Its protocol version.
        version: Version,
        /// The properties of SUBSCRIBE.
        properties: Properties<'a>,
        /// The filters, in order.
        filters: &'a [&'a str],
        /// The codes of SUBACK, in order.
        reasons: &'a [u8],
    },
    /// UNSUBSCRIBE was answered.
    Unsubscribed {
        /// The subscriber.
        client_id: &'a str,
        /// Its protocol version.
        version: Version,
        /// The properties of UNSUBSCRIBE.
        properties: Properties<'a>,
        /// The filters, in order.
        filters: &'a [&'a str],
        /// The codes of UNSUBACK, in order.
        reasons: &'a [u8],
    },
}

/// Watches a broker.
pub trait Observer: Send + Sync {
    /// A PUBLISH has come in. Called for one in [`SAMPLE`], and for all while the broker is watched; then whoever wants to know
    /// more of the message follows it.
    fn on_publish(&self, publish: &Publishing<'_>) -> Option<Follow> {
        let _ = publish;
        None
    }

    /// Something happened: to followed messages, and to subscriptions while the broker is watched.
    fn on_event(&self, event: &Event<'_>) {
        let _ = event;
    }
}

/// The observer of a broker, and whether it wants to see everything.
#[derive(Default)]
pub struct Watch {
    observer: OnceLock<Arc<dyn Observer>>,
    on: AtomicBool,
}

impl Watch {
    /// Sets the observer, once; a second one is not taken.
    pub fn set(&self, observer: Arc<dyn Observer>) {
        let _ = self.observer.set(observer);
    }

    /// From now on the observer sees every publish and every subscription, or only the sample.
    pub fn switch(&self, on: Switch) {
        self.on.store(on == Switch::Everything, Ordering::Relaxed);
    }

    /// The observer while it sees everything.
    #[inline]
    pub(crate) fn everything(&self) -> Option<&dyn Observer> {
        if self.on.load(Ordering::Relaxed) { self.observer() } else { None }
    }

    /// The observer.
    #[inline]
    pub(crate) fn observer(&self) -> Option<&dyn Observer> {
        self.observer.get().map(AsRef::as_ref)
    }
}

/// How much an observer sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Every publish and every subscription.
    Everything,
    /// One publish in [`SAMPLE`].
    Sample,
}

/// Name of the user property that carries trace context.
pub const TRACEPARENT: &str = "traceparent";

impl Trace {
    /// The `traceparent` of the publish span, sampled (W3C Trace Context, 3.2.2).
    pub fn header(&self) -> String {
        format!("00-{:032x}-{:016x}-01", self.trace_id, self.span_id)
    }
}

impl Propagation {
    /// Whether a property of the publisher's is left out.
    pub(crate) fn replaces(self, id: PropertyId, value: &Value<'_>) -> bool {
        self == Propagation::Rewritten
            && id == PropertyId::USER_PROPERTY
            && matches!(value, Value::Pair(name, _) if *name == TRACEPARENT)
    }
}
