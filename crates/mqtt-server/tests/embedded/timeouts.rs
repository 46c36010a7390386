//! `Limits::connect_timeout` and `Limits::write_timeout`.

use std::{
    io::Read,
    thread,
    time::{Duration, Instant},
};

use mqtt_server::{Counter, Limits};

use crate::{
    peer::{Connect, Peer, V5, V311},
    running::Running,
};

const SHORT: Duration = Duration::from_millis(200);

/// Far from both what is too early and what another bound would give.
fn assert_in_time(since: Instant, timeout: Duration) {
    let after = since.elapsed();
    assert!(after >= timeout && after < timeout + Duration::from_secs(3), "{after:?}");
}

#[test]
fn whoever_has_not_sent_connect_in_time_is_closed() {
    let server = Running::start(Limits { connect_timeout: SHORT, ..Limits::default() });
    let mut online = Peer::connect(server.address(), &Connect::new(V5, "online"));
    for sent in [&b""[..], b"\x10", b"\x10\x20\0\x04MQTT\x05\x02"] {
        let since = Instant::now();
        let mut peer = Peer::open(server.address(), V5);
        peer.send(sent);
        peer.is_closed();
        assert_in_time(since, SHORT);
    }
    server.counts(Counter::ConnectTimeouts, 3);
    online.ping();
    drop(online);
    server.has_connections(0);
}

const LARGE: usize = 64 * 1024;

/// Publishes until the socket of a subscriber that does not read is full.
fn flood(server: &Running, until: Counter) {
    let mut publisher = Peer::connect(server.address(), &Connect::new(V5, "publisher"));
    let end = Instant::now() + crate::BOUND;
    while server.count(until) == 0 {
        assert!(Instant::now() < end, "{} stays 0", until.name());
        publisher.publish("flood", &[0; LARGE]);
        publisher.ping();
    }
}

#[test]
fn a_socket_that_takes_nothing_ends_its_connection_but_not_its_session() {
    let server = Running::start(Limits { write_timeout: SHORT, inbox_messages: 100, ..Limits::default() });
    let mut observer = Peer::connect(server.address(), &Connect::new(V5, "observer"));
    observer.subscribe("will", 0);
    let stuck = Connect { session_expiry: Some(60), will: Some(("will", "stuck")), ..Connect::new(V5, "stuck") };
    let mut peer = Peer::connect(server.address(), &stuck);
    peer.subscribe("flood", 0);
    flood(&server, Counter::SlowConsumers);

    assert_eq!(observer.message(), b"stuck");
    // What the kernel had taken is there, then the end.
    let mut rest = Vec::new();
    let _ = peer.stream.read_to_end(&mut rest);
    let mut again = Peer::begin(server.address(), &stuck);
    assert_eq!(again.expect(0x20).body[..2], [1, 0], "the session is there");
    server.counts(Counter::SlowConsumers, 1);
}

#[test]
fn a_socket_that_takes_a_little_now_and_then_is_no_slow_consumer() {
    let server = Running::start(Limits { write_timeout: 3 * SHORT, inbox_messages: 10, ..Limits::default() });
    let mut peer = Peer::connect(server.address(), &Connect::new(V311, "leisurely"));
    peer.subscribe("flood", 0);
    flood(&server, Counter::DroppedInboxFull); // from here on its socket is full
    let since = Instant::now();
    let mut buffer = vec![0; 512 * 1024];
    while since.elapsed() < 12 * SHORT {
        peer.stream.read_exact(&mut buffer).expect("the connection goes on");
        let mut publisher = Peer::connect(server.address(), &Connect::new(V5, "publisher"));
        (0..20).for_each(|_| publisher.publish("flood", &[0; LARGE]));
        publisher.ping();
        // The pace of the reader.
        thread::sleep(SHORT / 4);
    }
    server.counts(Counter::SlowConsumers, 0);
}
