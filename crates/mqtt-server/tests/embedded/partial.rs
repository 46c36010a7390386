//! `Limits::partial_bytes`: packets that have begun and do not end.

use mqtt_server::{Counter, Limits};

use crate::{
    peer::{Connect, Peer, V5},
    running::Running,
};

/// A PUBLISH of 150,000 bytes of which 100,000 are there: 64 KiB are free, the rest draws one piece of 64 KiB.
fn begin(server: &Running, client_id: &str) -> Peer {
    let mut peer = Peer::connect(server.address(), &Connect::new(V5, client_id));
    peer.send(&[0x30, 0xF0, 0x93, 0x09, 0, 1, b't', 0]);
    peer.send(&[0; 100_000 - 8]);
    peer
}

#[test]
fn half_received_packets_together_hold_so_many_bytes_then_who_needs_more_is_closed() {
    let server = Running::start(Limits { partial_bytes: 128 * 1024, ..Limits::default() });
    let mut small = Peer::connect(server.address(), &Connect::new(V5, "small"));
    let (first, second) = (begin(&server, "first"), begin(&server, "second"));
    server.holds_partial(128 * 1024);
    let mut third = begin(&server, "third");
    assert_eq!(third.expect(0xE0).body[0], 0x97, "Quota exceeded");
    server.counts(Counter::PartialPacketsRefused, 1);
    small.ping();

    // What is given up can be used again.
    drop((first, second));
    server.holds_partial(0);
    let mut fourth = begin(&server, "fourth");
    fourth.send(&[0; 50_004]);
    fourth.ping();
    server.counts(Counter::PartialPacketsRefused, 1);
}
