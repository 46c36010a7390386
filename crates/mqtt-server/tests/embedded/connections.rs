//! `Limits::connections`.

use mqtt_server::{Counter, Limits};

use crate::{
    peer::{Connect, Peer, V5, V311},
    running::Running,
};

#[test]
fn a_connection_too_many_is_closed_on_accept_and_a_free_place_is_given_again() {
    let server = Running::start(Limits { connections: 3, ..Limits::default() });
    let mut first = Peer::connect(server.address(), &Connect::new(V5, "first"));
    let _second = Peer::connect(server.address(), &Connect::new(V311, "second"));
    let silent = Peer::open(server.address(), V5); // one before CONNECT counts
    server.has_connections(3);

    for refused in 1..=5 {
        Peer::open(server.address(), V5).is_closed();
        server.counts(Counter::ConnectionsRefused, refused);
    }
    first.ping();

    drop(silent);
    server.has_connections(2);
    let mut third = Peer::connect(server.address(), &Connect::new(V5, "third"));
    third.ping();
    server.counts(Counter::ConnectionsRefused, 5);
}
