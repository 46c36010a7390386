//! Strategies for packets that a peer may send. They are leaked: a test process lives shorter than they would matter.

use mqtt_wire::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

const WILL: u16 = 1;

/// Version, sender, and a packet that this sender may send in this version.
pub fn any_packet() -> impl Strategy<Value = (Version, Sender, Packet<'static>)> {
    let versions = select(vec![Version::V3, Version::V311, Version::V5]);
    let senders = select(vec![Sender::Client, Sender::Server]);
    (versions, senders).prop_flat_map(|(version, sender)| (Just(version), Just(sender), packet(version, sender)))
}

/// A packet that `sender` may send in `version`.
pub fn packet(version: Version, sender: Sender) -> BoxedStrategy<Packet<'static>> {
    let mut strategies = vec![publish(version, sender).boxed(), publish(version, sender).boxed()];
    strategies.extend((0..4).map(|at| ack(at, version, sender)));
    match sender {
        Sender::Client => strategies.extend([
            connect(version).boxed(),
            subscribe(version).boxed(),
            unsubscribe(version).boxed(),
            Just(Packet::PingReq).boxed(),
        ]),
        Sender::Server => strategies.extend([
            connack(version).boxed(),
            suback(version).boxed(),
            unsuback(version).boxed(),
            Just(Packet::PingResp).boxed(),
        ]),
    }
    if version.has_properties() {
        strategies.extend([disconnect(sender).boxed(), auth(sender).boxed()]);
    } else if sender == Sender::Client {
        let packet = Disconnect { reason: ReasonCode::Success, properties: Properties::NONE };
        strategies.push(Just(Packet::Disconnect(packet)).boxed());
    }
    proptest::strategy::Union::new(strategies).boxed()
}

fn connect(version: Version) -> impl Strategy<Value = Packet<'static>> {
    let will = (qos(), any::<bool>(), properties(version, WILL, Sender::Client), text(), bytes());
    let will =
        will.prop_map(|(qos, retain, properties, topic, payload)| Will { qos, retain, properties, topic, payload });
    let bit = bit(PacketType::Connect);
    let login = (proptest::option::of(text()), proptest::option::of(bytes()));
    (any::<(bool, u16)>(), properties(version, bit, Sender::Client), text(), proptest::option::of(will), login)
        .prop_map(move |((clean_start, keep_alive), properties, client_id, will, (user_name, password))| {
            // Before 5.0 a password needs a user name.
            let password = password.filter(|_| user_name.is_some() || version.has_properties());
            Packet::Connect(Connect {
                version,
                clean_start,
                keep_alive,
                properties,
                client_id,
                will,
                user_name,
                password,
            })
        })
}

fn connack(version: Version) -> impl Strategy<Value = Packet<'static>> {
    let codes: &[u8] = match version {
        Version::V5 => &[
            0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95, 0x97, 0x99, 0x9A,
            0x9B, 0x9C, 0x9D, 0x9F,
        ],
        Version::V3 | Version::V311 => &[0x00, 0x84, 0x85, 0x88, 0x86, 0x87],
    };
    let bit = bit(PacketType::ConnAck);
    (any::<bool>(), reason(codes), properties(version, bit, Sender::Server)).prop_map(
        move |(present, reason, properties)| {
            let session_present = present && reason == ReasonCode::Success && version != Version::V3;
            Packet::ConnAck(ConnAck { session_present, reason, properties })
        },
    )
}

fn publish(version: Version, sender: Sender) -> impl Strategy<Value = Packet<'static>> {
    let bit = bit(PacketType::Publish);
    (any::<(bool, bool)>(), qos(), text(), packet_id(), properties(version, bit, sender), bytes()).prop_map(
        |((dup, retain), qos, topic, id, properties, payload)| {
            let aliased = properties.get(PropertyId::TOPIC_ALIAS).is_some();
            Packet::Publish(Publish {
                dup: dup && qos != QoS::AtMostOnce,
                qos,
                retain,
                topic: if topic.is_empty() && !aliased { "t" } else { topic },
                packet_id: Some(id).filter(|_| qos != QoS::AtMostOnce),
                properties,
                payload,
            })
        },
    )
}

fn ack(at: usize, version: Version, sender: Sender) -> BoxedStrategy<Packet<'static>> {
    let (packet, make): (_, fn(Ack<'static>) -> Packet<'static>) = [
        (PacketType::PubAck, Packet::PubAck as fn(Ack<'static>) -> Packet<'static>),
        (PacketType::PubRec, Packet::PubRec),
        (PacketType::PubRel, Packet::PubRel),
        (PacketType::PubComp, Packet::PubComp),
    ][at];
    let codes: &[u8] = match (version, at) {
        (Version::V3 | Version::V311, _) => &[0x00],
        (Version::V5, 0 | 1) => &[0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
        (Version::V5, _) => &[0x00, 0x92],
    };
    (packet_id(), reason(codes), properties(version, bit(packet), sender))
        .prop_map(move |(packet_id, reason, properties)| make(Ack { packet_id, reason, properties }))
        .boxed()
}

fn subscribe(version: Version) -> impl Strategy<Value = Packet<'static>> {
    let handling = select(vec![RetainHandling::Send, RetainHandling::SendIfNew, RetainHandling::DoNotSend]);
    let options =
        (qos(), any::<(bool, bool)>(), handling).prop_map(
            move |(qos, (no_local, kept), retain_handling)| match version {
                Version::V5 => SubscriptionOptions { qos, no_local, retain_as_published: kept, retain_handling },
                Version::V3 | Version::V311 => SubscriptionOptions { qos, ..SubscriptionOptions::default() },
            },
        );
    let entry = (text(), options).prop_map(|(filter, options)| SubscribeEntry { filter, options });
    let bit = bit(PacketType::Subscribe);
    (packet_id(), properties(version, bit, Sender::Client), vec(entry, 1..4)).prop_map(
        move |(id, properties, entries)| {
            Packet::Subscribe(Subscribe::new(id, properties, &entries, version, Box::leak(Box::default())))
        },
    )
}

fn unsubscribe(version: Version) -> impl Strategy<Value = Packet<'static>> {
    let bit = bit(PacketType::Unsubscribe);
    (packet_id(), properties(version, bit, Sender::Client), vec(text(), 1..4)).prop_map(|(id, properties, filters)| {
        Packet::Unsubscribe(Unsubscribe::new(id, properties, &filters, Box::leak(Box::default())))
    })
}

fn suback(version: Version) -> impl Strategy<Value = Packet<'static>> {
    let codes: &[u8] = match version {
        Version::V5 => &[0, 1, 2, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2],
        Version::V311 => &[0, 1, 2, 0x80],
        Version::V3 => &[0, 1, 2],
    };
    let bit = bit(PacketType::SubAck);
    (packet_id(), properties(version, bit, Sender::Server), vec(select(codes), 1..6)).prop_map(
        |(packet_id, properties, reasons)| Packet::SubAck(SubAck { packet_id, properties, reasons: reasons.leak() }),
    )
}

fn unsuback(version: Version) -> impl Strategy<Value = Packet<'static>> {
    let codes: &[u8] = &[0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91];
    let count = if version.has_properties() { 1..6 } else { 0..1 };
    let bit = bit(PacketType::UnsubAck);
    (packet_id(), properties(version, bit, Sender::Server), vec(select(codes), count)).prop_map(
        |(packet_id, properties, reasons)| {
            Packet::UnsubAck(UnsubAck { packet_id, properties, reasons: reasons.leak() })
        },
    )
}

fn disconnect(sender: Sender) -> impl Strategy<Value = Packet<'static>> {
    let codes: &[u8] = match sender {
        Sender::Client => &[0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99],
        Sender::Server => &[0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x9C, 0x9D, 0xA0, 0xA2],
    };
    (reason(codes), properties(Version::V5, bit(PacketType::Disconnect), sender))
        .prop_map(|(reason, properties)| Packet::Disconnect(Disconnect { reason, properties }))
}

fn auth(sender: Sender) -> impl Strategy<Value = Packet<'static>> {
    let codes: &[u8] = if sender == Sender::Client { &[0x18, 0x19] } else { &[0x00, 0x18] };
    let properties = properties(Version::V5, bit(PacketType::Auth), sender);
    (reason(codes), properties).prop_map(|(reason, properties)| {
        let mut buf = PropertyBuf::new();
        if properties.get(PropertyId::AUTHENTICATION_METHOD).is_none() {
            buf.push(PropertyId::AUTHENTICATION_METHOD, Value::Str("m"));
        }
        buf.extend(properties);
        let buf: &PropertyBuf = Box::leak(Box::new(buf));
        Packet::Auth(Auth { reason, properties: buf.as_properties() })
    })
}

fn bit(packet: PacketType) -> u16 {
    1 << packet as u8
}

/// Any of the properties that `sender` may put there, in any order; none before 5.0.
fn properties(version: Version, place: u16, sender: Sender) -> BoxedStrategy<Properties<'static>> {
    if !version.has_properties() {
        return Just(Properties::NONE).boxed();
    }
    let allowed =
        |rule: &&Rule| place & if sender == Sender::Client { rule.from_client } else { rule.from_server } != 0;
    let mut rules: Vec<&Rule> = TABLE.iter().filter(allowed).collect();
    let several = |rule: &&Rule| rule.many && (rule.kind == Kind::Pair || sender == Sender::Server);
    let repeated: Vec<&Rule> = rules.iter().copied().filter(several).collect();
    rules.extend(repeated.iter().chain(&repeated));
    let count = 0..=rules.len();
    let chosen = prop_oneof![Just(vec![]), subsequence(rules, count).prop_shuffle()];
    chosen.prop_flat_map(|rules| rules.into_iter().map(property).collect::<Vec<_>>()).prop_map(collect).boxed()
}

fn collect(properties: Vec<(PropertyId, Value<'static>)>) -> Properties<'static> {
    let has_method = properties.iter().any(|(id, _)| *id == PropertyId::AUTHENTICATION_METHOD);
    let buf: &mut PropertyBuf = Box::leak(Box::default());
    for (id, value) in properties {
        if has_method || id != PropertyId::AUTHENTICATION_DATA {
            buf.push(id, value);
        }
    }
    buf.as_properties()
}

fn property(rule: &'static Rule) -> BoxedStrategy<(PropertyId, Value<'static>)> {
    let least = u16::from(rule.zero.is_some());
    let value = match rule.kind {
        Kind::Flag => (0..=1u8).prop_map(Value::Byte).boxed(),
        Kind::U16 => (least..=u16::MAX).prop_map(Value::U16).boxed(),
        Kind::U32 => (u32::from(least)..=u32::MAX).prop_map(Value::U32).boxed(),
        Kind::Varint => prop_oneof![1..=300u32, 16_000..=17_000u32, 1..=268_435_455u32].prop_map(Value::Varint).boxed(),
        Kind::Str => text().prop_map(Value::Str).boxed(),
        Kind::Bin => vec(any::<u8>(), 0..20).prop_map(|bytes| Value::Bin(bytes.leak())).boxed(),
        Kind::Pair => (text(), text()).prop_map(|(name, value)| Value::Pair(name, value)).boxed(),
    };
    value.prop_map(|value| (rule.id, value)).boxed()
}

fn text() -> impl Strategy<Value = &'static str> {
    let character = prop_oneof![proptest::char::range(' ', '~'), proptest::char::range('\u{1}', char::MAX)];
    vec(character, 0..12).prop_map(|text| &*text.into_iter().collect::<String>().leak())
}

/// Sizes around the borders of the Remaining Length.
fn bytes() -> impl Strategy<Value = &'static [u8]> {
    let size = prop_oneof![8 => 0..40usize, 2 => 100..140usize, 1 => 16_350..16_400usize];
    (size, any::<u8>()).prop_map(|(size, first)| &*(0..size).map(|at| first ^ at as u8).collect::<Vec<_>>().leak())
}

fn qos() -> impl Strategy<Value = QoS> {
    select(vec![QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce])
}

fn packet_id() -> impl Strategy<Value = PacketId> {
    (1..=u16::MAX).prop_map(|value| PacketId::new(value).expect("the range begins at 1"))
}

fn reason(codes: &'static [u8]) -> impl Strategy<Value = ReasonCode> {
    select(codes).prop_map(|code| ReasonCode::from_u8(code).expect("the list holds codes of the standard"))
}
