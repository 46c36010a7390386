//! The end: everybody is told, wills go out, `run` returns.

use std::{future::pending, time::Duration};

use mqtt_server::{
    Limits,
    auth::{Answer, Authenticator, Credentials, Verdict},
};

use crate::{
    peer::{Connect, Peer, V5, V311},
    running::Running,
};

/// Never decides about `never`.
struct Undecided;

impl Authenticator for Undecided {
    fn authenticate(&self, credentials: &Credentials<'_>) -> Answer {
        match credentials.client_id {
            "never" => Answer::Later(Box::pin(pending())),
            _ => Answer::Now(Verdict::Accept(None)),
        }
    }
}

#[test]
fn everybody_is_told_as_far_as_possible_and_run_returns() {
    let server = Running::with(Limits::default(), Undecided);
    let mut v5: Vec<Peer> =
        (0..20).map(|number| Peer::connect(server.address(), &Connect::new(V5, &format!("v5-{number}")))).collect();
    let mut v311 = Peer::connect(server.address(), &Connect::new(V311, "v311"));
    let mut silent = Peer::open(server.address(), V5);
    let mut half = Peer::open(server.address(), V5);
    half.send(b"\x10\x20\0\x04MQTT");
    let mut judged = Peer::begin(server.address(), &Connect::new(V5, "never"));
    server.has_connections(24);
    // What was sent before has been read.
    v5[0].ping();

    let address = server.address();
    let ending = server.stop();
    for peer in &mut v5 {
        assert_eq!(peer.expect(0xE0).body[0], 0x8B, "Server shutting down");
        peer.is_closed();
    }
    v311.is_closed();
    silent.is_closed();
    half.is_closed();
    assert_eq!(judged.connack(), 0x88, "Server unavailable");
    judged.is_closed();
    drop((v5, v311, silent, half, judged));
    let (took, left) = ending.wait();
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert_eq!(left, 0);
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody listens");
}

#[test]
fn wills_reach_those_who_are_still_there() {
    const MORTALS: usize = 50;
    for _ in 0..20 {
        let server = Running::start(Limits::default());
        let mut observers: Vec<Peer> = (0..4)
            .map(|number| Peer::connect(server.address(), &Connect::new(V5, &format!("observer-{number}"))))
            .collect();
        observers.iter_mut().for_each(|observer| observer.subscribe("will", 0));
        let mortal = |number: usize| {
            let id = format!("mortal-{number}");
            let connect = Connect::new([V311, V5][number % 2], &id);
            Peer::connect(server.address(), &Connect { will: Some(("will", "gone")), ..connect })
        };
        let mortals: Vec<Peer> = (0..MORTALS).map(mortal).collect();
        let ending = server.stop();
        for observer in &mut observers {
            for number in 0..MORTALS {
                let packet = observer.receive().expect("a will or a DISCONNECT");
                assert_eq!(packet.first, 0x30, "a will, after {number} of {MORTALS}: {packet:x?}");
            }
            assert_eq!(observer.expect(0xE0).body[0], 0x8B);
        }
        drop((observers, mortals));
        ending.wait();
    }
}

/// Whoever does not take the last packet does not keep the server.
#[test]
fn a_client_that_does_not_read_does_not_keep_the_server() {
    let server = Running::start(Limits { inbox_messages: 10, ..Limits::default() });
    let mut stuck = Peer::connect(server.address(), &Connect::new(V5, "stuck"));
    stuck.subscribe("flood", 0);
    let mut publisher = Peer::connect(server.address(), &Connect::new(V311, "publisher"));
    while server.count(mqtt_server::Counter::DroppedInboxFull) == 0 {
        publisher.publish("flood", &[0; 64 * 1024]);
        publisher.ping();
    }
    let (took, _) = server.stop().wait();
    assert!(took < Duration::from_secs(8), "{took:?}");
}
