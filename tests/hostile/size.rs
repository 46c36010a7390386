//! Packets of any size: announced, sent in part, sent whole.

use std::time::{Duration, Instant};

use crate::{
    AT_ONCE, MIB,
    broker::Broker,
    client::Client,
    packet::{Connect, PINGREQ, Version, header, publish},
};

/// The largest Remaining Length that MQTT can express.
const LARGEST: usize = 268_435_455;

const CONNECTIONS: usize = 200;

#[test]
fn a_packet_of_256_mib_is_refused_by_its_header() {
    let broker = Broker::start();
    let start = broker.memory();
    let mut clients: Vec<Client> = (0..CONNECTIONS)
        .map(|number| Connect::new(Version::ALL[number % 3], &format!("announcer-{number}")))
        .map(|connect| Client::connect(broker.address(), &connect))
        .collect();
    let sent = Instant::now();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(&header(0x30, LARGEST));
        if number % 2 == 0 {
            // The refusal may be there already.
            let _ = client.try_send(&vec![0; 1000]);
        }
    }
    clients.iter_mut().for_each(|client| client.is_refused_with(0x95));
    assert!(sent.elapsed() < AT_ONCE, "{:?}", sent.elapsed());
    let grown = broker.memory().peak - start.now;
    assert!(grown < 32 * MIB, "{grown} bytes");
    broker.end();
}

#[test]
fn a_connect_of_256_mib_is_refused_by_its_header() {
    let broker = Broker::start();
    let start = broker.memory();
    let mut clients: Vec<Client> = (0..CONNECTIONS).map(|_| Client::open(broker.address(), Version::V5)).collect();
    let sent = Instant::now();
    for (number, client) in clients.iter_mut().enumerate() {
        let beginning: &[u8] = [&b""[..], b"\0\x04MQTT\x05", b"\0\x04MQTT\x04"][number % 3];
        client.send(&[&header(0x10, LARGEST), beginning].concat());
    }
    for client in &mut clients {
        // 5.0 allows a CONNACK with 0x95, and to close without one (3.1.4).
        let said = client.receive_all();
        assert!(said.iter().all(|packet| packet.first == 0x20 && packet.body[1] == 0x95), "{said:?}");
    }
    assert!(sent.elapsed() < AT_ONCE, "{:?}", sent.elapsed());
    let grown = broker.memory().peak - start.now;
    assert!(grown < 32 * MIB, "{grown} bytes");
    broker.end();
}

#[test]
fn memory_is_taken_for_what_arrives_not_for_what_is_announced() {
    let broker = Broker::start();
    let start = broker.memory();
    let mut clients: Vec<Client> = (0..CONNECTIONS)
        .map(|number| Client::connect(broker.address(), &Connect::v5(&format!("announcer-{number}"))))
        .collect();
    for client in &mut clients {
        client.send(&header(0x30, 15 * MIB));
        client.send(&[0; 1000]);
    }
    // Read in order, so that all that was sent before has been read too: each worker has come around.
    let mut other = Client::connect(broker.address(), &Connect::v5("other"));
    (0..10).for_each(|_| other.ping());
    let grown = broker.memory().peak - start.now;
    assert!(grown < 32 * MIB, "{grown} bytes");
    drop(clients);
    broker.end();
}

#[test]
fn a_large_packet_in_pieces_is_delivered_and_its_memory_goes_back() {
    let broker = Broker::start();
    let mut subscriber = Client::connect(broker.address(), &Connect::v5("subscriber"));
    subscriber.subscribe("large", 0);
    let mut other = Client::connect(broker.address(), &Connect::v5("other"));
    let start = broker.memory();

    let payload: Vec<u8> = (0..15 * MIB).map(|at| (at / 7) as u8).collect();
    let mut publisher = Client::connect(broker.address(), &Connect::v5("publisher"));
    for piece in publish(Version::V5, "large", &payload).chunks(100_000) {
        publisher.send(piece);
        other.ping();
    }
    assert!(subscriber.message() == payload, "the payload has changed");
    publisher.ping();

    // The buffer doubles as it grows, and the message is made from it.
    let peak = broker.memory().peak - start.now;
    assert!(peak < 80 * MIB, "{peak} bytes");
    broker.shrinks_to(start.now + 8 * MIB);
    broker.end();
}

/// The first packet has a smaller bound: nobody has said who they are.
#[test]
fn a_connect_may_not_grow_beyond_its_own_limit() {
    let broker = Broker::start();
    for version in Version::ALL {
        let mut connect = Connect::new(version, "large");
        connect.will = Some(("w".repeat(60_000), "p".repeat(65_000)));
        Client::connect(broker.address(), &connect); // 125 kB are within
        connect.client_id = "c".repeat(10_000);
        let mut client = Client::open(broker.address(), version);
        let _ = client.try_send(&connect.encode());
        let said = client.receive_all();
        assert!(said.iter().all(|packet| packet.first == 0x20 && packet.body[1] == 0x95), "{said:?}");
    }
    broker.end();
}

/// The requests of a client that takes no answers stay in its own buffers.
#[test]
fn a_client_that_takes_no_answers_is_not_read_on() {
    let broker = Broker::start();
    let start = broker.memory();
    let mut client = Client::connect(broker.address(), &Connect::v5("asker"));
    client.stream().set_write_timeout(Some(Duration::from_secs(1))).expect("not zero");
    let batch = PINGREQ.repeat(32 * 1024);
    let mut offered = 0;
    while client.try_send(&batch).is_ok() {
        offered += batch.len();
        assert!(offered < 512 * MIB, "the broker reads on and on");
    }
    let grown = broker.memory().peak - start.now;
    assert!(grown < 16 * MIB, "{grown} bytes after {offered}");
    broker.end();
}
