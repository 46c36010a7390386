//! Laws of the codec, tried on random packets and random bytes.

#![allow(clippy::panic, clippy::unwrap_used)] // a test fails by panicking

#[path = "../checks/decode.rs"]
mod decode;
#[path = "../checks/frame.rs"]
mod frame;
mod packet;
#[path = "../checks/topic.rs"]
mod topic;

use mqtt_wire::{Frame, Outgoing, Packet, PacketId, PropertyBuf, PropertyId, QoS, Sender, Value, Version};
use proptest::collection::vec;
use proptest::prelude::*;

fn written(packet: &Packet<'_>, version: Version) -> Vec<u8> {
    let mut out = Vec::new();
    packet.encode(version, &mut out);
    out
}

/// `check` reads version and sender from this byte.
fn choice(version: Version, sender: Sender) -> u8 {
    (version as u8) << 1 | u8::from(sender == Sender::Server)
}

fn level() -> impl Strategy<Value = &'static str> {
    prop_oneof![5 => Just("a"), 3 => Just("b"), 2 => Just("+"), 2 => Just("#"), 2 => Just(""),
        1 => Just("$share"), 1 => Just("$SYS"), 1 => Just("a+"), 1 => Just("é")]
}

fn levels() -> impl Strategy<Value = String> {
    vec(level(), 0..6).prop_map(|levels| levels.join("/"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_as_it_was((version, sender, packet) in packet::any_packet()) {
        let out = written(&packet, version);
        let Ok(Frame::Complete { body, end }) = mqtt_wire::frame(&out, usize::MAX, Some(version)) else { panic!() };
        prop_assert_eq!(end, out.len());
        prop_assert_eq!(mqtt_wire::decode(out[0], &out[body..], version, sender), Ok(packet));
    }

    #[test]
    fn a_packet_is_whole_only_with_its_last_byte((version, _, packet) in packet::any_packet()) {
        let out = written(&packet, version);
        for cut in (0..out.len()).take(600).chain([out.len() - 1]) {
            let part = mqtt_wire::frame(&out[..cut], usize::MAX, Some(version));
            let Ok(Frame::Incomplete { total }) = part else { panic!("{part:?} with {cut} of {} bytes", out.len()) };
            prop_assert!(total.is_none_or(|total| total == out.len()));
        }
        let refused = mqtt_wire::frame(&out[..cut_of_header(&out)], out.len() - 1, Some(version));
        prop_assert!(refused.is_err(), "the limit is applied to the header alone");
        prop_assert!(mqtt_wire::frame(&out, out.len(), Some(version)).is_ok());
    }

    #[test]
    fn packets_follow_one_another(packets in vec(packet::packet(Version::V5, Sender::Server), 1..6)) {
        let mut stream = Vec::new();
        packets.iter().for_each(|packet| packet.encode(Version::V5, &mut stream));
        let mut rest = &stream[..];
        for packet in packets {
            let Ok(Frame::Complete { body, end }) = mqtt_wire::frame(rest, usize::MAX, Some(Version::V5)) else { panic!() };
            prop_assert_eq!(mqtt_wire::decode(rest[0], &rest[body..end], Version::V5, Sender::Server), Ok(packet));
            rest = &rest[end..];
        }
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn nothing_received_breaks_the_decoder(data in vec(any::<u8>(), 0..200)) {
        decode::check(&data);
        frame::check(&data);
        topic::check(&data);
    }

    #[test]
    fn a_damaged_packet_breaks_nothing(
        (version, sender, packet) in packet::any_packet(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        length in any::<prop::sample::Index>(),
    ) {
        let mut data = vec![choice(version, sender)];
        packet.encode(version, &mut data);
        data.truncate(600);
        for (at, byte) in damage {
            let at = at.index(data.len());
            data[at] = byte;
        }
        decode::check(&data);
        frame::check(&data);
        data.truncate(length.index(data.len()));
        decode::check(&data);
    }

    #[test]
    fn any_body_under_any_first_byte_breaks_nothing(
        version in 0..3u8, server in 0..2u8, first in any::<u8>(), body in vec(any::<u8>(), 0..120),
    ) {
        let mut data = vec![version << 1 | server, first, body.len() as u8];
        data.extend(&body);
        decode::check(&data);
    }

    #[test]
    fn filters_match_as_the_slow_model_says(filter in levels(), topic in levels()) {
        topic::check(format!("{filter}\n{topic}").as_bytes());
    }

    #[test]
    fn topics_and_filters_of_any_text_break_nothing(text in any::<String>()) {
        topic::check(text.as_bytes());
        topic::check(format!("$share/{text}").as_bytes());
    }

    #[test]
    fn a_delivery_is_read_with_what_is_its_own(
        alias in proptest::option::of(1..=u16::MAX),
        expiry in any::<Option<u32>>(),
        ids in vec(1..=268_435_455u32, 0..5),
        payload in vec(any::<u8>(), 0..300),
        qos in 0..3u8,
    ) {
        let mut shared = PropertyBuf::new();
        shared.push(PropertyId::CONTENT_TYPE, Value::Str("text"));
        let qos = QoS::from_bits(qos).expect("0, 1 or 2");
        let packet_id = PacketId::new(7).filter(|_| qos != QoS::AtMostOnce);
        let outgoing = Outgoing {
            dup: false, qos, retain: true, topic: "a/b", packet_id, topic_alias: alias, message_expiry_interval: expiry,
            subscription_ids: &ids, properties: shared.as_properties().raw(), payload: &payload,
        };
        for version in [Version::V3, Version::V311, Version::V5] {
            let mut out = Vec::new();
            outgoing.encode(version, &mut out);
            prop_assert_eq!(out.len(), outgoing.size(version));
            let mut head = Vec::new();
            outgoing.encode_head(version, &mut head);
            prop_assert_eq!([&head[..], &payload].concat(), &out[..]);
            let Ok(Frame::Complete { body, end }) = mqtt_wire::frame(&out, usize::MAX, Some(version)) else { panic!() };
            prop_assert_eq!(end, out.len());
            let read = mqtt_wire::decode(out[0], &out[body..], version, Sender::Server);
            let Ok(Packet::Publish(publish)) = read else { panic!("{read:?}") };
            prop_assert_eq!((publish.topic, publish.qos, publish.retain), ("a/b", qos, true));
            prop_assert_eq!((publish.packet_id, publish.payload), (packet_id, &payload[..]));
            if version.has_properties() {
                let read_ids = publish.properties.iter().filter(|property| property.id == PropertyId::SUBSCRIPTION_IDENTIFIER);
                prop_assert!(read_ids.map(|property| property.value).eq(ids.iter().map(|&id| Value::Varint(id))));
                prop_assert_eq!(publish.properties.number(PropertyId::TOPIC_ALIAS), alias.map(u32::from));
                prop_assert_eq!(publish.properties.number(PropertyId::MESSAGE_EXPIRY_INTERVAL), expiry);
                prop_assert_eq!(publish.properties.text(PropertyId::CONTENT_TYPE), Some("text"));
            } else {
                prop_assert!(publish.properties.is_empty());
            }
        }
    }
}

/// Length of the fixed header of a packet.
fn cut_of_header(packet: &[u8]) -> usize {
    match mqtt_wire::frame(packet, usize::MAX, None) {
        Ok(Frame::Complete { body, .. }) => body,
        other => panic!("{other:?}"),
    }
}
