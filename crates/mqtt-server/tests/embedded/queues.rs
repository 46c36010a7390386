//! `Limits::inbox_messages`, `Limits::inbox_bytes` and `Limits::queued_bytes`: messages that wait for a client that is away.

use mqtt_server::{Counter, Limits};

use crate::{
    peer::{Connect, Peer, V5},
    running::Running,
};

fn away() -> Connect<'static> {
    Connect { session_expiry: Some(600), ..Connect::new(V5, "away") }
}

/// Subscribes and goes.
fn leave(server: &Running) {
    let mut peer = Peer::connect(server.address(), &away());
    peer.subscribe("queue", 1);
    peer.send(&[0xE0, 0]);
    peer.is_closed();
}

#[test]
fn an_inbox_takes_so_many_messages_and_drops_the_newest() {
    let server = Running::start(Limits { inbox_messages: 5, ..Limits::default() });
    leave(&server);
    let mut publisher = Peer::connect(server.address(), &Connect::new(V5, "publisher"));
    for number in 0..8 {
        assert_eq!(publisher.publish_1("queue", &[number]), 0, "the publisher is not to blame");
    }
    server.counts(Counter::DroppedInboxFull, 3);
    let mut back = Peer::connect(server.address(), &away());
    for number in 0..5 {
        assert_eq!(back.message(), [number]);
    }
    assert_eq!(publisher.publish_1("queue", b"next"), 0);
    assert_eq!(back.message(), b"next");
    server.counts(Counter::DroppedInboxFull, 3);
}

#[test]
fn an_inbox_takes_so_many_bytes_and_drops_the_newest() {
    let server = Running::start(Limits { inbox_bytes: 10_000, ..Limits::default() });
    leave(&server);
    let mut publisher = Peer::connect(server.address(), &Connect::new(V5, "publisher"));
    for number in 0..4 {
        publisher.publish_1("queue", &[number; 4000]);
    }
    server.counts(Counter::DroppedInboxFull, 2);
    publisher.publish_1("queue", b"still fits");
    server.counts(Counter::DroppedInboxFull, 2);
    let mut back = Peer::connect(server.address(), &away());
    assert_eq!([back.message(), back.message()], [[0; 4000], [1; 4000]]);
    assert_eq!(back.message(), b"still fits");
}

/// The budget is drawn in pieces of 64 KiB, and the first of each session is free.
#[test]
fn all_inboxes_together_hold_so_many_bytes_then_publishers_are_told() {
    let server = Running::start(Limits { queued_bytes: 512 * 1024, ..Limits::default() });
    leave(&server);
    let mut online = Peer::connect(server.address(), &Connect::new(V5, "online"));
    online.subscribe("other", 0);
    let mut publisher = Peer::connect(server.address(), &Connect::new(V5, "publisher"));
    let mut taken = 0;
    while publisher.publish_1("queue", &[0; 60_000]) == 0 {
        taken += 1;
        assert!(taken < 20, "no end at {} bytes", taken * 60_000);
    }
    assert!(taken >= 7, "an end at {} bytes", taken * 60_000);
    server.counts(Counter::PublishesRefused, 1);
    assert_eq!(publisher.publish_1("other", b"QoS 1 to anybody"), 0x97, "Quota exceeded");
    server.counts(Counter::PublishesRefused, 2);

    // QoS 0 has no answer: small messages of those who are online pass, others are dropped.
    publisher.publish("other", &[1; 200_000]);
    publisher.publish("other", b"small");
    assert_eq!(online.message(), b"small");
    server.counts(Counter::DroppedMemory, 1);

    let mut back = Peer::connect(server.address(), &away());
    (0..taken).for_each(|_| assert_eq!(back.message(), [0; 60_000]));
    back.ping();
    assert_eq!(publisher.publish_1("queue", b"again"), 0, "there is room again");
    assert_eq!(back.message(), b"again");
}
