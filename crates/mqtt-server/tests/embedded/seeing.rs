//! What a server shows: metrics, `$SYS`, connections, the heaviest, the furthest behind, trails.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mqtt_server::auth::Anonymous;
use mqtt_server::metrics::{Family, Number};
use mqtt_server::watch::{Order, TrailFilter};
use mqtt_server::{ConnectionEvent, Happening, Limits, MessageObserver, Observer, Options};

use crate::peer::{Connect, Peer, V5, V311};
use crate::running::{Running, eventually};

/// The value of a metric, summed over the points that have all these attributes.
fn value(families: &[Family], name: &str, attributes: &[(&str, &str)]) -> f64 {
    let family = families.iter().find(|family| family.name == name).unwrap_or_else(|| panic!("no {name}"));
    let has = |of: &mqtt_server::metrics::Point| {
        attributes.iter().all(|(key, value)| of.attributes.iter().any(|(k, v)| k == key && v == value))
    };
    let number = |point: &mqtt_server::metrics::Point| match &point.value {
        Number::Whole(count) => *count as f64,
        Number::Real(value) => *value,
        Number::Distribution(buckets, _) => buckets.counts.iter().sum::<u64>() as f64,
    };
    family.points.iter().filter(|point| has(point)).map(number).sum()
}

#[test]
fn metrics_tell_what_went_through() {
    let server = Running::start(Limits::default());
    let mut subscriber = Peer::connect(server.address(), &Connect::new(V311, "subscriber"));
    subscriber.subscribe("t/+", 1);
    let mut publisher = Peer::connect(server.address(), &Connect::new(V5, "publisher"));
    assert_eq!(publisher.publish_1("t/1", b"12345"), 0);
    assert_eq!(publisher.publish_1("nobody", b""), 0x10);
    publisher.publish("t/2", b"678");
    assert_eq!([subscriber.message(), subscriber.message()], [b"12345".to_vec(), b"678".to_vec()]);
    subscriber.ping(); // the PUBACK is through
    let now = server.handle().metrics();
    let of = |name: &str, attributes: &[(&str, &str)]| value(&now, name, attributes);
    assert_eq!(of("mqtt.server.publish.messages", &[("direction", "in"), ("mqtt.qos", "1")]), 2.0);
    assert_eq!(of("mqtt.server.publish.messages", &[("direction", "out")]), 2.0);
    assert_eq!(of("mqtt.server.publish.bytes", &[("direction", "in")]), 8.0);
    assert_eq!(of("mqtt.server.publish.outcomes", &[("outcome", "no_subscribers")]), 1.0);
    assert_eq!(of("mqtt.server.copies.delivered", &[("mqtt.qos", "1")]), 1.0);
    assert_eq!(of("mqtt.server.copies.delivered", &[("mqtt.qos", "0")]), 1.0);
    assert_eq!(of("mqtt.server.ack.duration", &[]), 1.0);
    assert_eq!(of("mqtt.server.packets_rx", &[("mqtt.packet.type", "CONNECT")]), 2.0);
    assert_eq!(of("mqtt.server.packets_tx", &[("mqtt.packet.type", "CONNACK")]), 2.0);
    assert_eq!(of("mqtt.server.packets_received", &[]), 8.0);
    assert_eq!(of("mqtt.server.connections", &[("mqtt.listener", "mqtt"), ("network.protocol.version", "5.0")]), 1.0);
    assert_eq!(of("mqtt.server.active_connections", &[("network.transport", "tcp")]), 2.0);
    assert_eq!(of("mqtt.server.clients_online", &[]), 2.0);
    assert_eq!(of("mqtt.server.active_subscriptions", &[]), 1.0);
    assert_eq!(of("mqtt.server.bytes_received", &[]), of("mqtt.server.bytes_rx", &[]));
    assert!(of("mqtt.server.bytes_sent", &[]) > 0.0);
}

#[test]
fn every_metric_has_a_name_of_its_own_and_a_description() {
    let server = Running::start(Limits::default());
    let families = server.handle().metrics();
    for family in &families {
        assert!(family.name.starts_with("mqtt.server."), "{}", family.name);
        assert!(!family.description.is_empty() && !family.description.ends_with('.'), "{}", family.name);
        assert_eq!(families.iter().filter(|other| other.name == family.name).count(), 1, "{}", family.name);
    }
}

#[test]
fn sys_topics_are_published_while_somebody_listens() {
    let options = Options { sys_interval: Some(Duration::from_millis(50)), ..Options::default() };
    let server = Running::of(options);
    assert_eq!(value(&server.handle().metrics(), "mqtt.server.retained.messages", &[]), 0.0);
    let mut listener = Peer::connect(server.address(), &Connect::new(V5, "listener"));
    listener.subscribe("$SYS/broker/clients/connected", 0);
    assert_eq!(listener.message(), b"1");
    let _second = Peer::connect(server.address(), &Connect::new(V5, "second"));
    assert_eq!(listener.message(), b"2");
    let mut late = Peer::connect(server.address(), &Connect::new(V311, "late"));
    late.subscribe("$SYS/broker/version", 0);
    assert!(String::from_utf8(late.message()).expect("text").starts_with("lacewing version "));
    drop((listener, late));
    let retained = || value(&server.handle().metrics(), "mqtt.server.retained.messages", &[]);
    eventually(|| retained() == 0.0, || format!("{} are retained", retained()));
}

/// Notes what happens to connections.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl MessageObserver for Notes {}

impl Observer for Notes {
    fn on_connection(&self, event: &ConnectionEvent<'_>) {
        let ConnectionEvent { endpoint, transport, client_id, .. } = event;
        let loopback = event.peer.to_string().starts_with("127.0.0.1:");
        let what = match event.what {
            Happening::Connected { session_present, .. } => format!("connected {session_present}"),
            Happening::Refused { reason, why } => format!("refused {reason:?}: {why}"),
            Happening::Closed { reason, why, by } => format!("closed by {}: {reason:?}: {why}", by.name()),
        };
        let client = client_id.unwrap_or("?");
        self.0.lock().expect("no panic").push(format!("{endpoint} {transport} {loopback} {client} {what}"));
    }
}

#[test]
fn an_observer_hears_of_every_connection_with_its_reason() {
    let notes = Arc::new(Notes::default());
    let server = Running::of(Options { observer: Some(notes.clone()), ..Options::default() });
    let noted = |count: usize| {
        let read = || notes.0.lock().expect("no panic").clone();
        eventually(|| read().len() >= count, || format!("{:?}", read()));
        read().last().cloned().unwrap_or_default()
    };
    let mut leaves = Peer::connect(server.address(), &Connect::new(V5, "leaves"));
    assert_eq!(noted(1), "mqtt tcp true leaves connected false");
    leaves.send(&[0xE0, 0]);
    leaves.is_closed();
    assert_eq!(noted(2), "mqtt tcp true leaves closed by client: Success: the client disconnected");
    let mut breaks = Peer::connect(server.address(), &Connect::new(V5, "breaks"));
    noted(3);
    breaks.send(&[0x20, 2, 0, 0]);
    breaks.expect(0xE0);
    assert_eq!(
        noted(4),
        "mqtt tcp true breaks closed by server: ProtocolError: packet type is not sent in this direction"
    );
    drop(Peer::connect(server.address(), &Connect::new(V311, "lost")));
    assert_eq!(noted(6), "mqtt tcp true lost closed by network: UnspecifiedError: the connection was lost");
    let mut refused = Peer::begin(server.address(), &Connect { session_expiry: Some(0), ..Connect::new(V311, "") });
    assert_eq!(refused.connack(), 2);
    assert!(noted(7).contains("refused ClientIdentifierNotValid: Client Identifier is empty"), "{}", noted(7));
    let families = server.handle().metrics();
    assert_eq!(
        value(&families, "mqtt.server.disconnects", &[("initiator", "server"), ("reason", "protocol_error")]),
        1.0
    );
    assert_eq!(value(&families, "mqtt.server.rejected_connections", &[("reason", "client_identifier_not_valid")]), 1.0);
}

#[test]
fn the_heaviest_topics_and_clients_are_known() {
    let server = Running::start(Limits::default());
    let mut heavy = Peer::connect(server.address(), &Connect::new(V311, "heavy"));
    for number in 0..2000 {
        heavy.publish(if number % 10 == 0 { "some" } else { "most" }, b"payload");
    }
    heavy.ping();
    let top = server.handle().heavy(1);
    assert_eq!(top.topics_by_messages[0].0, "most");
    assert_eq!(top.clients_by_bytes[0].0, "heavy");
    // 2000 messages, of which one in 64 was looked at, over one and a half minutes.
    assert!((1984.0 / 90.0 - top.clients_by_messages[0].1).abs() < 2.0, "{top:?}");
}

#[test]
fn the_sessions_furthest_behind_are_known() {
    let server = Running::start(Limits { inbox_messages: 3, ..Limits::default() });
    for client_id in ["little", "much"] {
        let away = Connect { session_expiry: Some(600), ..Connect::new(V5, client_id) };
        let mut peer = Peer::connect(server.address(), &away);
        peer.subscribe(client_id, 1);
        peer.send(&[0xE0, 0]);
        peer.is_closed();
    }
    let mut publisher = Peer::connect(server.address(), &Connect::new(V5, "publisher"));
    publisher.publish_1("little", b"1");
    for _ in 0..5 {
        publisher.publish_1("much", b"22");
    }
    let behind = server.handle().lagging(Order::Bytes, 10);
    let names: Vec<_> = behind.iter().map(|session| (session.client_id.as_str(), session.messages)).collect();
    assert_eq!(names, [("much", 3), ("little", 1)]);
    let dropping = server.handle().lagging(Order::Drops, 10);
    assert_eq!((dropping.len(), dropping[0].drops, dropping[0].online), (1, 2, false));
}

#[test]
fn a_trail_shows_what_one_client_does_and_gets() {
    let server = Running::with(Limits::default(), Anonymous);
    let filter = TrailFilter { client: Some("watched".to_owned()), topic: None };
    let mut trail = server.handle().trail(filter).expect("the first");
    let mut other = Peer::connect(server.address(), &Connect::new(V5, "other"));
    let mut watched = Peer::connect(server.address(), &Connect::new(V5, "watched"));
    watched.subscribe("t", 1);
    other.publish_1("t", b"hello");
    assert_eq!(watched.message(), b"hello");
    watched.publish("u", b"");
    watched.send(&[0xE0, 0]);
    watched.is_closed();
    let mut seen = Vec::new();
    while seen.last().is_none_or(|what| *what != "close") {
        let event = server.block_on(trail.next()).expect("the trail goes on");
        assert_eq!(event.client_id, "watched");
        seen.push(event.what);
    }
    assert_eq!(seen, ["connect", "subscribe", "deliver", "acknowledge", "publish", "close"]);
    assert_eq!(trail.lost(), 0);
    let open: Vec<_> = (0..10).filter_map(|_| server.handle().trail(TrailFilter::default())).collect();
    assert_eq!(open.len(), 7, "eight with the first");
    drop(open);
    assert!(server.handle().trail(TrailFilter::default()).is_some(), "a closed one leaves its place");
}
