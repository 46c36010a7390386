//! One Client Identifier, many claimants.

use std::{sync::Barrier, thread, time::Instant};

use crate::{
    AT_ONCE,
    broker::{Broker, eventually},
    client::Client,
    packet::{Connect, Version, publish_1},
};

const CLAIMANTS: usize = 50;
const ROUNDS: usize = 20;

/// Connects, and says whether the broker let this one in; it may prefer one that came at the same time.
fn claim(broker: &Broker, connect: &Connect) -> Option<(Client, bool)> {
    let asked = Instant::now();
    let mut client = Client::open(broker.address(), connect.version);
    client.send(&connect.encode());
    let answer = client.receive();
    assert!(asked.elapsed() < AT_ONCE, "answered after {:?}: {answer:?}", asked.elapsed());
    let connack = answer.filter(|connack| connack.first == 0x20 && connack.body[1] == 0)?;
    Some((client, connack.body[0] == 1))
}

/// Whether the broker has closed the connection; what it still says is read.
fn is_closed(client: &mut Client) -> bool {
    client.stream().set_nonblocking(true).expect("a socket");
    let mut buffer = [0; 4096];
    loop {
        match std::io::Read::read(&mut client.stream(), &mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
            Err(_) => return true,
        }
    }
    client.stream().set_nonblocking(false).expect("a socket");
    false
}

/// All claim at once, over and over. Gives what each had last.
fn fight(broker: &Broker, connect: &Connect) -> Vec<(Client, bool)> {
    let barrier = Barrier::new(CLAIMANTS);
    let one = || {
        let mut last = None;
        for _ in 0..ROUNDS {
            barrier.wait();
            last = claim(broker, connect);
        }
        last
    };
    thread::scope(|scope| {
        let fighters: Vec<_> = (0..CLAIMANTS).map(|_| scope.spawn(one)).collect();
        fighters.into_iter().filter_map(|fighter| fighter.join().expect("every claim is answered")).collect()
    })
}

/// All but one are closed.
fn the_one(mut claimants: Vec<(Client, bool)>) -> (Client, bool) {
    eventually("one connection has the session", || {
        claimants.retain_mut(|(client, _)| !is_closed(client));
        match claimants.len() {
            1 => Ok(()),
            left => Err(format!("{left} have")),
        }
    });
    claimants.pop().expect("one is left")
}

#[test]
fn of_fifty_claimants_one_stays_and_the_session_is_intact() {
    let broker = Broker::start();
    for version in Version::ALL {
        let connect = Connect::new(version, "wanted").persistent();
        Client::connect(broker.address(), &connect).subscribe("to/wanted", 1);
        let (mut client, present) = the_one(fight(&broker, &connect));
        assert!(present || version == Version::V31, "the session has survived");

        let mut publisher = Client::connect(broker.address(), &Connect::v5("publisher"));
        publisher.send(&publish_1(Version::V5, "to/wanted", 1, b"for you"));
        assert_eq!(publisher.expect().body.get(2).copied().unwrap_or(0), 0, "somebody is subscribed");
        assert_eq!(client.message(), b"for you");
        client.ping();
        let clean = Connect::new(version, "wanted");
        drop(Client::connect(broker.address(), &clean));
    }
    broker.end();
}

#[test]
fn of_fifty_clean_claimants_one_stays() {
    let broker = Broker::start();
    for version in Version::ALL {
        let (mut client, present) = the_one(fight(&broker, &Connect::new(version, "wanted")));
        assert!(!present);
        client.subscribe("to/wanted", 0);
    }
    broker.end();
}
