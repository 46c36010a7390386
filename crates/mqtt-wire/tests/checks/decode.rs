//! What must hold for any bytes at all: nothing panics, and what is read is written so that it reads the same.

use mqtt_wire::{Frame, Outgoing, Packet, PacketType, Properties, PropertyBuf, Sender, Version, decode, frame};

const VERSIONS: [Version; 3] = [Version::V3, Version::V311, Version::V5];

/// The first byte chooses version and sender, the rest is what was received.
pub fn check(data: &[u8]) {
    let Some((&choice, mut stream)) = data.split_first() else { return };
    let version = VERSIONS[usize::from(choice >> 1) % 3];
    let sender = if choice & 1 == 0 { Sender::Client } else { Sender::Server };
    while let Ok(Frame::Complete { body, end }) = frame(stream, usize::MAX, Some(version)) {
        check_packet(&stream[..end], body, version, sender);
        stream = &stream[end..];
    }
}

fn check_packet(bytes: &[u8], body: usize, version: Version, sender: Sender) {
    let packet = match decode(bytes[0], &bytes[body..], version, sender) {
        Ok(packet) => packet,
        Err(error) => {
            assert_eq!(error.packet, PacketType::from_first_byte(bytes[0]));
            assert!(error.code.is_failure() && !error.to_string().is_empty());
            return;
        }
    };
    assert_eq!(Some(packet.packet_type()), PacketType::from_first_byte(bytes[0]));
    check_parts(&packet, version);
    check_rewritten(&packet, bytes.len(), version, sender);
    for other in VERSIONS {
        let out = written(&packet, other);
        let whole = matches!(frame(&out, usize::MAX, Some(other)), Ok(Frame::Complete { end, .. }) if end == out.len());
        assert!(out.is_empty() || whole, "{packet:?} in {other:?}");
    }
}

fn check_rewritten(packet: &Packet<'_>, length: usize, version: Version, sender: Sender) {
    let out = written(packet, version);
    assert!(out.len() <= length, "the encoder never needs more bytes than were read: {packet:?}");
    let Ok(Frame::Complete { body, end }) = frame(&out, usize::MAX, Some(version)) else { panic!("{packet:?}") };
    assert_eq!(end, out.len());
    let again = decode(out[0], &out[body..], version, sender);
    assert_eq!(again.as_ref(), Ok(packet));
    assert_eq!(again.map(|packet| written(&packet, version)), Ok(out));
}

fn written(packet: &Packet<'_>, version: Version) -> Vec<u8> {
    let mut out = Vec::new();
    packet.encode(version, &mut out);
    out
}

fn check_parts(packet: &Packet<'_>, version: Version) {
    match packet {
        Packet::Connect(connect) => {
            check_properties(connect.properties);
            connect.will.iter().for_each(|will| check_properties(will.properties));
        }
        Packet::Publish(publish) => {
            check_properties(publish.properties);
            let outgoing = Outgoing {
                dup: publish.dup,
                qos: publish.qos,
                retain: publish.retain,
                topic: publish.topic,
                packet_id: publish.packet_id,
                topic_alias: None,
                message_expiry_interval: None,
                subscription_ids: &[],
                properties: publish.properties.raw(),
                payload: publish.payload,
            };
            let mut out = Vec::new();
            outgoing.encode(version, &mut out);
            assert_eq!(out.len(), outgoing.size(version));
            assert_eq!(out, written(packet, version));
        }
        Packet::Subscribe(packet) => {
            check_properties(packet.properties);
            assert!(packet.entries().count() > 0);
        }
        Packet::Unsubscribe(packet) => {
            check_properties(packet.properties);
            assert!(packet.filters().count() > 0);
        }
        Packet::ConnAck(packet) => check_properties(packet.properties),
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            check_properties(ack.properties);
        }
        Packet::SubAck(packet) => check_properties(packet.properties),
        Packet::UnsubAck(packet) => check_properties(packet.properties),
        Packet::Disconnect(packet) => check_properties(packet.properties),
        Packet::Auth(packet) => check_properties(packet.properties),
        Packet::PingReq | Packet::PingResp => {}
    }
}

/// Walking checked properties reaches their end, and pushing them one by one gives the same bytes.
fn check_properties(properties: Properties<'_>) {
    let mut pushed = PropertyBuf::new();
    properties.iter().for_each(|property| pushed.push(property.id, property.value));
    assert_eq!(pushed.as_properties(), properties);
    let spans: Vec<u8> = properties.spans().flat_map(|(_, bytes)| bytes).copied().collect();
    assert_eq!(spans, properties.raw());
    for property in properties.iter() {
        assert!(properties.get(property.id).is_some());
    }
}
