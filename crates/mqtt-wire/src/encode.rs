//! Packets to bytes.

use crate::connect::flag;
use crate::varint::{put_varint, varint_len};
use crate::{Ack, ConnAck, Connect, Packet, PacketType, Properties, ReasonCode, Version};

/// Appends Binary Data or a string: two bytes of length, then the bytes. Callers hold at most 65,535 of them.
pub(crate) fn put_binary(out: &mut Vec<u8>, bytes: &[u8]) {
    debug_assert!(bytes.len() <= usize::from(u16::MAX));
    out.extend_from_slice(&(bytes.len() as u16).to_be_bytes());
    out.extend_from_slice(bytes);
}

impl Packet<'_> {
    /// Appends the packet in the format of `version`.
    ///
    /// What a version has no words for is left out: properties and reason codes in 3.x, and there DISCONNECT with a failure, AUTH, and a
    /// CONNACK whose reason has no return code write nothing at all.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        use PacketType as Type;
        match self {
            Packet::Connect(connect) => encode_connect(connect, out),
            Packet::ConnAck(connack) => encode_connack(connack, version, out),
            Packet::Publish(publish) => publish.outgoing().encode(version, out),
            Packet::PubAck(ack) => encode_ack(Type::PubAck, 0, ack, version, out),
            Packet::PubRec(ack) => encode_ack(Type::PubRec, 0, ack, version, out),
            Packet::PubRel(ack) => encode_ack(Type::PubRel, 2, ack, version, out),
            Packet::PubComp(ack) => encode_ack(Type::PubComp, 0, ack, version, out),
            Packet::Subscribe(packet) => {
                let payload = packet.payload(version);
                put_request(out, Type::Subscribe, packet.packet_id.get(), packet.properties, &payload, version);
            }
            Packet::Unsubscribe(packet) => {
                put_request(out, Type::Unsubscribe, packet.packet_id.get(), packet.properties, packet.raw, version);
            }
            Packet::SubAck(packet) => {
                let mapped: Vec<u8>;
                let reasons = match version {
                    Version::V5 => packet.reasons,
                    Version::V3 | Version::V311 => {
                        mapped = packet.reasons.iter().map(|&byte| suback_byte(byte, version)).collect();
                        &mapped
                    }
                };
                put_request(out, Type::SubAck, packet.packet_id.get(), packet.properties, reasons, version);
            }
            Packet::UnsubAck(packet) => {
                let reasons = if version.has_properties() { packet.reasons } else { &[] };
                put_request(out, Type::UnsubAck, packet.packet_id.get(), packet.properties, reasons, version);
            }
            Packet::PingReq => out.extend_from_slice(&[(Type::PingReq as u8) << 4, 0]),
            Packet::PingResp => out.extend_from_slice(&[(Type::PingResp as u8) << 4, 0]),
            Packet::Disconnect(packet) => match version {
                Version::V5 => put_reason(out, Type::Disconnect, packet.reason, packet.properties),
                Version::V3 | Version::V311 if !packet.reason.is_failure() => {
                    out.extend_from_slice(&[(Type::Disconnect as u8) << 4, 0]);
                }
                Version::V3 | Version::V311 => {}
            },
            Packet::Auth(packet) if version.has_properties() => {
                put_reason(out, Type::Auth, packet.reason, packet.properties);
            }
            Packet::Auth(_) => {}
        }
    }
}

fn suback_byte(byte: u8, version: Version) -> u8 {
    ReasonCode::from_u8(byte).unwrap_or(ReasonCode::UnspecifiedError).suback_byte(version)
}

fn put_header(out: &mut Vec<u8>, packet: PacketType, flags: u8, remaining: usize) {
    out.reserve(5 + remaining);
    out.push((packet as u8) << 4 | flags);
    put_varint(out, remaining);
}

fn properties_size(properties: Properties<'_>) -> usize {
    let length = properties.raw().len();
    varint_len(length) + length
}

fn put_properties(out: &mut Vec<u8>, properties: Properties<'_>) {
    put_varint(out, properties.raw().len());
    out.extend_from_slice(properties.raw());
}

/// The shape that SUBSCRIBE, UNSUBSCRIBE and their answers share: identifier, properties, payload.
fn put_request(
    out: &mut Vec<u8>,
    packet: PacketType,
    packet_id: u16,
    properties: Properties<'_>,
    payload: &[u8],
    version: Version,
) {
    let flags = if matches!(packet, PacketType::Subscribe | PacketType::Unsubscribe) { 2 } else { 0 };
    let size = if version.has_properties() { properties_size(properties) } else { 0 };
    put_header(out, packet, flags, 2 + size + payload.len());
    out.extend_from_slice(&packet_id.to_be_bytes());
    if version.has_properties() {
        put_properties(out, properties);
    }
    out.extend_from_slice(payload);
}

/// [MQTT-2.2.2-1]: the short forms leave out a code of Success and a Property Length of 0.
fn encode_ack(packet: PacketType, flags: u8, ack: &Ack<'_>, version: Version, out: &mut Vec<u8>) {
    let id = ack.packet_id.get().to_be_bytes();
    let first = (packet as u8) << 4 | flags;
    let bare = ack.properties.is_empty();
    if !version.has_properties() || (bare && ack.reason == ReasonCode::Success) {
        out.extend_from_slice(&[first, 2, id[0], id[1]]);
    } else if bare {
        out.extend_from_slice(&[first, 3, id[0], id[1], ack.reason as u8]);
    } else {
        put_header(out, packet, flags, 3 + properties_size(ack.properties));
        out.extend_from_slice(&[id[0], id[1], ack.reason as u8]);
        put_properties(out, ack.properties);
    }
}

/// DISCONNECT and AUTH: nothing for Success without properties, a code alone, or both.
fn put_reason(out: &mut Vec<u8>, packet: PacketType, reason: ReasonCode, properties: Properties<'_>) {
    let first = (packet as u8) << 4;
    match (properties.is_empty(), reason) {
        (true, ReasonCode::Success) => out.extend_from_slice(&[first, 0]),
        (true, _) => out.extend_from_slice(&[first, 1, reason as u8]),
        (false, _) => {
            put_header(out, packet, 0, 1 + properties_size(properties));
            out.push(reason as u8);
            put_properties(out, properties);
        }
    }
}

fn encode_connack(connack: &ConnAck<'_>, version: Version, out: &mut Vec<u8>) {
    let present = u8::from(connack.session_present && version != Version::V3); // MQTT31-06
    if version.has_properties() {
        put_header(out, PacketType::ConnAck, 0, 2 + properties_size(connack.properties));
        out.extend_from_slice(&[present, connack.reason as u8]);
        put_properties(out, connack.properties);
    } else if let Some(code) = connack.reason.connect_return_code() {
        out.extend_from_slice(&[(PacketType::ConnAck as u8) << 4, 2, present, code]);
    }
}

fn encode_connect(connect: &Connect<'_>, out: &mut Vec<u8>) {
    let version = connect.version;
    let mut body = Vec::new();
    put_binary(&mut body, version.protocol_name().as_bytes());
    let mut flags = if connect.clean_start { flag::CLEAN_START } else { 0 };
    if let Some(will) = &connect.will {
        flags |= flag::WILL | (will.qos as u8) << 3 | if will.retain { flag::WILL_RETAIN } else { 0 };
    }
    flags |= if connect.user_name.is_some() { flag::USER_NAME } else { 0 };
    flags |= if connect.password.is_some() { flag::PASSWORD } else { 0 };
    body.extend_from_slice(&[version.level(), flags]);
    body.extend_from_slice(&connect.keep_alive.to_be_bytes());
    if version.has_properties() {
        put_properties(&mut body, connect.properties);
    }
    put_binary(&mut body, connect.client_id.as_bytes());
    if let Some(will) = &connect.will {
        if version.has_properties() {
            put_properties(&mut body, will.properties);
        }
        put_binary(&mut body, will.topic.as_bytes());
        put_binary(&mut body, will.payload);
    }
    if let Some(name) = connect.user_name {
        put_binary(&mut body, name.as_bytes());
    }
    if let Some(password) = connect.password {
        put_binary(&mut body, password);
    }
    put_header(out, PacketType::Connect, 0, body.len());
    out.extend_from_slice(&body);
}
