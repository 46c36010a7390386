//! Handshakes, ends, silence, and addresses that change.

use crate::client::{Client, Tls, endpoint, quic};
use crate::packets::{Connect, DISCONNECT, publish};
use crate::server::{BOUND, Running, Wishes};
use mqtt_server::endpoint::{Address, Endpoint, HostPort, QuicOptions};
use mqtt_server::{Counter, Limits};
use quinn::{ConnectionError, VarInt};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::UdpSocket;

const SECOND: Duration = Duration::from_secs(1);

/// A client that is told when another one's will is published.
async fn mourner(server: &Running) -> Client {
    let mut client = Client::connect(server, Connect::new("mourner")).await;
    client.control.subscribe("will", 0).await;
    client
}

fn mortal(client_id: &str) -> Connect<'_> {
    Connect { will: Some(("will", client_id)), ..Connect::new(client_id) }
}

#[tokio::test]
async fn both_protocol_names_are_spoken_and_no_other() {
    let server = Running::start().await;
    for alpn in [&b"mqtt"[..], b"mqtt-quic"] {
        let mut client = Client::open(&server, Tls { alpn, certificate: false }).await;
        client.control.send(&Connect::new("a").encode()).await;
        client.control.expect(0x20).await;
    }
    let Err(ConnectionError::ConnectionClosed(close)) =
        Client::handshake(&server, Tls { alpn: b"h3", certificate: false }).await
    else {
        panic!()
    };
    assert_eq!(close.error_code, quinn::TransportErrorCode::crypto(120), "no_application_protocol");
    server.counts(Counter::HandshakesFailed, 1).await;
    assert_eq!(server.metric("mqtt.server.tls.handshake.duration"), 2.0);
    assert!(server.metric("mqtt.server.tls.cert.expiry") > 3600.0, "seconds");
    assert_eq!(server.metric("mqtt.server.rejected_connections"), 1.0);
}

#[tokio::test]
async fn a_client_certificate_can_be_required() {
    let server = Running::with(Wishes { client_certificates: true, ..Wishes::default() }).await;
    let mut client = Client::open(&server, Tls { certificate: true, ..Tls::default() }).await;
    client.control.send(&Connect::new("a").encode()).await;
    client.control.expect(0x20).await;
    // TLS 1.3 clients believe to be done before the server has looked.
    let anonymous = Client::open(&server, Tls::default()).await;
    let error = tokio::time::timeout(BOUND, anonymous.connection.closed()).await.expect("in time");
    let ConnectionError::ConnectionClosed(close) = error else { panic!("{error}") };
    assert_eq!(close.error_code, quinn::TransportErrorCode::crypto(116), "certificate_required");
    server.counts(Counter::HandshakesFailed, 1).await;
    server.has_connections(1).await;
}

#[tokio::test]
async fn new_certificates_are_for_new_connections() {
    let server = Running::start().await;
    let mut old = Client::connect(&server, Connect::new("old")).await;
    server.certificates.renew();
    let (changes, errors) = server.handle.set_endpoints(std::slice::from_ref(&server.endpoint)).await;
    assert!(errors.is_empty() && changes.changed == ["quic"], "{changes:?}, {errors:?}");
    Client::connect(&server, Connect::new("new")).await;
    old.control.ping().await;
}

#[tokio::test]
async fn an_endpoint_that_is_closed_takes_no_connections_and_those_it_has_go_on() {
    let server = Running::start().await;
    let mut client = Client::connect(&server, Connect::new("a")).await;
    server.handle.set_endpoints(&[]).await;
    let late = tokio::time::timeout(SECOND, Client::handshake(&server, Tls::default())).await;
    assert!(!matches!(late, Ok(Ok(_))), "connected to a closed endpoint");
    client.control.ping().await;
}

#[tokio::test]
async fn the_port_of_a_closed_endpoint_can_be_had_again_while_its_connections_live() {
    let server = Running::start().await;
    let mut old = Client::connect(&server, Connect::new("old")).await;
    let at = |name: &str, host: &str| {
        let address = Address::Quic(HostPort { host: host.to_owned(), port: server.address.port() });
        Endpoint { name: name.to_owned(), address, ..server.endpoint.clone() }
    };
    for name in ["another", "a third"] {
        server.handle.set_endpoints(&[]).await;
        let (changes, errors) = server.handle.set_endpoints(&[at(name, "127.0.0.1")]).await;
        assert!(errors.is_empty() && changes.opened == [name], "{changes:?}, {errors:?}");
        Client::connect(&server, Connect::new("new")).await.control.ping().await;
        old.control.ping().await;
    }
    // Every other address with that port is taken.
    let (_, errors) = server.handle.set_endpoints(&[at("elsewhere", "::")]).await;
    let said = errors.iter().map(ToString::to_string).collect::<String>();
    assert!(said.contains("connections of an endpoint that was closed still use this port"), "{said}");
    old.control.ping().await;
    old.connection.close(VarInt::from_u32(0), b"");
    let free = async {
        while std::net::UdpSocket::bind(server.address).is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(BOUND, free).await.expect("the port is free after the last connection");
}

#[tokio::test]
async fn the_end_of_the_control_stream_is_the_end_of_the_connection() {
    let server = Running::start().await;
    let mut mourner = mourner(&server).await;
    let mut client = Client::connect(&server, mortal("finished")).await;
    let _data = client.stream().await;
    client.control.send.finish().unwrap();
    mourner.control.gets("will", b"finished").await;
    assert_eq!(client.closed().await, VarInt::from_u32(1));
    let mut client = Client::connect(&server, mortal("reset")).await;
    client.control.send.reset(VarInt::from_u32(9)).unwrap();
    mourner.control.gets("will", b"reset").await;
    assert_eq!(client.closed().await, VarInt::from_u32(1));
    let client = Client::connect(&server, mortal("closed")).await;
    client.connection.close(VarInt::from_u32(0), b"");
    mourner.control.gets("will", b"closed").await;
    server.has_connections(1).await;
}

#[tokio::test]
async fn disconnect_ends_the_connection_without_a_will_once_the_last_answers_are_out() {
    let server = Running::start().await;
    let mut mourner = mourner(&server).await;
    let mut client = Client::connect(&server, mortal("a")).await;
    client.control.send(&[publish(1, 7, "t", b""), vec![0xE0, 0]].concat()).await;
    client.control.send.finish().unwrap();
    assert_eq!(client.control.expect(0x40).await.body[..2], [0, 7]);
    assert_eq!(client.closed().await, VarInt::from_u32(0));
    mourner.control.is_silent().await;
}

#[tokio::test]
async fn a_client_that_moves_keeps_its_session() {
    let server = Running::start().await;
    let mut client = Client::connect(&server, mortal("a")).await;
    let mut data = client.stream().await;
    data.subscribe("t", 0).await;
    for _ in 0..3 {
        client.move_away();
        data.send(&publish(0, 0, "t", b"here")).await;
        data.gets("t", b"here").await;
        client.control.ping().await;
    }
    server.has_connections(1).await;
}

#[tokio::test]
async fn silence_ends_a_connection_without_keep_alive_only() {
    let quic = QuicOptions { idle_timeout: 2 * SECOND, ..QuicOptions::default() };
    let server = Running::with(Wishes { quic, ..Wishes::default() }).await;
    let silent = Client::connect(&server, mortal("silent")).await;
    let mut supervised = Client::connect(&server, Connect { keep_alive: 60, ..Connect::new("supervised") }).await;
    let mut pinging = Client::connect(&server, Connect::new("pinging")).await;
    let waits = async {
        silent.closed().await;
        server.counts(Counter::IdleTimeouts, 1).await;
    };
    let pings = async {
        loop {
            pinging.control.ping().await;
            tokio::time::sleep(SECOND / 4).await;
        }
    };
    tokio::select! {
        () = waits => {}
        () = pings => {}
    }
    pinging.control.ping().await;
    supervised.control.ping().await;
    server.has_connections(2).await;
}

#[tokio::test]
async fn keep_alive_ends_a_silent_connection() {
    let server = Running::start().await;
    let mut client = Client::connect(&server, Connect { keep_alive: 1, ..Connect::new("a") }).await;
    assert_eq!(client.control.expect(DISCONNECT).await.body[0], 0x8D);
    server.counts(Counter::KeepAliveTimeouts, 1).await;
}

#[tokio::test]
async fn a_connection_without_connect_is_not_kept() {
    let limits = Limits { connect_timeout: SECOND / 2, ..Limits::default() };
    let server = Running::with(Wishes { limits, ..Wishes::default() }).await;
    let mute = Client::open(&server, Tls::default()).await; // no stream is seen before something is sent on it
    let mut slow = Client::open(&server, Tls::default()).await;
    slow.control.send(&[0x10]).await;
    mute.closed().await;
    slow.closed().await;
    server.counts(Counter::ConnectTimeouts, 2).await;
    server.has_connections(0).await;
}

#[tokio::test]
async fn connections_beyond_the_limit_are_refused() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let server = Running::with(Wishes { limits, ..Wishes::default() }).await;
    let mut client = Client::connect(&server, Connect::new("a")).await;
    let Err(ConnectionError::ConnectionClosed(close)) = Client::handshake(&server, Tls::default()).await else {
        panic!()
    };
    assert_eq!(close.error_code, quinn::TransportErrorCode::CONNECTION_REFUSED);
    server.counts(Counter::ConnectionsRefused, 1).await;
    client.control.ping().await;
}

/// Passes datagrams to `server` and nothing back, so that handshakes do not end.
async fn one_way(server: SocketAddr) -> SocketAddr {
    let (front, back) = (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let address = front.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok(length) = front.recv(&mut buffer).await {
            back.send_to(&buffer[..length], server).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn with_many_handshakes_under_way_a_client_first_proves_its_address() {
    let server = Running::start().await;
    Client::connect(&server, Connect::new("before")).await;
    assert_eq!(server.count(Counter::AddressesDoubted), 0);
    let (flood, address) = (endpoint(), one_way(server.address).await);
    let config = quic(Tls::default().config(&server));
    let mut half_open = Vec::new();
    while server.count(Counter::AddressesDoubted) == 0 {
        assert!(half_open.len() < 1000);
        half_open.push(flood.connect_with(config.clone(), address, "localhost").unwrap());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(half_open.len() > 60, "{} handshakes", half_open.len());
    let before = server.count(Counter::AddressesDoubted);
    let mut honest = Client::connect(&server, Connect::new("honest")).await;
    assert!(server.count(Counter::AddressesDoubted) > before);
    honest.control.ping().await;
}

#[tokio::test]
async fn the_servers_end_is_told_and_wills_are_published() {
    let mut server = Running::start().await;
    let mut mourner = mourner(&server).await;
    let mut client = Client::connect(&server, mortal("a")).await;
    server.stop();
    assert_eq!(client.control.expect(DISCONNECT).await.body[0], 0x8B);
    mourner.control.gets("will", b"a").await;
    assert_eq!(mourner.control.expect(DISCONNECT).await.body[0], 0x8B);
    server.ended().await;
}
