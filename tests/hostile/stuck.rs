//! Subscribers that do not read, and publishers that do not stop.

use std::{
    sync::mpsc::{Receiver, sync_channel},
    thread,
    time::Instant,
};

use crate::{
    AT_ONCE, MIB,
    broker::Broker,
    client::Client,
    packet::{Connect, DISCONNECT, PINGREQ, Version, puback, publish, publish_1},
};

/// Subscribers that do not read; each has a topic of its own, so that none shares messages with another.
const STUCK: usize = 4;

/// `Limits::inbox_bytes`.
const INBOX: usize = 32 * MIB;

/// `Limits::in_flight`.
const IN_FLIGHT: usize = 256;

const PAYLOAD: usize = 16 * 1024;

/// Each topic gets this many messages: 512 MiB. A subscriber to all gets four times as much.
const EACH: usize = 512 * MIB / PAYLOAD;

/// What the publisher may be ahead of the subscriber that reads: the inbox never fills, nothing of its messages is dropped.
const AHEAD: usize = 512;

fn payload(number: usize) -> Vec<u8> {
    let mut payload = vec![b'.'; PAYLOAD];
    payload[..8].copy_from_slice(&(number as u64).to_be_bytes());
    payload
}

fn number(payload: &[u8]) -> usize {
    u64::from_be_bytes(payload[..8].try_into().expect("eight bytes")) as usize
}

fn topic(number: usize) -> String {
    format!("flood/{}", number % STUCK)
}

fn stick(broker: &Broker, qos: u8) -> Vec<Client> {
    let subscribe = |at: usize| {
        let connect = Connect::new(Version::ALL[at % 3], &format!("stuck-{at}")).persistent();
        let mut client = Client::connect(broker.address(), &connect);
        client.subscribe(&topic(at), qos);
        client
    };
    (0..STUCK).map(subscribe).collect()
}

/// A subscriber to everything that reads `count` messages and finds them complete and in order. A token for each lets the publisher go on.
fn read_all(broker: &Broker, count: usize, qos: u8) -> (thread::JoinHandle<()>, Receiver<()>) {
    let mut client = Client::connect(broker.address(), &Connect::v5("reader"));
    client.subscribe("flood/+", qos);
    let (token, tokens) = sync_channel(AHEAD);
    (0..AHEAD).for_each(|_| token.send(()).expect("as many as there is room for"));
    let reader = thread::spawn(move || {
        for expected in 0..count {
            assert_eq!(number(&client.message()), expected, "complete and in order");
            // The publisher is done before its last tokens are.
            let _ = token.send(());
        }
    });
    (reader, tokens)
}

fn assert_bounded(broker: &Broker, start: usize) {
    let grown = broker.memory().peak - start;
    // Beside the inboxes: what is on its way to the stuck ones, and what the publisher is ahead of the reader.
    let counted = STUCK * (INBOX + IN_FLIGHT * PAYLOAD) + AHEAD * PAYLOAD;
    // The allocator's classes are up to a quarter apart, and a payload of a power of two falls just above one.
    let most = counted / 4 * 5 + 16 * MIB;
    println!("{} MiB more at the peak, {} allowed", grown / MIB, most / MIB);
    assert!(grown < most, "{grown} bytes, {most} allowed");
}

#[test]
fn subscribers_that_do_not_read_stop_nobody_at_qos_0() {
    let broker = Broker::start();
    let start = broker.memory().now;
    let stuck = stick(&broker, 0);
    let (reader, tokens) = read_all(&broker, STUCK * EACH, 0);
    let mut publisher = Client::connect(broker.address(), &Connect::v5("publisher"));
    for number in 0..STUCK * EACH {
        tokens.recv().expect("the reader reads");
        publisher.send(&publish(Version::V5, &topic(number), &payload(number)));
    }
    reader.join().expect("the reader got everything");
    publisher.ping();
    assert_bounded(&broker, start);
    drop(stuck);
    broker.shrinks_to(start + 16 * MIB);
    broker.end();
}

#[test]
fn subscribers_that_do_not_read_stop_nobody_at_qos_1_and_are_taken_over_at_once() {
    let broker = Broker::start();
    let start = broker.memory().now;
    let stuck = stick(&broker, 1);
    let count = STUCK * EACH / 4;
    let (reader, tokens) = read_all(&broker, count, 1);
    let mut publisher = Client::connect(broker.address(), &Connect::v5("publisher"));
    for number in 0..count {
        tokens.recv().expect("the reader reads");
        publisher.send(&publish_1(Version::V5, &topic(number), 1, &payload(number)));
        let puback = publisher.expect();
        assert_eq!((puback.first, puback.body.get(2).copied().unwrap_or(0)), (0x40, 0), "PUBACK");
    }
    reader.join().expect("the reader got everything");
    assert_bounded(&broker, start);

    for (at, old) in stuck.into_iter().enumerate() {
        let asked = Instant::now();
        let connect = Connect::new(old.version(), &format!("stuck-{at}")).persistent();
        let (mut new, present) = Client::connect_to_session(broker.address(), &connect);
        assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
        assert!(present || connect.version == Version::V31, "the session is there; 3.1 cannot say so");
        drain_in_order(&mut new, at);
        drop(old);
        // The last of it goes with the session.
        Client::connect(broker.address(), &Connect::new(new.version(), &format!("stuck-{at}"))).send(&DISCONNECT);
    }
    broker.shrinks_to(start + 16 * MIB);
    broker.end();
}

/// What was under way comes again, then what waited: from the first message on and without a gap, as far as the inbox went.
fn drain_in_order(client: &mut Client, at: usize) {
    let mut expected = at;
    client.send(&PINGREQ);
    loop {
        let packet = client.expect();
        if packet.first == 0xD0 {
            // Sent between messages; another one comes when all are out.
            if expected / STUCK * PAYLOAD > INBOX * 9 / 10 {
                break;
            }
            client.send(&PINGREQ);
            continue;
        }
        let (id, payload) = packet.published(client.version());
        assert_eq!(number(payload), expected, "in order and without a gap");
        let id = id.expect("QoS 1");
        expected += STUCK;
        client.send(&puback(id));
    }
}

/// Receive Maximum bounds how many messages are under way, and what they hold is bounded as well.
#[test]
fn a_subscriber_that_never_acknowledges_holds_no_more_than_its_inbox() {
    let broker = Broker::start();
    let start = broker.memory().now;
    let mut subscriber = Client::connect(broker.address(), &Connect::v5("silent"));
    subscriber.subscribe("large", 1);
    let reader = thread::spawn(move || while subscriber.receive().is_some() {});
    let mut publisher = Client::connect(broker.address(), &Connect::v5("publisher"));
    let payload = vec![b'.'; 2 * MIB];
    for _ in 0..300 {
        publisher.send(&publish_1(Version::V5, "large", 1, &payload));
        assert_eq!(publisher.expect().first, 0x40, "PUBACK");
    }
    let grown = broker.memory().peak - start;
    println!("{} MiB more at the peak", grown / MIB);
    assert!(grown < 2 * INBOX + 32 * MIB, "{grown} bytes");
    Client::connect(broker.address(), &Connect::v5("silent")).ping();
    reader.join().expect("the reader reads to the end");
    broker.end();
}
