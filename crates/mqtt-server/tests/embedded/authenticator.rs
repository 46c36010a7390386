//! Authenticators that take their time, ask back, or never answer.

use std::{
    future::pending,
    sync::Arc,
    time::{Duration, Instant},
};

use mqtt_server::{
    Counter, Limits,
    auth::{Answer, Authenticator, Credentials, Exchange, Verdict},
};
use mqtt_wire::ReasonCode;

use crate::{
    peer::{Connect, Peer, V5, V311, packet, string},
    running::Running,
};

const SHORT: Duration = Duration::from_millis(200);

/// Decides by the user's name, slowly but for `quick`. Whoever waits for a verdict holds a clone of the token.
#[derive(Clone, Default)]
pub struct Moody {
    waiting: Arc<()>,
}

impl Moody {
    fn decide(&self, who: &str) -> Answer {
        let token = self.waiting.clone();
        let later = |verdict| {
            Answer::Later(Box::pin(async move {
                let _token = token;
                tokio::time::sleep(SHORT / 4).await;
                verdict
            }))
        };
        match who {
            "quick" => Answer::Now(Verdict::Accept(None)),
            "slow" => later(Verdict::Accept(None)),
            "bad" => later(Verdict::Refuse(ReasonCode::NotAuthorized)),
            "asked" => later(Verdict::Continue(b"what?".to_vec())),
            _ => {
                let token = self.waiting.clone();
                Answer::Later(Box::pin(async move {
                    let _token = token;
                    pending().await
                }))
            }
        }
    }
}

impl Authenticator for Moody {
    fn authenticate(&self, credentials: &Credentials<'_>) -> Answer {
        self.decide(credentials.user_name.unwrap_or_default())
    }

    fn begin(&self, method: &str, _credentials: &Credentials<'_>) -> Option<Box<dyn Exchange>> {
        (method == "MOODY").then(|| Box::new(self.clone()) as Box<dyn Exchange>)
    }
}

impl Exchange for Moody {
    fn step(&mut self, data: &[u8]) -> Answer {
        self.decide(std::str::from_utf8(data).unwrap_or_default())
    }
}

fn start() -> (Running, Moody) {
    let moody = Moody::default();
    // Long enough for the slow verdict on a busy machine.
    (Running::with(Limits { connect_timeout: 5 * SHORT, ..Limits::default() }, moody.clone()), moody)
}

fn user(version: u8, name: &str) -> Connect<'_> {
    Connect { user: Some((name, "")), ..Connect::new(version, name) }
}

fn method<'a>(method: &'a str, data: &'a str) -> Connect<'a> {
    Connect { method: Some((method, data)), ..Connect::new(V5, "exchange") }
}

#[test]
fn what_was_sent_behind_connect_is_handled_after_a_slow_verdict() {
    let (server, _) = start();
    for version in [V311, V5] {
        let properties: &[u8] = if version == V5 { &[0] } else { &[] };
        let subscribe = packet(0x82, &[&[0, 1], properties, &string("t"), &[0]].concat());
        let publish = packet(0x30, &[&string("t"), properties, b"hello"].concat());
        let mut peer = Peer::open(server.address(), version);
        peer.send(&[&user(version, "slow").encode()[..], &subscribe, &publish, &[0xC0]].concat());
        assert_eq!(peer.connack(), 0);
        peer.expect(0x90);
        assert_eq!(peer.message(), b"hello");
        peer.send(&[0]);
        peer.expect(0xD0);
    }
}

#[test]
fn a_slow_verdict_keeps_nobody_else_waiting() {
    let (server, moody) = start();
    let _waiting: Vec<Peer> = (0..50).map(|_| Peer::begin(server.address(), &user(V5, "never"))).collect();
    let since = Instant::now();
    while Arc::strong_count(&moody.waiting) < 50 && since.elapsed() < SHORT {
        std::thread::yield_now();
    }
    Peer::connect(server.address(), &user(V5, "quick")).ping();
    assert!(since.elapsed() < 5 * SHORT, "{:?}", since.elapsed());
}

#[test]
fn a_slow_refusal_is_told_in_each_version() {
    let (server, _) = start();
    for (version, code) in [(V311, 5), (V5, 0x87)] {
        let mut peer = Peer::begin(server.address(), &user(version, "bad"));
        assert_eq!(peer.connack(), code);
        peer.is_closed();
    }
    server.counts(Counter::ConnectTimeouts, 0);
}

#[test]
fn a_verdict_that_never_comes_ends_at_the_connect_timeout() {
    let (server, moody) = start();
    for (number, version) in [(1, V5), (2, V311)] {
        let since = Instant::now();
        let mut peer = Peer::begin(server.address(), &user(version, "never"));
        if version == V5 {
            assert_eq!(peer.connack(), 0x80, "Unspecified error");
        }
        peer.is_closed();
        assert!(since.elapsed() >= 5 * SHORT, "{:?}", since.elapsed());
        server.counts(Counter::ConnectTimeouts, number);
    }
    server.has_connections(0);
    // One is the authenticator's, one the test's.
    assert_eq!(Arc::strong_count(&moody.waiting), 2, "nobody waits for a verdict any more");
}

#[test]
fn a_client_that_goes_while_it_is_judged_leaves_nothing() {
    let (server, moody) = start();
    for name in ["slow", "bad", "never"] {
        (0..20).for_each(|_| drop(Peer::begin(server.address(), &user(V5, name))));
    }
    server.has_connections(0);
    assert_eq!(Arc::strong_count(&moody.waiting), 2);
    Peer::connect(server.address(), &user(V5, "slow"));
}

#[test]
fn a_question_without_a_method_is_a_refusal() {
    let (server, _) = start();
    assert_eq!(Peer::begin(server.address(), &user(V5, "asked")).connack(), 0x8C, "Bad authentication method");
}

#[test]
fn an_unknown_method_is_refused() {
    let (server, _) = start();
    assert_eq!(Peer::begin(server.address(), &method("NO-SUCH", "")).connack(), 0x8C);
}

#[test]
fn an_exchange_goes_on_step_by_step() {
    let (server, _) = start();
    let mut peer = Peer::begin(server.address(), &method("MOODY", "asked"));
    for _ in 0..3 {
        assert_eq!(peer.expect(0xF0).body[0], 0x18, "Continue authentication");
        peer.auth(0x18, "MOODY", "asked");
    }
    assert_eq!(peer.expect(0xF0).body[0], 0x18);
    peer.auth(0x18, "MOODY", "slow");
    assert_eq!(peer.connack(), 0);

    // Again, while messages go on.
    peer.subscribe("t", 0);
    peer.auth(0x19, "MOODY", "asked");
    peer.publish("t", b"meanwhile");
    assert_eq!(peer.expect(0xF0).body[0], 0x18);
    assert_eq!(peer.message(), b"meanwhile");
    peer.auth(0x18, "MOODY", "bad");
    assert_eq!(peer.expect(0xE0).body[0], 0x87, "Not authorized");
    peer.is_closed();
}

#[test]
fn a_client_that_does_not_go_on_with_its_exchange_is_closed() {
    let (server, _) = start();
    let mut peer = Peer::begin(server.address(), &method("MOODY", "asked"));
    assert_eq!(peer.expect(0xF0).body[0], 0x18);
    assert_eq!(peer.connack(), 0x80);
    peer.is_closed();
    server.counts(Counter::ConnectTimeouts, 1);
}
