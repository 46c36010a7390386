//! Packets, bytes and PUBLISH packets, in and out.

use super::family::{Family, Kind};
use mqtt_core::{Counter, Counters};
use mqtt_wire::{PacketType, QoS};
use std::borrow::Cow;

/// A packet type's name in attributes, as the standard writes it.
fn name(packet: PacketType) -> &'static str {
    match packet {
        PacketType::Connect => "CONNECT",
        PacketType::ConnAck => "CONNACK",
        PacketType::Publish => "PUBLISH",
        PacketType::PubAck => "PUBACK",
        PacketType::PubRec => "PUBREC",
        PacketType::PubRel => "PUBREL",
        PacketType::PubComp => "PUBCOMP",
        PacketType::Subscribe => "SUBSCRIBE",
        PacketType::SubAck => "SUBACK",
        PacketType::Unsubscribe => "UNSUBSCRIBE",
        PacketType::UnsubAck => "UNSUBACK",
        PacketType::PingReq => "PINGREQ",
        PacketType::PingResp => "PINGRESP",
        PacketType::Disconnect => "DISCONNECT",
        PacketType::Auth => "AUTH",
    }
}

pub(super) const QOS: [(QoS, &str); 3] = [(QoS::AtMostOnce, "0"), (QoS::AtLeastOnce, "1"), (QoS::ExactlyOnce, "2")];

pub(super) fn families(counters: &Counters) -> Vec<Family> {
    let sum = |numbers: fn(&Counters, PacketType) -> u64| {
        PacketType::ALL.iter().map(|&of| numbers(counters, of)).sum::<u64>()
    };
    let by_type = |family: Family, numbers: fn(&Counters, PacketType) -> u64| {
        PacketType::ALL.iter().fold(family, |family, &of| {
            family.with_attributes([("mqtt.packet.type", Cow::Borrowed(name(of)))], numbers(counters, of))
        })
    };
    let counter = |name, unit, description| Family::new(name, Kind::Counter, unit, description);
    let mut messages = counter("mqtt.server.publish.messages", "{message}", "PUBLISH packets, repeated ones included");
    for (qos, text) in QOS {
        let (received, sent) = counters.publishes(qos);
        for (direction, count) in [("in", received), ("out", sent)] {
            messages = messages.with_attributes([("direction", direction.into()), ("mqtt.qos", text.into())], count);
        }
    }
    let payload = counter("mqtt.server.publish.bytes", "{byte}", "Bytes of the payloads of PUBLISH packets")
        .with_attributes([("direction", "in".into())], counters.get(Counter::PayloadReceived))
        .with_attributes([("direction", "out".into())], counters.get(Counter::PayloadSent));
    vec![
        counter("mqtt.server.packets_received", "{packet}", "Packets received").with(sum(|all, of| all.packets(of).0)),
        counter("mqtt.server.packets_sent", "{packet}", "Packets sent").with(sum(|all, of| all.packets(of).1)),
        counter("mqtt.server.bytes_received", "{byte}", "Bytes of packets received")
            .with(sum(|all, of| all.bytes(of).0)),
        counter("mqtt.server.bytes_sent", "{byte}", "Bytes of packets sent").with(sum(|all, of| all.bytes(of).1)),
        by_type(counter("mqtt.server.packets_rx", "{packet}", "Packets received by type"), |all, of| all.packets(of).0),
        by_type(counter("mqtt.server.packets_tx", "{packet}", "Packets sent by type"), |all, of| all.packets(of).1),
        by_type(counter("mqtt.server.bytes_rx", "{byte}", "Bytes received by packet type"), |all, of| all.bytes(of).0),
        by_type(counter("mqtt.server.bytes_tx", "{byte}", "Bytes sent by packet type"), |all, of| all.bytes(of).1),
        messages,
        payload,
    ]
}
