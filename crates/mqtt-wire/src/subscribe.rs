//! SUBSCRIBE (3.8) and UNSUBSCRIBE (3.10).

use crate::properties::Place;
use crate::reader::Reader;
use crate::{DecodeError, PacketId, PacketType, Properties, QoS, Sender, Version};
use std::borrow::Cow;

/// When retained messages are sent for a subscription (3.8.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RetainHandling {
    /// On every SUBSCRIBE.
    #[default]
    Send = 0,
    /// Only if the subscription is new.
    SendIfNew = 1,
    /// Never.
    DoNotSend = 2,
}

/// Subscription Options (3.8.3.1); 3.x has the QoS alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SubscriptionOptions {
    /// Maximum QoS.
    pub qos: QoS,
    /// No Local: the client's own messages do not come back.
    pub no_local: bool,
    /// Retain As Published: RETAIN is forwarded as it came.
    pub retain_as_published: bool,
    /// Retain Handling.
    pub retain_handling: RetainHandling,
}

impl SubscriptionOptions {
    /// The options byte of 5.0; its lower two bits are the 3.x one.
    pub fn to_byte(self) -> u8 {
        self.qos as u8
            | u8::from(self.no_local) << 2
            | u8::from(self.retain_as_published) << 3
            | (self.retain_handling as u8) << 4
    }

    /// Reads the options byte of `version`.
    ///
    /// # Errors
    /// 0x81 for reserved bits and, in 3.x, QoS 3; 0x82 for QoS 3 or Retain Handling 3 in 5.0.
    pub fn from_byte(byte: u8, version: Version) -> Result<SubscriptionOptions, DecodeError> {
        if !version.has_properties() {
            // [MQTT-3-8.3-4]; 3.1 disregards the reserved bits (MQTT31-12)
            let bits = if version == Version::V3 { byte & 3 } else { byte };
            let qos = QoS::from_bits(bits).ok_or(DecodeError::malformed("requested QoS byte is above 2"))?;
            return Ok(SubscriptionOptions { qos, ..SubscriptionOptions::default() });
        }
        if byte & 0xC0 != 0 {
            return Err(DecodeError::malformed("reserved bits of the Subscription Options are set")); // [MQTT-3.8.3-5]
        }
        let qos = QoS::from_bits(byte & 3).ok_or(DecodeError::protocol("Maximum QoS is 3"))?;
        let retain_handling = match byte >> 4 & 3 {
            0 => RetainHandling::Send,
            1 => RetainHandling::SendIfNew,
            2 => RetainHandling::DoNotSend,
            _ => return Err(DecodeError::protocol("Retain Handling is 3")),
        };
        let (no_local, retain_as_published) = (byte & 0x04 != 0, byte & 0x08 != 0);
        Ok(SubscriptionOptions { qos, no_local, retain_as_published, retain_handling })
    }
}

/// One Topic Filter of a SUBSCRIBE with its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscribeEntry<'a> {
    /// The filter, not yet checked against 4.7: a bad one fails alone, not the packet.
    pub filter: &'a str,
    /// Its options.
    pub options: SubscriptionOptions,
}

/// SUBSCRIBE. The entries stay in wire format and have been checked to be whole.
#[derive(Clone, Copy, Debug)]
pub struct Subscribe<'a> {
    /// Repeated in the SUBACK.
    pub packet_id: PacketId,
    /// Empty in 3.x.
    pub properties: Properties<'a>,
    raw: &'a [u8],
    version: Version,
}

/// Equal in what it asks for; bits that 3.1 disregards do not count.
impl PartialEq for Subscribe<'_> {
    fn eq(&self, other: &Subscribe<'_>) -> bool {
        self.packet_id == other.packet_id && self.properties == other.properties && self.entries().eq(other.entries())
    }
}

impl Eq for Subscribe<'_> {}

/// Appends an entry in wire format; the two low bits of the options byte are also the 3.x byte.
fn put_entry(raw: &mut Vec<u8>, entry: &SubscribeEntry<'_>, version: Version) {
    crate::encode::put_binary(raw, entry.filter.as_bytes());
    let byte = entry.options.to_byte();
    raw.push(if version.has_properties() { byte } else { byte & 3 });
}

impl<'a> Subscribe<'a> {
    /// Puts a SUBSCRIBE together; `raw` is a scratch buffer that takes the entries.
    pub fn new(
        packet_id: PacketId,
        properties: Properties<'a>,
        entries: &[SubscribeEntry<'_>],
        version: Version,
        raw: &'a mut Vec<u8>,
    ) -> Subscribe<'a> {
        raw.clear();
        entries.iter().for_each(|entry| put_entry(raw, entry, version));
        Subscribe { packet_id, properties, raw, version }
    }

    /// The filters with their options, in order, at least one.
    pub fn entries(&self) -> impl Iterator<Item = SubscribeEntry<'a>> {
        let (mut reader, version) = (Reader::new(self.raw), self.version);
        std::iter::from_fn(move || next_entry(&mut reader, version).ok())
    }

    /// The entries in the wire format of `version`. A 3.x payload is written anew: what was read may hold bits that mean nothing there.
    pub(crate) fn payload(&self, version: Version) -> Cow<'a, [u8]> {
        if version.has_properties() && self.version == version {
            return Cow::Borrowed(self.raw);
        }
        let mut raw = Vec::with_capacity(self.raw.len());
        self.entries().for_each(|entry| put_entry(&mut raw, &entry, version));
        Cow::Owned(raw)
    }

    pub(crate) fn decode(mut reader: Reader<'a>, version: Version) -> Result<Subscribe<'a>, DecodeError> {
        let packet_id = reader.packet_id()?;
        let properties = match version.has_properties() {
            true => Properties::decode(&mut reader, Place::Packet(PacketType::Subscribe), Sender::Client)?,
            false => Properties::NONE,
        };
        let raw = reader.rest();
        if raw.is_empty() {
            return Err(DecodeError::protocol("no Topic Filter")); // [MQTT-3.8.3-2]
        }
        while !reader.is_empty() {
            next_entry(&mut reader, version)?;
        }
        Ok(Subscribe { packet_id, properties, raw, version })
    }
}

fn next_entry<'a>(reader: &mut Reader<'a>, version: Version) -> Result<SubscribeEntry<'a>, DecodeError> {
    let filter = reader.string()?;
    Ok(SubscribeEntry { filter, options: SubscriptionOptions::from_byte(reader.u8()?, version)? })
}

/// UNSUBSCRIBE. The filters stay in wire format and have been checked to be whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsubscribe<'a> {
    /// Repeated in the UNSUBACK.
    pub packet_id: PacketId,
    /// Empty in 3.x.
    pub properties: Properties<'a>,
    pub(crate) raw: &'a [u8],
}

impl<'a> Unsubscribe<'a> {
    /// Puts an UNSUBSCRIBE together; `raw` is a scratch buffer that takes the filters.
    pub fn new(
        packet_id: PacketId,
        properties: Properties<'a>,
        filters: &[&str],
        raw: &'a mut Vec<u8>,
    ) -> Unsubscribe<'a> {
        raw.clear();
        filters.iter().for_each(|filter| crate::encode::put_binary(raw, filter.as_bytes()));
        Unsubscribe { packet_id, properties, raw }
    }

    /// The filters in order, at least one, not yet checked against 4.7.
    pub fn filters(&self) -> impl Iterator<Item = &'a str> {
        let mut reader = Reader::new(self.raw);
        std::iter::from_fn(move || reader.string().ok())
    }

    pub(crate) fn decode(mut reader: Reader<'a>, version: Version) -> Result<Unsubscribe<'a>, DecodeError> {
        let packet_id = reader.packet_id()?;
        let properties = match version.has_properties() {
            true => Properties::decode(&mut reader, Place::Packet(PacketType::Unsubscribe), Sender::Client)?,
            false => Properties::NONE,
        };
        let raw = reader.rest();
        if raw.is_empty() {
            return Err(DecodeError::protocol("no Topic Filter")); // [MQTT-3.10.3-2]
        }
        while !reader.is_empty() {
            reader.string()?;
        }
        Ok(Unsubscribe { packet_id, properties, raw })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_byte_is_read_bit_by_bit() {
        for byte in 0..=u8::MAX {
            let legal = byte & 0xC0 == 0 && byte & 0x03 != 3 && byte & 0x30 != 0x30;
            let read = SubscriptionOptions::from_byte(byte, Version::V5);
            assert_eq!(read.is_ok(), legal, "{byte:#04x}");
            let Ok(options) = read else { continue };
            assert_eq!(options.to_byte(), byte);
            assert_eq!(options.no_local, byte & 0x04 == 0x04);
            assert_eq!(options.retain_as_published, byte & 0x08 == 0x08);
            assert_eq!(options.retain_handling as u8, byte >> 4);
            assert_eq!(options.qos as u8, byte & 3);
        }
    }

    #[test]
    fn before_5_the_byte_is_the_qos_alone() {
        for byte in 0..=u8::MAX {
            assert_eq!(SubscriptionOptions::from_byte(byte, Version::V311).is_ok(), byte < 3, "{byte:#04x}");
            let lenient = SubscriptionOptions::from_byte(byte, Version::V3);
            assert_eq!(lenient.map(SubscriptionOptions::to_byte).ok(), Some(byte & 3).filter(|qos| *qos < 3));
        }
    }

    #[test]
    fn requests_are_equal_by_all_they_ask_for() {
        let (one, two) = (PacketId::new(1).unwrap(), PacketId::new(2).unwrap());
        let entry = |filter, qos| SubscribeEntry { filter, options: SubscriptionOptions { qos, ..Default::default() } };
        let mut raws: [Vec<u8>; 4] = Default::default();
        let [a, b, c, d] = &mut raws;
        let subscribe =
            |id, filter, qos, raw| Subscribe::new(id, Properties::NONE, &[entry(filter, qos)], Version::V5, raw);
        let first = subscribe(one, "a", QoS::AtMostOnce, a);
        assert_eq!(first, first);
        assert_ne!(first, subscribe(two, "a", QoS::AtMostOnce, b));
        assert_ne!(first, subscribe(one, "b", QoS::AtMostOnce, c));
        assert_ne!(first, subscribe(one, "a", QoS::AtLeastOnce, d));
    }

    #[test]
    fn a_request_is_written_in_the_version_asked_for() {
        let options = SubscriptionOptions { qos: QoS::AtLeastOnce, no_local: true, ..Default::default() };
        let (id, mut raw, mut out) = (PacketId::new(1).unwrap(), Vec::new(), Vec::new());
        let entries = [SubscribeEntry { filter: "a", options }];
        let subscribe = Subscribe::new(id, Properties::NONE, &entries, Version::V5, &mut raw);
        crate::Packet::Subscribe(subscribe).encode(Version::V311, &mut out);
        assert_eq!(out, [0x82, 6, 0, 1, 0, 1, b'a', 1]);
    }
}
