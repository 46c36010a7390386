//! PUBLISH (3.3).

use crate::encode::put_binary;
use crate::properties::Place;
use crate::reader::Reader;
use crate::varint::{put_varint, varint_len};
use crate::{DecodeError, PacketId, PacketType, Properties, PropertyId, QoS, Sender, Version};

const DUP: u8 = 0x08;
const RETAIN: u8 = 0x01;

/// PUBLISH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// Whether it may be a re-send; a hint only (3.3.1.1).
    pub dup: bool,
    /// Quality of Service.
    pub qos: QoS,
    /// RETAIN (3.3.1.3).
    pub retain: bool,
    /// Topic Name, not yet checked for wildcards; empty only beside a Topic Alias.
    pub topic: &'a str,
    /// Present exactly at QoS 1 and 2.
    pub packet_id: Option<PacketId>,
    /// Empty in 3.x.
    pub properties: Properties<'a>,
    /// The Application Message's payload.
    pub payload: &'a [u8],
}

impl<'a> Publish<'a> {
    pub(crate) fn decode(
        first: u8,
        mut reader: Reader<'a>,
        version: Version,
        sender: Sender,
    ) -> Result<Publish<'a>, DecodeError> {
        let qos = QoS::from_bits(first >> 1 & 3).ok_or(DecodeError::malformed("QoS is 3"))?; // [MQTT-3.3.1-4]
        let dup = first & DUP != 0;
        if dup && qos == QoS::AtMostOnce && version != Version::V3 {
            return Err(DecodeError::malformed("DUP is set at QoS 0")); // [MQTT-3.3.1-2]
        }
        let topic = reader.string()?;
        let packet_id = match qos {
            QoS::AtMostOnce => None, // [MQTT-2.2.1-2]
            QoS::AtLeastOnce | QoS::ExactlyOnce => Some(reader.packet_id()?),
        };
        let properties = match version.has_properties() {
            true => Properties::decode(&mut reader, Place::Packet(PacketType::Publish), sender)?,
            false => Properties::NONE,
        };
        if topic.is_empty() && properties.get(PropertyId::TOPIC_ALIAS).is_none() {
            return Err(DecodeError::protocol("Topic Name is empty and there is no Topic Alias"));
        }
        Ok(Publish { dup, qos, retain: first & RETAIN != 0, topic, packet_id, properties, payload: reader.rest() })
    }

    pub(crate) fn outgoing(&self) -> Outgoing<'a> {
        Outgoing {
            dup: self.dup,
            qos: self.qos,
            retain: self.retain,
            topic: self.topic,
            packet_id: self.packet_id,
            topic_alias: None,
            message_expiry_interval: None,
            subscription_ids: &[],
            properties: self.properties.raw(),
            payload: self.payload,
        }
    }
}

/// A PUBLISH put together for one receiver: what all receivers share beside what differs for each.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Set on a re-send.
    pub dup: bool,
    /// Quality of Service of this delivery.
    pub qos: QoS,
    /// RETAIN of this delivery.
    pub retain: bool,
    /// Topic Name; empty where the receiver knows the alias.
    pub topic: &'a str,
    /// Present exactly at QoS 1 and 2.
    pub packet_id: Option<PacketId>,
    /// Topic Alias of this connection.
    pub topic_alias: Option<u16>,
    /// Seconds left.
    pub message_expiry_interval: Option<u32>,
    /// Subscription Identifiers of the matching subscriptions.
    pub subscription_ids: &'a [u32],
    /// All other properties in wire format, unaltered and in order.
    pub properties: &'a [u8],
    /// The payload.
    pub payload: &'a [u8],
}

impl Outgoing<'_> {
    fn property_length(&self) -> usize {
        let ids: usize = self.subscription_ids.iter().map(|&id| 1 + varint_len(id as usize)).sum();
        let alias = if self.topic_alias.is_some() { 3 } else { 0 };
        let expiry = if self.message_expiry_interval.is_some() { 5 } else { 0 };
        ids + alias + expiry + self.properties.len()
    }

    fn remaining_length(&self, version: Version, property_length: usize) -> usize {
        let id = if self.packet_id.is_some() { 2 } else { 0 };
        let properties = if version.has_properties() { varint_len(property_length) + property_length } else { 0 };
        2 + self.topic.len() + id + properties + self.payload.len()
    }

    /// Bytes of the whole packet in `version`, fixed header included.
    pub fn size(&self, version: Version) -> usize {
        let remaining = self.remaining_length(version, self.property_length());
        1 + varint_len(remaining) + remaining
    }

    /// Appends the packet up to and without its payload, so that a large payload need not be copied behind it.
    pub fn encode_head(&self, version: Version, out: &mut Vec<u8>) {
        let property_length = self.property_length();
        let dup = if self.dup { DUP } else { 0 };
        let retain = if self.retain { RETAIN } else { 0 };
        out.push((PacketType::Publish as u8) << 4 | dup | (self.qos as u8) << 1 | retain);
        put_varint(out, self.remaining_length(version, property_length));
        put_binary(out, self.topic.as_bytes());
        if let Some(id) = self.packet_id {
            out.extend_from_slice(&id.get().to_be_bytes());
        }
        if !version.has_properties() {
            return;
        }
        put_varint(out, property_length);
        if let Some(alias) = self.topic_alias {
            out.push(PropertyId::TOPIC_ALIAS.get());
            out.extend_from_slice(&alias.to_be_bytes());
        }
        if let Some(seconds) = self.message_expiry_interval {
            out.push(PropertyId::MESSAGE_EXPIRY_INTERVAL.get());
            out.extend_from_slice(&seconds.to_be_bytes());
        }
        for &id in self.subscription_ids {
            out.push(PropertyId::SUBSCRIPTION_IDENTIFIER.get());
            put_varint(out, id as usize);
        }
        out.extend_from_slice(self.properties);
    }

    /// Appends the whole packet.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        out.reserve(self.size(version));
        self.encode_head(version, out);
        out.extend_from_slice(self.payload);
    }
}
