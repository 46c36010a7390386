//! An Application Message: immutable, shared by everyone it is delivered to, one allocation.

use crate::{Follow, Propagation, TRACEPARENT, Timestamp, Trace};
use mqtt_wire::{Properties, PropertyBuf, PropertyId, QoS, Value};
use std::cell::RefCell;
use triomphe::ThinArc;

/// What is fixed about a message; its texts follow in the same allocation: topic, properties, payload.
#[derive(Debug)]
struct Head {
    received: Timestamp,
    expiry: Option<u32>,
    properties_len: u32,
    topic_len: u16,
    qos: QoS,
    retain: bool,
    trace: Option<Box<Trace>>,
}

/// A shared Application Message. Cloning costs a counter.
#[derive(Clone, Debug)]
pub struct Message(ThinArc<Head, u8>);

/// Bytes a message takes beside its texts: counter, head, length, and the allocator's rounding.
const OVERHEAD: usize = 72;

thread_local! {
    /// Texts are put together here, then copied once into an allocation of exactly their size.
    static TEXTS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What a message is made of.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// Topic Name, checked.
    pub topic: &'a str,
    /// QoS it was published with.
    pub qos: QoS,
    /// RETAIN as published.
    pub retain: bool,
    /// The properties of the PUBLISH or the will. Those that belong to one hop or are kept apart (Topic Alias, Message Expiry Interval, Will
    /// Delay Interval) are not part of the message.
    pub properties: Properties<'a>,
    /// The payload.
    pub payload: &'a [u8],
}

impl Message {
    /// Copies `content`, received at `now`, from which its Message Expiry Interval counts.
    pub fn new(content: &Content<'_>, now: Timestamp) -> Message {
        Message::followed(content, None, now)
    }

    /// The same for a message that an observer wants to follow.
    pub fn followed(content: &Content<'_>, follow: Option<Follow>, now: Timestamp) -> Message {
        TEXTS.with_borrow_mut(|texts| {
            texts.clear();
            texts.extend_from_slice(content.topic.as_bytes());
            let propagation = follow.as_ref().map_or(Propagation::Untouched, |follow| follow.propagation);
            let expiry = forward(content.properties, propagation, texts);
            if let Some(follow) = follow.as_ref().filter(|_| propagation != Propagation::Untouched) {
                let mut property = PropertyBuf::new();
                property.push(PropertyId::USER_PROPERTY, Value::Pair(TRACEPARENT, &follow.trace.header()));
                texts.extend_from_slice(property.as_properties().raw());
            }
            let head = Head {
                received: now,
                expiry,
                properties_len: (texts.len() - content.topic.len()) as u32,
                topic_len: content.topic.len() as u16,
                qos: content.qos,
                retain: content.retain,
                trace: follow.map(|follow| follow.trace),
            };
            texts.extend_from_slice(content.payload);
            let message = Message(ThinArc::from_header_and_slice(head, texts));
            if texts.capacity() > 64 * 1024 {
                *texts = Vec::new(); // one large message must not leave a large buffer on every worker
            }
            message
        })
    }

    fn head(&self) -> &Head {
        &self.0.header.header
    }

    /// Topic Name as bytes, valid UTF-8.
    pub fn topic_bytes(&self) -> &[u8] {
        &self.0.slice[..self.head().topic_len as usize]
    }

    /// Topic Name.
    pub fn topic(&self) -> &str {
        std::str::from_utf8(self.topic_bytes()).expect("a message is made from a checked topic")
    }

    /// The properties that are forwarded unaltered and in order, in wire format.
    pub fn properties(&self) -> &[u8] {
        let start = self.head().topic_len as usize;
        &self.0.slice[start..start + self.head().properties_len as usize]
    }

    /// Payload.
    pub fn payload(&self) -> &[u8] {
        &self.0.slice[self.head().topic_len as usize + self.head().properties_len as usize..]
    }

    /// QoS it was published with.
    pub fn qos(&self) -> QoS {
        self.head().qos
    }

    /// RETAIN as published.
    pub fn retain(&self) -> bool {
        self.head().retain
    }

    /// What an observer keeps with it, if one follows it.
    pub fn trace(&self) -> Option<&Trace> {
        self.head().trace.as_deref()
    }

    /// When the broker received it.
    pub fn received(&self) -> Timestamp {
        self.head().received
    }

    /// Bytes it takes in memory, for budgets.
    pub fn footprint(&self) -> usize {
        self.0.slice.len() + OVERHEAD
    }

    /// Whether its Message Expiry Interval has passed [MQTT-3.3.2-5].
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.head().expiry.is_some_and(|seconds| self.head().received.plus_seconds(seconds) <= now)
    }

    /// The Message Expiry Interval to forward: what was received less the seconds spent here [MQTT-3.3.2-6].
    pub fn remaining_expiry(&self, now: Timestamp) -> Option<u32> {
        self.head().expiry.map(|seconds| seconds.saturating_sub(now.seconds_since(self.head().received)))
    }

    /// Whether both are the same message, not only equal ones.
    pub fn is_same(&self, other: &Message) -> bool {
        std::ptr::eq(self.0.as_ptr(), other.0.as_ptr())
    }
}

/// Copies the properties that go on to receivers; returns the Message Expiry Interval.
fn forward(properties: Properties<'_>, propagation: Propagation, texts: &mut Vec<u8>) -> Option<u32> {
    let mut expiry = None;
    if properties.is_empty() {
        return expiry;
    }
    for (property, bytes) in properties.spans() {
        match (property.id, property.value) {
            (PropertyId::MESSAGE_EXPIRY_INTERVAL, Value::U32(seconds)) => expiry = Some(seconds),
            (PropertyId::TOPIC_ALIAS | PropertyId::WILL_DELAY_INTERVAL, _) => {}
            (id, value) if propagation.replaces(id, &value) => {}
            _ => texts.extend_from_slice(bytes),
        }
    }
    expiry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_one_hop_is_left_out_and_the_rest_keeps_its_order() {
        let mut properties = PropertyBuf::new();
        properties.push(PropertyId::USER_PROPERTY, Value::Pair("b", "1"));
        properties.push(PropertyId::TOPIC_ALIAS, Value::U16(3));
        properties.push(PropertyId::MESSAGE_EXPIRY_INTERVAL, Value::U32(10));
        properties.push(PropertyId::USER_PROPERTY, Value::Pair("a", "2"));
        let content = Content {
            topic: "t/é",
            qos: QoS::AtLeastOnce,
            retain: true,
            properties: properties.as_properties(),
            payload: b"payload",
        };
        let message = Message::new(&content, Timestamp::from_millis(500));

        let mut forwarded = PropertyBuf::new();
        forwarded.push(PropertyId::USER_PROPERTY, Value::Pair("b", "1"));
        forwarded.push(PropertyId::USER_PROPERTY, Value::Pair("a", "2"));
        assert_eq!(message.properties(), forwarded.as_properties().raw());
        assert_eq!((message.topic(), message.payload()), ("t/é", &b"payload"[..]));
        assert_eq!(message.remaining_expiry(Timestamp::from_millis(3_499)), Some(8));
        assert!(!message.is_expired(Timestamp::from_millis(10_499)));
        assert!(message.is_expired(Timestamp::from_millis(10_500)));
    }
}
