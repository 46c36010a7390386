//! Messages of the broker's own.

use crate::encode::encode;
use crate::packet::Packet;
use crate::version::Version;
use mqtt_core::{Content, Message, Timestamp};
use mqtt_wire::{Frame, Sender};

/// A message of the broker's own: read as a client's PUBLISH would be.
pub fn message(packet: &Packet, now: Timestamp) -> Result<Message, String> {
    let mut packet = packet.clone();
    if packet.get("qos").is_some() {
        packet.push("id", "1");
    }
    let bytes = encode(&packet, Version::V5)?;
    let frame = mqtt_wire::frame(&bytes, usize::MAX, None).map_err(|error| error.to_string())?;
    let Frame::Complete { body, .. } = frame else { return Err("the packet is not whole".into()) };
    let decoded = mqtt_wire::decode(bytes[0], &bytes[body..], mqtt_wire::Version::V5, Sender::Client);
    match decoded.map_err(|error| error.to_string())? {
        mqtt_wire::Packet::Publish(publish) => {
            let content = Content {
                topic: publish.topic,
                qos: publish.qos,
                retain: publish.retain,
                properties: publish.properties,
                payload: publish.payload,
            };
            Ok(Message::new(&content, now))
        }
        _ => Err("the broker publishes and nothing else".into()),
    }
}
