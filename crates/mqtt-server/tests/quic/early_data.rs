//! 0-RTT: off unless it is asked for, and what a first flight can do where it is on.

use crate::client::{Client, Tls, endpoint, quic};
use crate::packets::{Connect, DISCONNECT, publish};
use crate::relay::Relay;
use crate::server::{BOUND, Running, Wishes};
use mqtt_server::endpoint::QuicOptions;
use mqtt_server::{Counter, Limits};
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::timeout;

/// Its session stays.
const KEPT: Connect<'_> = Connect { client_id: "a", keep_alive: 0, session_expiry: Some(100), will: None };

async fn server(client_certificates: bool, zero_rtt: bool) -> Running {
    let quic = QuicOptions { zero_rtt, ..QuicOptions::default() };
    let limits = Limits { connect_timeout: Duration::from_secs(1), ..Limits::default() };
    Running::with(Wishes { quic, client_certificates, limits }).await
}

/// A client that remembers its last connection.
struct Returning {
    endpoint: Endpoint,
    config: ClientConfig,
    address: SocketAddr,
}

/// A connection whose first flight is on its way, and its control stream.
struct Flight {
    connection: Connection,
    accepted: quinn::ZeroRttAccepted,
    send: SendStream,
    recv: RecvStream,
}

impl Returning {
    /// Connects once, so that there is something to remember.
    async fn new(server: &Running, address: SocketAddr, connect: Connect<'_>) -> Returning {
        let mut tls = Tls { certificate: true, ..Tls::default() }.config(server);
        tls.enable_early_data = true;
        let client = Returning { endpoint: endpoint(), config: quic(tls), address };
        let connecting = client.endpoint.connect_with(client.config.clone(), address, "localhost").unwrap();
        let first = timeout(BOUND, connecting).await.expect("in time").unwrap();
        let (mut send, mut recv) = first.open_bi().await.unwrap();
        send.write_all(&connect.encode()).await.unwrap();
        recv.read_exact(&mut [0; 4]).await.unwrap(); // of CONNACK; the ticket has come as well by then
        first.close(0u32.into(), b"");
        server.has_connections(0).await;
        client
    }

    /// Comes back with `bytes` in the first flight, if the server has allowed one.
    async fn fly(&self, bytes: &[u8]) -> Option<Flight> {
        let connecting = self.endpoint.connect_with(self.config.clone(), self.address, "localhost").unwrap();
        let (connection, accepted) = connecting.into_0rtt().ok()?;
        let (mut send, recv) = connection.open_bi().await.unwrap();
        send.write_all(bytes).await.unwrap();
        Some(Flight { connection, accepted, send, recv })
    }
}

impl Flight {
    /// Whether it was taken; reads the first byte of the answer.
    async fn taken(mut self) -> bool {
        let mut first = [0];
        timeout(BOUND, self.recv.read_exact(&mut first)).await.expect("in time").unwrap();
        assert_eq!(first[0], 0x20, "CONNACK");
        self.accepted.await
    }
}

/// A client that is told of everything that is published.
async fn watcher(server: &Running) -> Client {
    let mut client = Client::connect(server, Connect::new("watcher")).await;
    client.control.subscribe("#", 0).await;
    client
}

#[tokio::test]
async fn early_data_is_taken_only_where_it_is_switched_on() {
    for (on, connect) in [(false, KEPT), (true, KEPT), (true, Connect::new("a"))] {
        let server = server(false, on).await;
        let client = Returning::new(&server, server.address, connect).await;
        let flight = client.fly(&connect.encode()).await;
        assert_eq!(flight.is_some(), on);
        if let Some(flight) = flight {
            assert!(flight.taken().await);
        }
    }
}

#[tokio::test]
async fn who_asks_for_client_certificates_takes_no_early_data() {
    let server = server(true, true).await;
    let client = Returning::new(&server, server.address, KEPT).await;
    assert!(client.fly(&KEPT.encode()).await.is_none());
}

#[tokio::test]
async fn what_follows_connect_is_done_once_the_handshake_is_over() {
    let server = server(false, true).await;
    let client = Returning::new(&server, server.address, KEPT).await;
    let mut watcher = watcher(&server).await;
    let first = [KEPT.encode(), publish(0, 0, "t", b"control")].concat();
    let mut flight = client.fly(&first).await.unwrap();
    let (mut data, _answers) = flight.connection.open_bi().await.unwrap();
    data.write_all(&publish(0, 0, "t", b"data")).await.unwrap();
    watcher.control.gets("t", b"control").await;
    watcher.control.gets("t", b"data").await;
    flight.send.write_all(&publish(0, 0, "t", b"late")).await.unwrap();
    watcher.control.gets("t", b"late").await;
    assert!(flight.taken().await);
}

/// The handshake never ends, as with a copy that comes before the original, or in its place.
#[tokio::test]
async fn a_first_flight_alone_takes_over_a_session_and_does_nothing_else() {
    let server = server(false, true).await;
    let relay = Relay::start(server.address).await;
    let client = Returning::new(&server, relay.address, KEPT).await;
    let mut watcher = watcher(&server).await;
    let mut holder = Client::connect(&server, KEPT).await;
    relay.keep_answers();
    let flight = client.fly(&[KEPT.encode(), publish(0, 0, "t", b"x")].concat()).await.unwrap();
    let (mut data, _answers) = flight.connection.open_bi().await.unwrap();
    data.write_all(&publish(0, 0, "t", b"y")).await.unwrap();
    assert_eq!(holder.control.expect(DISCONNECT).await.body[0], 0x8E, "Session taken over");
    server.counts(Counter::ConnectTimeouts, 1).await;
    server.has_connections(1).await;
    watcher.control.is_silent().await;
    // Nothing was lost but the connection.
    let mut again = Client::open(&server, Tls::default()).await;
    again.control.send(&KEPT.encode()).await;
    assert_eq!(again.control.expect(0x20).await.body[..2], [1, 0], "Session Present");
}

#[tokio::test]
async fn a_connect_that_cleans_or_wills_does_nothing_in_a_first_flight_alone() {
    let willing = Connect { will: Some(("will", "x")), ..KEPT };
    for connect in [Connect::new("a"), willing] {
        let server = server(false, true).await;
        let relay = Relay::start(server.address).await;
        let client = Returning::new(&server, relay.address, Connect::new("a")).await;
        let mut watcher = watcher(&server).await;
        let mut holder = Client::connect(&server, KEPT).await;
        relay.keep_answers();
        let _flight = client.fly(&connect.encode()).await.unwrap();
        server.counts(Counter::ConnectTimeouts, 1).await;
        server.has_connections(2).await;
        holder.control.ping().await;
        watcher.control.is_silent().await;
    }
}

#[tokio::test]
async fn a_copy_after_the_original_is_not_even_read() {
    let server = server(false, true).await;
    let relay = Relay::start(server.address).await;
    let client = Returning::new(&server, relay.address, KEPT).await;
    let mut watcher = watcher(&server).await;
    relay.seen();
    let flight = client.fly(&[KEPT.encode(), publish(0, 0, "t", b"once")].concat()).await.unwrap();
    watcher.control.gets("t", b"once").await;
    let copies = relay.seen();
    let connection = flight.connection.clone();
    assert!(flight.taken().await);
    connection.close(0u32.into(), b"");
    server.has_connections(1).await;
    let mut holder = Client::connect(&server, KEPT).await;
    // Until the server has forgotten the connection, copies belong to it and are dropped.
    let copying = async {
        while server.count(Counter::ConnectTimeouts) == 0 {
            relay.copy(&copies).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(BOUND, copying).await.expect("a handshake begins, and does not end");
    holder.control.ping().await;
    watcher.control.is_silent().await;
}
