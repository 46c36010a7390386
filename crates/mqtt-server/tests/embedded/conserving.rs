//! Nothing is lost without a reason: after every kind of load that benchmarks know, in small, the ledger of messages balances.

use mqtt_server::metrics::{Family, Number};
use mqtt_server::{Handle, Limits};

use crate::peer::{Connect, Peer, V5, V311, packet, string};
use crate::running::{Running, eventually};

/// The sum of a metric's points.
fn sum(families: &[Family], name: &str) -> i64 {
    let family = families.iter().find(|family| family.name == name).unwrap_or_else(|| panic!("no {name}"));
    let number = |value: &Number| match value {
        Number::Whole(count) => count.cast_signed(),
        Number::Real(_) | Number::Distribution(..) => panic!("{name} is a count"),
    };
    family.points.iter().map(|point| number(&point.value)).sum()
}

/// What does not add up, if anything.
fn imbalance(handle: &Handle) -> Option<String> {
    let families = handle.metrics();
    let of = |name: &str| sum(&families, &format!("mqtt.server.{name}"));
    let (made, delivered, dropped) = (of("copies.made"), of("copies.delivered"), of("messages.dropped"));
    let (queued, under_way) = (of("queued.messages"), of("inflight.messages"));
    let received = families.iter().find(|family| family.name == "mqtt.server.publish.messages");
    let inward = received.into_iter().flat_map(|family| &family.points).filter(|point| point.attributes[0].1 == "in");
    let inward: u64 = inward.map(|point| if let Number::Whole(count) = point.value { count } else { 0 }).sum();
    let outcomes = of("publish.outcomes");
    let even = made == delivered + dropped + queued + under_way && inward.cast_signed() == outcomes;
    let text = format!(
        "{made} made, {delivered} delivered, {dropped} dropped, {queued} queued, {under_way} under way; {inward} in, {outcomes} accounted for"
    );
    (!even).then_some(text)
}

#[track_caller]
fn balances(server: &Running) {
    eventually(|| imbalance(server.handle()).is_none(), || imbalance(server.handle()).unwrap_or_default());
}

fn client(server: &Running, client_id: &str) -> Peer {
    Peer::connect(server.address(), &Connect::new(V311, client_id))
}

fn staying(server: &Running, client_id: &str) -> Peer {
    Peer::connect(server.address(), &Connect { session_expiry: Some(600), ..Connect::new(V5, client_id) })
}

#[test]
fn pairs() {
    let server = Running::start(Limits::default());
    for qos in [0, 1] {
        let mut subscriber = client(&server, "subscriber");
        subscriber.subscribe("pair", qos);
        let mut publisher = client(&server, "publisher");
        for number in 0..100 {
            publisher.publish_1("pair", &[number]);
            publisher.publish("pair", &[number]);
        }
        (0..200).for_each(|_| drop(subscriber.message()));
        balances(&server);
    }
}

#[test]
fn many_to_one_and_many_to_a_group() {
    let server = Running::start(Limits::default());
    let mut members: Vec<Peer> = (0..3).map(|number| client(&server, &format!("member{number}"))).collect();
    members.iter_mut().for_each(|member| member.subscribe("$share/group/in", 1));
    let mut all = client(&server, "all");
    all.subscribe("in", 1);
    for number in 0..5 {
        let mut publisher = client(&server, &format!("publisher{number}"));
        (0..20).for_each(|number| assert_eq!(publisher.publish_1("in", &[number]), 0));
    }
    (0..100).for_each(|_| drop(all.message()));
    balances(&server);
    // Members that go with messages unacknowledged leave them to the others, the last one to nobody.
    drop(members);
    balances(&server);
}

#[test]
fn one_to_many_and_through_wildcards() {
    let server = Running::start(Limits::default());
    let mut subscribers: Vec<Peer> = (0..20).map(|number| client(&server, &format!("s{number}"))).collect();
    for (number, subscriber) in subscribers.iter_mut().enumerate() {
        subscriber.subscribe(["out/+", "out/#", "out/1"][number % 3], (number % 2) as u8);
        subscriber.subscribe("#", 0); // overlaps
    }
    let mut publisher = client(&server, "publisher");
    (0..50).for_each(|number| assert_eq!(publisher.publish_1("out/1", &[number]), 0));
    subscribers.iter_mut().for_each(|subscriber| (0..50).for_each(|_| drop(subscriber.message())));
    balances(&server);
}

#[test]
fn retained() {
    let server = Running::start(Limits::default());
    let mut publisher = client(&server, "publisher");
    for number in 0..100_u8 {
        publisher.send(&packet(0x31, &[&string(&format!("kept/{number}"))[..], b"kept"].concat()));
    }
    publisher.ping();
    let mut subscriber = client(&server, "subscriber");
    subscriber.subscribe("kept/#", 1);
    (0..100).for_each(|_| drop(subscriber.message()));
    balances(&server);
}

#[test]
fn offline_sessions_that_overflow_resume_and_end() {
    let server = Running::start(Limits { inbox_messages: 50, ..Limits::default() });
    let mut away = staying(&server, "away");
    away.subscribe("queue", 1);
    drop(away);
    server.has_connections(0);
    let mut publisher = client(&server, "publisher");
    for number in 0..80 {
        publisher.publish_1("queue", &[number]);
        publisher.publish("queue", &[number]);
    }
    balances(&server);
    let mut back = staying(&server, "away");
    (0..10).for_each(|_| drop(back.message()));
    drop(back);
    server.has_connections(1);
    balances(&server);
    // A clean start ends the session with all that waits.
    drop(client(&server, "away"));
    balances(&server);
}

#[test]
fn a_subscriber_that_does_not_read() {
    let server = Running::start(Limits { inbox_messages: 100, ..Limits::default() });
    let mut deaf = client(&server, "deaf");
    deaf.subscribe("loud", 0);
    let mut publisher = client(&server, "publisher");
    for _ in 0..3000 {
        publisher.publish("loud", &[7; 4096]);
    }
    publisher.ping();
    balances(&server);
    drop(deaf);
    server.has_connections(1);
    balances(&server);
}
