//! Odd ways to end: staying after DISCONNECT, talking after it, not hearing what the broker says last.

use std::time::Instant;

use crate::{
    AT_ONCE, MIB,
    broker::Broker,
    client::Client,
    packet::{Connect, DISCONNECT, PINGREQ, Version, packet, publish, publish_1},
};

#[test]
fn a_client_that_stays_after_disconnect_is_closed() {
    let broker = Broker::start();
    let mut observer = Client::connect(broker.address(), &Connect::v5("observer"));
    observer.subscribe("#", 1);
    for version in Version::ALL {
        let connect = Connect::new(version, "leaving").will("will", "must not be published");
        let mut client = Client::connect(broker.address(), &connect);
        let said = Instant::now();
        client.send(&DISCONNECT);
        assert_eq!(client.receive_all(), []);
        assert!(said.elapsed() < AT_ONCE, "{:?}", said.elapsed());
        Client::connect(broker.address(), &Connect::v5("next")).send(&publish(Version::V5, "next", b"next"));
        assert_eq!(observer.message(), b"next");
    }
    broker.end();
}

#[test]
fn what_follows_disconnect_is_not_heard() {
    let broker = Broker::start();
    let mut observer = Client::connect(broker.address(), &Connect::v5("observer"));
    observer.subscribe("#", 1);
    for version in Version::ALL {
        let mut client = Client::connect(broker.address(), &Connect::new(version, "leaving"));
        let before = publish_1(version, "before", 1, b"before");
        let after = publish_1(version, "after", 2, b"after");
        client.send(&[&before[..], &DISCONNECT, &after].concat());
        // Fails where the broker has closed already.
        let _ = client.try_send(&after);
        assert_eq!(observer.message(), b"before");
        let said: Vec<u8> = client.receive_all().iter().map(|packet| packet.first).collect();
        assert_eq!(said, [0x40], "PUBACK of what came before");

        let mut next = Client::connect(broker.address(), &Connect::v5("next"));
        next.send(&publish(Version::V5, "next", b"next"));
        assert_eq!(observer.message(), b"next");
    }
    broker.end();
}

/// Closing a socket with bytes unread resets it, and a reset overtakes what was sent before.
#[test]
fn the_last_word_reaches_a_client_that_was_still_talking() {
    let broker = Broker::start();
    let filler = publish(Version::V5, "filler", &vec![b'.'; 64 * 1024]);
    for number in 0..50 {
        let mut client = Client::connect(broker.address(), &Connect::v5(&format!("talker-{number}")));
        client.send(&packet(0x36, b"\x00\x01a")); // QoS 3
        for _ in 0..MIB / filler.len() {
            client.send(&filler);
        }
        client.is_refused_with(0x81);
    }
    broker.end();
}

#[test]
fn a_refused_connect_is_answered_although_more_was_sent() {
    let broker = Broker::start();
    for number in 0..50 {
        let mut client = Client::open(broker.address(), Version::V5);
        let mut connect = Connect::v5(&"c".repeat(2000)).encode(); // 0x85
        if number % 2 == 0 {
            connect = packet(0x10, b"\x00\x04MQTT\x09\x02\x00\x00\x00\x00\x00"); // 0x84, in 3.1.1 the code 1
        }
        client.send(&connect);
        for _ in 0..64 {
            client.send(&PINGREQ.repeat(8 * 1024));
        }
        let said = client.receive_all();
        let code = said.first().and_then(|connack| connack.body.get(1).copied());
        let expected: &[u8] = if number % 2 == 0 { &[0x84, 1] } else { &[0x85] };
        assert!(said.len() == 1 && code.is_some_and(|code| expected.contains(&code)), "{said:?}");
    }
    broker.end();
}

/// Who goes on talking for ever is cut off in the end.
#[test]
fn a_client_that_does_not_stop_talking_is_cut_off() {
    let broker = Broker::start();
    let mut client = Client::connect(broker.address(), &Connect::v5("talker"));
    client.send(&packet(0x36, b"\x00\x01a"));
    let filler = vec![0; 64 * 1024];
    let start = Instant::now();
    while client.try_send(&filler).is_ok() {
        assert!(start.elapsed() < AT_ONCE, "the broker reads on and on");
    }
    broker.end();
}
