//! Clients that go without a word, or stay without one.

use std::time::{Duration, Instant};

use crate::{
    AT_ONCE,
    broker::Broker,
    client::Client,
    packet::{Connect, PINGREQ, Version},
};

fn observer(broker: &Broker) -> Client {
    let mut observer = Client::connect(broker.address(), &Connect::v5("observer"));
    observer.subscribe("will", 1);
    observer
}

#[test]
fn the_will_of_a_client_that_closes_without_disconnect_is_published() {
    let broker = Broker::start();
    let mut observer = observer(&broker);
    for version in Version::ALL {
        drop(Client::connect(broker.address(), &Connect::new(version, "mortal").will("will", "closed")));
        assert_eq!(observer.message(), b"closed");
    }
    broker.end();
}

#[test]
fn the_will_of_a_client_that_resets_its_connection_is_published() {
    let broker = Broker::start();
    let mut observer = observer(&broker);
    for version in Version::ALL {
        let mut client = Client::connect(broker.address(), &Connect::new(version, "mortal").will("will", "reset"));
        client.send(&PINGREQ);
        // A socket that is closed with bytes unread is reset.
        assert_eq!(client.stream().peek(&mut [0]).ok(), Some(1));
        drop(client);
        assert_eq!(observer.message(), b"reset");
    }
    broker.end();
}

#[test]
fn a_client_that_closes_its_sending_half_is_gone() {
    let broker = Broker::start();
    let mut observer = observer(&broker);
    for version in Version::ALL {
        let mut client = Client::connect(broker.address(), &Connect::new(version, "mortal").will("will", "half"));
        client.half_close();
        assert_eq!(observer.message(), b"half");
        assert_eq!(client.receive_all(), []);
    }
    broker.end();
}

#[test]
fn a_client_that_is_silent_for_one_and_a_half_keep_alives_is_closed_and_its_will_published() {
    let broker = Broker::start();
    let mut observer = observer(&broker);
    let mut silent: Vec<(Client, Instant)> = Version::ALL
        .into_iter()
        .map(|version| Connect::new(version, &format!("silent-{version:?}")).keep_alive(1).will("will", "silent"))
        .map(|connect| (Client::connect(broker.address(), &connect), Instant::now()))
        .collect();
    for (client, since) in &mut silent {
        client.is_refused_with(0x8D);
        let after = since.elapsed();
        assert!(after >= Duration::from_millis(1400) && after < AT_ONCE, "{after:?}");
        assert_eq!(observer.message(), b"silent");
    }
    broker.end();
}

/// Whoever says only half a packet says nothing.
#[test]
fn half_a_packet_keeps_nobody_alive() {
    let broker = Broker::start();
    let mut client = Client::connect(broker.address(), &Connect::v5("halting").keep_alive(1));
    let since = Instant::now();
    for byte in [0x30, 0x7F, 0, 1, b'a', 0, 0, 0, 0, 0, 0, 0] {
        // The pace of the client: 3 s in all.
        std::thread::sleep(Duration::from_millis(250));
        if client.try_send(&[byte]).is_err() {
            break;
        }
    }
    client.is_refused_with(0x8D);
    assert!(since.elapsed() < AT_ONCE, "{:?}", since.elapsed());
    broker.end();
}
