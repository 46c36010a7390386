//! The Will Message of a connection (3.1.2.5).

use crate::message::Content;
use crate::{Message, Timestamp};
use mqtt_wire::{PropertyBuf, PropertyId, QoS};

/// A will as CONNECT brought it. Its message is made when it is published: the Message Expiry Interval counts from then.
#[derive(Clone, Debug)]
pub struct Will {
    topic: Box<str>,
    payload: Box<[u8]>,
    properties: PropertyBuf,
    qos: QoS,
    retain: bool,
    delay: u32,
}

impl Will {
    pub(crate) fn new(will: &mqtt_wire::Will<'_>) -> Will {
        let mut properties = PropertyBuf::new();
        properties.extend(will.properties);
        Will {
            topic: will.topic.into(),
            payload: will.payload.into(),
            properties,
            qos: will.qos,
            retain: will.retain,
            delay: will.properties.number(PropertyId::WILL_DELAY_INTERVAL).unwrap_or(0),
        }
    }

    /// Will Delay Interval in seconds.
    pub fn delay(&self) -> u32 {
        self.delay
    }

    /// The message to publish at `now`.
    pub fn message(&self, now: Timestamp) -> Message {
        let content = Content {
            topic: &self.topic,
            qos: self.qos,
            retain: self.retain,
            properties: self.properties.as_properties(),
            payload: &self.payload,
        };
        Message::new(&content, now)
    }
}
