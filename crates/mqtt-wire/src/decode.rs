//! Bytes to packets.

use crate::properties::Place;
use crate::reader::Reader;
use crate::{
    Ack, Auth, ConnAck, Connect, DecodeError, Disconnect, Packet, PacketType, Properties, PropertyId, Publish,
    ReasonCode, SubAck, Subscribe, UnsubAck, Unsubscribe, Version,
};

/// Who sent the packet: some are legal in one direction only, and some properties too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A client; the reader is a server.
    Client,
    /// A server; the reader is a client.
    Server,
}

/// Decodes the packet with fixed header byte `first` and the given `body`, as [`frame`](crate::frame) cut it.
///
/// `version` is that of the connection; CONNECT brings its own and may be read with any.
///
/// # Errors
/// What is wrong and the code of 4.13 for it. The packet type is filled in where the first byte names one.
pub fn decode<'a>(first: u8, body: &'a [u8], version: Version, sender: Sender) -> Result<Packet<'a>, DecodeError> {
    let Some(packet) = PacketType::from_first_byte(first) else {
        return Err(DecodeError::malformed("packet type 0 is forbidden"));
    };
    decode_body(packet, first, Reader::new(body), version, sender)
        .map_err(|error| DecodeError { packet: Some(packet), ..error })
}

fn decode_body<'a>(
    packet: PacketType,
    first: u8,
    mut reader: Reader<'a>,
    version: Version,
    sender: Sender,
) -> Result<Packet<'a>, DecodeError> {
    if packet == PacketType::Publish {
        return Publish::decode(first, reader, version, sender).map(Packet::Publish);
    }
    check_direction(packet, version, sender)?;
    if packet == PacketType::Connect {
        return Connect::decode(first, reader).map(Packet::Connect);
    }
    check_flags(packet, first & 0x0F, version)?;
    let decoded = match packet {
        PacketType::Subscribe => return Subscribe::decode(reader, version).map(Packet::Subscribe),
        PacketType::Unsubscribe => return Unsubscribe::decode(reader, version).map(Packet::Unsubscribe),
        PacketType::Connect | PacketType::Publish => unreachable!("returned above"),
        PacketType::PubAck => Packet::PubAck(ack(&mut reader, packet, version, sender)?),
        PacketType::PubRec => Packet::PubRec(ack(&mut reader, packet, version, sender)?),
        PacketType::PubRel => Packet::PubRel(ack(&mut reader, packet, version, sender)?),
        PacketType::PubComp => Packet::PubComp(ack(&mut reader, packet, version, sender)?),
        PacketType::ConnAck => Packet::ConnAck(connack(&mut reader, version, sender)?),
        PacketType::SubAck => {
            let (packet_id, properties, reasons) = answer(&mut reader, packet, version, sender)?;
            Packet::SubAck(SubAck { packet_id, properties, reasons })
        }
        PacketType::UnsubAck => {
            let (packet_id, properties, reasons) = answer(&mut reader, packet, version, sender)?;
            Packet::UnsubAck(UnsubAck { packet_id, properties, reasons })
        }
        PacketType::PingReq => Packet::PingReq,
        PacketType::PingResp => Packet::PingResp,
        PacketType::Disconnect => Packet::Disconnect(disconnect(&mut reader, version, sender)?),
        PacketType::Auth => Packet::Auth(auth(&mut reader, sender)?),
    };
    if !reader.is_empty() {
        return Err(DecodeError::malformed("bytes left over after the packet"));
    }
    Ok(decoded)
}

/// [MQTT-2.1.3-1]: the lower nibble is 0010 for three types and 0000 for the others. 3.1 disregards it (MQTT31-12, MQTT31-13).
pub(crate) fn check_flags(packet: PacketType, flags: u8, version: Version) -> Result<(), DecodeError> {
    let expected = match packet {
        PacketType::PubRel | PacketType::Subscribe | PacketType::Unsubscribe => 0b0010,
        _ => 0,
    };
    if flags != expected && version != Version::V3 {
        return Err(DecodeError::malformed("reserved flags of the fixed header are wrong"));
    }
    Ok(())
}

fn check_direction(packet: PacketType, version: Version, sender: Sender) -> Result<(), DecodeError> {
    use PacketType::*;
    let from = match packet {
        Connect | Subscribe | Unsubscribe | PingReq => Some(Sender::Client),
        ConnAck | SubAck | UnsubAck | PingResp => Some(Sender::Server),
        Disconnect if !version.has_properties() => Some(Sender::Client),
        Auth if !version.has_properties() => return Err(DecodeError::malformed("AUTH does not exist before 5.0")),
        _ => None,
    };
    match from {
        Some(side) if side != sender => Err(DecodeError::protocol("packet type is not sent in this direction")),
        _ => Ok(()),
    }
}

/// The reason code byte of `packet`, if its list (table 2-6) has it.
fn reason(byte: u8, packet: PacketType, sender: Sender) -> Result<ReasonCode, DecodeError> {
    use PacketType::*;
    let listed = match packet {
        PubAck | PubRec => matches!(byte, 0x00 | 0x10 | 0x80 | 0x83 | 0x87 | 0x90 | 0x91 | 0x97 | 0x99),
        PubRel | PubComp => matches!(byte, 0x00 | 0x92),
        ConnAck => byte == 0 || matches!(byte, 0x80..=0x8A | 0x8C | 0x90 | 0x95 | 0x97 | 0x99..=0x9D | 0x9F),
        Auth => byte == 0x18 || byte == if sender == Sender::Server { 0x00 } else { 0x19 },
        Disconnect if sender == Sender::Client => {
            matches!(byte, 0x00 | 0x04 | 0x80..=0x83 | 0x90 | 0x93..=0x99)
        }
        Disconnect => matches!(byte, 0x00 | 0x80..=0x83 | 0x87 | 0x89 | 0x8B..=0x90 | 0x93..=0xA2),
        _ => true,
    };
    let known = ReasonCode::from_u8(byte).filter(|_| listed);
    known.ok_or(DecodeError::protocol("Reason Code is not one of this packet's"))
}

fn ack<'a>(
    reader: &mut Reader<'a>,
    packet: PacketType,
    version: Version,
    sender: Sender,
) -> Result<Ack<'a>, DecodeError> {
    let packet_id = reader.packet_id()?;
    // Short forms: without a code it is Success, without a Property Length there are no properties (3.4.2.1, 3.4.2.2.1).
    if !version.has_properties() || reader.is_empty() {
        return Ok(Ack::new(packet_id, ReasonCode::Success));
    }
    let reason = reason(reader.u8()?, packet, sender)?;
    let properties = tail_properties(reader, packet, sender)?;
    Ok(Ack { packet_id, reason, properties })
}

fn tail_properties<'a>(
    reader: &mut Reader<'a>,
    packet: PacketType,
    sender: Sender,
) -> Result<Properties<'a>, DecodeError> {
    if reader.is_empty() {
        return Ok(Properties::NONE);
    }
    Properties::decode(reader, Place::Packet(packet), sender)
}

fn connack<'a>(reader: &mut Reader<'a>, version: Version, sender: Sender) -> Result<ConnAck<'a>, DecodeError> {
    let flags = reader.u8()?;
    if flags > 1 && version != Version::V3 {
        return Err(DecodeError::malformed("reserved bits of the Connect Acknowledge Flags are set")); // [MQTT-3.2.2-1]
    }
    let session_present = flags & 1 == 1 && version != Version::V3; // MQTT31-06
    let byte = reader.u8()?;
    if session_present && byte != 0 {
        return Err(DecodeError::protocol("Session Present is set in a refusal")); // [MQTT-3.2.2-6]
    }
    if version.has_properties() {
        let reason = reason(byte, PacketType::ConnAck, sender)?;
        let properties = Properties::decode(reader, Place::Packet(PacketType::ConnAck), sender)?;
        return Ok(ConnAck { session_present, reason, properties });
    }
    let reason = match byte {
        0 => ReasonCode::Success,
        1 => ReasonCode::UnsupportedProtocolVersion,
        2 => ReasonCode::ClientIdentifierNotValid,
        3 => ReasonCode::ServerUnavailable,
        4 => ReasonCode::BadUserNameOrPassword,
        5 => ReasonCode::NotAuthorized,
        _ => return Err(DecodeError::protocol("Connect Return code is above 5")),
    };
    Ok(ConnAck { session_present, reason, properties: Properties::NONE })
}

/// SUBACK and UNSUBACK share their shape.
#[allow(clippy::type_complexity)]
fn answer<'a>(
    reader: &mut Reader<'a>,
    packet: PacketType,
    version: Version,
    sender: Sender,
) -> Result<(crate::PacketId, Properties<'a>, &'a [u8]), DecodeError> {
    let packet_id = reader.packet_id()?;
    let properties = match version.has_properties() {
        true => Properties::decode(reader, Place::Packet(packet), sender)?,
        false => Properties::NONE,
    };
    let reasons = reader.rest();
    let bare = packet == PacketType::UnsubAck && !version.has_properties();
    if reasons.is_empty() != bare {
        return Err(DecodeError::malformed("wrong number of Reason Codes"));
    }
    let legal = |byte: &u8| match (packet, version) {
        (PacketType::SubAck, Version::V3) => matches!(byte, 0..=2), // MQTT31-17
        (PacketType::SubAck, Version::V311) => matches!(byte, 0..=2 | 0x80), // [MQTT-3.9.3-2]
        (PacketType::SubAck, Version::V5) => {
            matches!(byte, 0..=2 | 0x80 | 0x83 | 0x87 | 0x8F | 0x91 | 0x97 | 0x9E | 0xA1 | 0xA2)
        }
        _ => matches!(byte, 0x00 | 0x11 | 0x80 | 0x83 | 0x87 | 0x8F | 0x91),
    };
    if !reasons.iter().all(legal) {
        return Err(DecodeError::protocol("Reason Code is not one of this packet's"));
    }
    reader.take(reasons.len())?;
    Ok((packet_id, properties, reasons))
}

fn disconnect<'a>(reader: &mut Reader<'a>, version: Version, sender: Sender) -> Result<Disconnect<'a>, DecodeError> {
    if !version.has_properties() || reader.is_empty() {
        return Ok(Disconnect { reason: ReasonCode::Success, properties: Properties::NONE });
    }
    let reason = reason(reader.u8()?, PacketType::Disconnect, sender)?;
    Ok(Disconnect { reason, properties: tail_properties(reader, PacketType::Disconnect, sender)? })
}

fn auth<'a>(reader: &mut Reader<'a>, sender: Sender) -> Result<Auth<'a>, DecodeError> {
    let (reason, properties) = match reader.is_empty() {
        true => (ReasonCode::Success, Properties::NONE),
        false => {
            let reason = reason(reader.u8()?, PacketType::Auth, sender)?;
            (reason, tail_properties(reader, PacketType::Auth, sender)?)
        }
    };
    if properties.get(PropertyId::AUTHENTICATION_METHOD).is_none() {
        return Err(DecodeError::protocol("AUTH without Authentication Method"));
    }
    Ok(Auth { reason, properties })
}
