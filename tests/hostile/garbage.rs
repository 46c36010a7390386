//! Bytes that are no MQTT, or nearly.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};

use crate::{
    AT_ONCE, MIB,
    broker::Broker,
    client::Client,
    packet::{Connect, Version},
    random::Random,
};

/// Wire vectors: every packet of every version, good and bad. The fields are described at the file's start.
const VECTORS: &str = include_str!("../../crates/mqtt-wire/tests/vectors/table.txt");

const CONNECTIONS: usize = 2000;

/// The packets that a client may send, with the versions they are meant for.
fn vectors() -> Vec<(String, Vec<u8>)> {
    let rows = VECTORS.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let packets: Vec<(String, Vec<u8>)> = rows
        .filter_map(|row| {
            let mut fields = row.split(" | ").skip(1);
            let (versions, sender, bytes) = (fields.next()?, fields.next()?, fields.next()?);
            let digits: Vec<u8> = bytes.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
            let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
            let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
            (sender.trim() != "S").then_some((versions.trim().to_owned(), bytes?))
        })
        .collect();
    assert!(packets.len() > 200, "the table has {} packets", packets.len());
    packets
}

/// Sends `bytes` and reads to the end.
fn throw(broker: &Broker, bytes: &[u8]) {
    let mut client = Client::open(broker.address(), Version::V5);
    // The broker may have heard enough before the end.
    let _ = client.try_send(bytes);
    client.half_close();
    client.receive_all();
}

/// Throws what `make` makes from several threads while another client is served.
fn bombard(broker: &Broker, seed: u64, make: impl Fn(usize, &mut Random) -> Vec<u8> + Sync) {
    const THREADS: usize = 8;
    let over = AtomicBool::new(false);
    let start = broker.memory().now;
    thread::scope(|scope| {
        let (over, make) = (&over, &make);
        let bystander = scope.spawn(move || {
            let mut client = Client::connect(broker.address(), &Connect::v5("bystander"));
            while !over.load(Ordering::Relaxed) {
                let asked = Instant::now();
                client.ping();
                assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
                thread::yield_now();
            }
        });
        let throwers: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || {
                    let mut random = Random::new(seed + thread as u64);
                    (0..CONNECTIONS / THREADS).for_each(|number| throw(broker, &make(number, &mut random)));
                })
            })
            .collect();
        let thrown: Vec<_> = throwers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        over.store(true, Ordering::Relaxed);
        assert!(thrown.iter().all(Result::is_ok), "a connection did not end");
        assert!(bystander.join().is_ok(), "the bystander was disturbed");
    });
    let grown = broker.memory().peak.saturating_sub(start);
    assert!(grown < 64 * MIB, "{grown} bytes");
}

/// A CONNECT that will be accepted. The bystander's name is not among them.
fn connect(version: Version, random: &mut Random) -> Vec<u8> {
    Connect::new(version, &format!("garbage-{}", random.below(50))).encode()
}

#[test]
fn random_bytes() {
    let broker = Broker::start();
    bombard(&broker, 0x1ACE_3196, |number, random| {
        let mut bytes = match number % 5 {
            0 => Vec::new(),
            1 => vec![0x10],
            which => connect(Version::ALL[which - 2], random),
        };
        let count = 1 + random.below(2000);
        bytes.extend(random.bytes(count));
        bytes
    });
    broker.end();
}

/// Whole packets in an order that no client would choose.
#[test]
fn shuffled_packets() {
    let broker = Broker::start();
    let vectors = vectors();
    bombard(&broker, 0x1ACE_3197, |number, random| {
        let version = Version::ALL[number % 3];
        let digit = char::from(b'0' + version as u8);
        let mut bytes = connect(version, random);
        for _ in 0..random.below(40) {
            let (versions, packet) = &vectors[random.below(vectors.len())];
            if versions.contains(digit) {
                bytes.extend_from_slice(packet);
            }
        }
        bytes
    });
    broker.end();
}

/// Whole packets with some bytes changed, lost, doubled.
#[test]
fn mutated_packets() {
    let broker = Broker::start();
    let vectors = vectors();
    bombard(&broker, 0x1ACE_3198, |number, random| {
        let version = Version::ALL[number % 3];
        let mut bytes = connect(version, random);
        let after_connect = if random.below(4) == 0 { 0 } else { bytes.len() };
        for _ in 0..1 + random.below(10) {
            bytes.extend_from_slice(&vectors[random.below(vectors.len())].1);
        }
        for _ in 0..1 + random.below(6) {
            let at = after_connect + random.below(bytes.len() - after_connect);
            match random.below(4) {
                0 => bytes[at] = random.next() as u8,
                1 => bytes[at] ^= 1 << random.below(8),
                2 => bytes.insert(at, bytes[at]),
                _ if bytes.len() > after_connect + 1 => drop(bytes.remove(at)),
                _ => {}
            }
        }
        bytes
    });
    broker.end();
}
