//! A client by hand on quinn.

use crate::packets::{Connect, Packet, SUBACK, packet, string, subscribe};
use crate::server::{BOUND, Running};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, RecvStream, SendStream, VarInt};
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// What a client offers.
pub struct Tls {
    pub alpn: &'static [u8],
    pub certificate: bool,
}

impl Default for Tls {
    fn default() -> Tls {
        Tls { alpn: b"mqtt", certificate: false }
    }
}

impl Tls {
    pub fn config(&self, server: &Running) -> rustls::ClientConfig {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(server.certificates.roots());
        let mut config = if self.certificate {
            let (certificate, key) = server.certificates.client();
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        } else {
            builder.with_no_client_auth()
        };
        config.alpn_protocols = vec![self.alpn.to_vec()];
        config
    }
}

pub fn quic(tls: rustls::ClientConfig) -> ClientConfig {
    ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()))
}

pub fn endpoint() -> Endpoint {
    Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap()
}

/// A connection and its control stream.
pub struct Client {
    pub endpoint: Endpoint,
    pub connection: Connection,
    pub control: Stream,
}

impl Client {
    /// Connects; the server accepts.
    pub async fn connect(server: &Running, connect: Connect<'_>) -> Client {
        let mut client = Client::open(server, Tls::default()).await;
        client.control.send(&connect.encode()).await;
        assert_eq!(client.control.expect(0x20).await.body[1], 0, "CONNACK");
        client
    }

    /// Opens a connection with a stream and says nothing.
    pub async fn open(server: &Running, tls: Tls) -> Client {
        Client::handshake(server, tls).await.unwrap()
    }

    pub async fn handshake(server: &Running, tls: Tls) -> Result<Client, ConnectionError> {
        let mut config = quic(tls.config(server));
        // The client's own end of patience is no part of the tests.
        let mut transport = quinn::TransportConfig::default();
        transport.max_idle_timeout(None);
        config.transport_config(Arc::new(transport));
        let endpoint = endpoint();
        let connecting = endpoint.connect_with(config, server.address, "localhost").unwrap();
        let connection = timeout(BOUND, connecting).await.expect("in time")?;
        let control = Stream::open(&connection).await;
        Ok(Client { endpoint, connection, control })
    }

    /// Opens one more stream.
    pub async fn stream(&self) -> Stream {
        Stream::open(&self.connection).await
    }

    /// Goes on from another port.
    pub fn move_away(&self) {
        self.endpoint.rebind(UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
    }

    /// The code that the server closes the connection with.
    pub async fn closed(&self) -> VarInt {
        match timeout(BOUND, self.connection.closed()).await.expect("in time") {
            ConnectionError::ApplicationClosed(close) => close.error_code,
            other => panic!("{other}"),
        }
    }
}

/// A stream in both directions.
pub struct Stream {
    pub send: SendStream,
    pub recv: RecvStream,
}

impl Stream {
    async fn open(connection: &Connection) -> Stream {
        let (send, recv) = timeout(BOUND, connection.open_bi()).await.expect("in time").unwrap();
        Stream { send, recv }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.send.write_all(bytes).await.unwrap();
    }

    /// The next packet; `None` where the stream has ended.
    pub async fn receive(&mut self) -> Option<Packet> {
        timeout(BOUND, self.read()).await.expect("a packet in time")
    }

    async fn read(&mut self) -> Option<Packet> {
        let mut byte = [0];
        self.recv.read_exact(&mut byte).await.ok()?;
        let (first, mut length) = (byte[0], 0);
        for shift in [0, 7, 14, 21] {
            self.recv.read_exact(&mut byte).await.ok()?;
            length |= usize::from(byte[0] & 0x7F) << shift;
            if byte[0] < 0x80 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.recv.read_exact(&mut body).await.ok()?;
        Some(Packet { first, body })
    }

    /// The next packet, whose first byte is `first`.
    pub async fn expect(&mut self, first: u8) -> Packet {
        let packet = self.receive().await.unwrap_or_else(|| panic!("{first:#x}, but the stream has ended"));
        assert_eq!(packet.first, first, "{packet:x?}");
        packet
    }

    /// The next packet is this message.
    pub async fn gets(&mut self, topic: &str, payload: &[u8]) -> Packet {
        let packet = self.receive().await.expect("a PUBLISH");
        assert_eq!(packet.message(), (topic, payload));
        packet
    }

    pub async fn subscribe(&mut self, filter: &str, qos: u8) {
        self.send(&subscribe(1, filter, qos)).await;
        assert_eq!(self.expect(SUBACK).await.body, [0, 1, 0, qos]);
    }

    pub async fn unsubscribe(&mut self, filter: &str) {
        self.send(&packet(0xA2, &[&[0, 1, 0], &string(filter)[..]].concat())).await;
        assert_eq!(self.expect(0xB0).await.body, [0, 1, 0, 0]);
    }

    pub async fn ping(&mut self) {
        self.send(&[0xC0, 0]).await;
        self.expect(crate::packets::PINGRESP).await;
    }

    /// Nothing comes for a moment.
    pub async fn is_silent(&mut self) {
        let waited = timeout(Duration::from_millis(100), self.read()).await;
        assert!(waited.is_err(), "{waited:?}");
    }
}
