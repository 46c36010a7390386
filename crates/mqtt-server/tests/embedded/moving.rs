//! A metric that never moves is a defect: here all of them do, but those of TLS, which the tests of QUIC move.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mqtt_server::metrics::{Family, Number};
use mqtt_server::{Limits, Memory, Options};

use crate::authenticator::Moody;
use crate::peer::{Connect, Peer, V5, V311, packet, string};
use crate::running::{Running, eventually};

/// Whether some point of a metric has come off zero.
fn has_moved(family: &Family) -> bool {
    family.points.iter().any(|point| match &point.value {
        Number::Whole(count) => *count > 0,
        Number::Real(value) => *value != 0.0,
        Number::Distribution(buckets, _) => buckets.counts.iter().any(|count| *count > 0),
    })
}

/// A retained message that expires after `seconds`.
fn retain(peer: &mut Peer, topic: &str, seconds: u32) {
    let properties = [&[5, 2][..], &seconds.to_be_bytes()].concat();
    peer.send(&packet(0x31, &[&string(topic)[..], &properties, b"kept"].concat()));
}

#[test]
fn every_metric_moves() {
    let limits = Limits { inbox_messages: 100, packet_size: 10_000, ..Limits::default() };
    let memory: mqtt_server::Gauge = Box::new(|| Some(Memory { used: 1, limit: 100 }));
    let options =
        Options { limits, authenticator: Box::new(Moody::default()), memory: Some(memory), ..Options::default() };
    let server = Running::of(options);
    let address = server.address();

    // One is refused, one comes too early, one leaves a will behind, one expires.
    assert_ne!(Peer::begin(address, &Connect { user: Some(("bad", "")), ..Connect::new(V5, "m") }).connack(), 0);
    let mut wills = Peer::connect(address, &Connect { will: Some(("t", "gone")), ..named("wills") });
    wills.send(&[0x20, 2, 0, 0]);
    wills.expect(0xE0);
    let mut brief = Peer::connect(address, &Connect { session_expiry: Some(1), ..named("brief") });
    brief.subscribe("t", 1);
    brief.send(&[0xE0, 0]);
    brief.is_closed();

    // Messages are delivered with every QoS, kept, queued, dropped.
    let mut away = Peer::connect(address, &Connect { session_expiry: Some(600), ..named("away") });
    away.subscribe("t", 1);
    away.send(&[0xE0, 0]);
    away.is_closed();
    let mut here = Peer::connect(address, &named("here"));
    here.subscribe("$share/group/t", 1);
    here.subscribe("t", 0);
    let mut publisher = Peer::connect(address, &Connect { version: V311, ..named("publisher") });
    for number in 0..200_u8 {
        publisher.publish_1("t", &[number]);
        here.message();
    }
    publisher.publish("nobody", b"");
    retain(&mut here, "kept", 600);
    retain(&mut here, "short", 1);
    publisher.ping();

    let families = || server.handle().metrics();
    let still = || -> Vec<&'static str> {
        // Crowded it would be near a limit, which the tests of health are for.
        let tls = |family: &&Family| !family.name.contains(".tls.") && !family.name.ends_with(".crowded");
        let all = families();
        all.iter().filter(tls).filter(|family| !has_moved(family)).map(|family| family.name).collect()
    };
    eventually(|| still().is_empty(), || format!("these have not moved: {:?}", still()));
    drop((here, publisher));
}

/// A client that [`Moody`] lets in.
fn named(client_id: &str) -> Connect<'_> {
    Connect { user: Some(("quick", "")), ..Connect::new(V5, client_id) }
}

#[test]
fn overload_is_told_and_over_when_memory_is_back() {
    let used = Arc::new(AtomicU64::new(99));
    let gauge = used.clone();
    let memory: mqtt_server::Gauge = Box::new(move || Some(Memory { used: gauge.load(Ordering::Relaxed), limit: 100 }));
    let server = Running::of(Options { memory: Some(memory), ..Options::default() });
    let load = || server.handle().load();
    eventually(|| load() == mqtt_server::Load::Disconnect, || format!("{:?}", load()));
    assert_eq!(Peer::begin(server.address(), &Connect::new(V5, "new")).connack(), 0x89);
    assert_eq!(Peer::begin(server.address(), &Connect::new(V311, "new")).connack(), 3);
    used.store(1, Ordering::Relaxed);
    eventually(|| load() == mqtt_server::Load::Normal, || format!("{:?}", load()));
    let mut peer = Peer::connect(server.address(), &Connect::new(V5, "new"));
    peer.ping();
}

#[test]
fn an_overloaded_server_does_not_read_publishers_and_does_not_call_them_silent() {
    let used = Arc::new(AtomicU64::new(1));
    let gauge = used.clone();
    let memory: mqtt_server::Gauge = Box::new(move || Some(Memory { used: gauge.load(Ordering::Relaxed), limit: 100 }));
    let server = Running::of(Options { memory: Some(memory), ..Options::default() });
    let mut subscriber = Peer::connect(server.address(), &Connect::new(V311, "subscriber"));
    subscriber.subscribe("t", 0);
    let mut publisher = Peer::connect(server.address(), &Connect::new(V311, "publisher"));
    publisher.publish("t", b"before");
    assert_eq!(subscriber.message(), b"before");
    used.store(78, Ordering::Relaxed);
    eventually(|| server.handle().load() == mqtt_server::Load::Slow, || format!("{:?}", server.handle().load()));
    publisher.publish("t", b"held");
    server.counts(mqtt_server::Counter::PublishersHeld, 1);
    subscriber.ping(); // who does not publish is served, and has got nothing yet
    subscriber.stream.set_read_timeout(Some(Duration::from_secs(20))).expect("it is not zero");
    used.store(1, Ordering::Relaxed);
    assert_eq!(subscriber.message(), b"held");
}
