//! Who watches a server: what [`mqtt_core::Observer`] sees of messages, and what happens to connections.

use mqtt_core::{Load, Observer as MessageObserver};
use mqtt_wire::{ReasonCode, Version};
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// Watches a server. Called on the tasks of connections: it must not wait.
pub trait Observer: MessageObserver {
    /// The step of overload protection changed.
    fn on_load(&self, load: Load) {
        let _ = load;
    }

    /// Something happened to a connection.
    fn on_connection(&self, event: &ConnectionEvent<'_>) {
        let _ = event;
    }
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// An address; the client's own where a trusted proxy told it.
    Address(SocketAddr),
    /// A process of the same machine, through a Unix domain socket.
    Local,
}

impl From<SocketAddr> for Peer {
    /// An IPv4 address that came in on an IPv6 socket is shown as what it is.
    fn from(address: SocketAddr) -> Peer {
        Peer::Address(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Address(address) => write!(f, "{address}"),
            Peer::Local => f.write_str("local"),
        }
    }
}

/// Something that happened to a connection.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionEvent<'a> {
    /// The name of the endpoint it came in at.
    pub endpoint: &'a str,
    /// What carries it: `tcp`, `tls`, `websocket`, `websocket_tls`, `unix`, `quic`.
    pub transport: &'static str,
    /// Where it comes from.
    pub peer: Peer,
    /// Client Identifier, once CONNECT was read.
    pub client_id: Option<&'a str>,
    /// User Name, while CONNECT is being answered.
    pub user_name: Option<&'a str>,
    /// Protocol version, once CONNECT was read.
    pub version: Option<Version>,
    /// Time since it was accepted.
    pub age: Duration,
    /// What happened.
    pub what: Happening<'a>,
}

/// What happened to a connection.
#[derive(Clone, Copy, Debug)]
pub enum Happening<'a> {
    /// The client is online: CONNACK with 0x00 was put out.
    Connected {
        /// Whether the session was there before.
        session_present: bool,
        /// Keep Alive in seconds, 0 for none.
        keep_alive: u16,
        /// Time that the authenticator took.
        authentication: Duration,
    },
    /// It was ended before the client was online: by a bound, in its handshake, or by an answer to CONNECT.
    Refused {
        /// The code that says it best, sent or not.
        reason: ReasonCode,
        /// The same in words.
        why: &'a str,
    },
    /// A client that was online is gone.
    Closed {
        /// The code that says it best, sent or not.
        reason: ReasonCode,
        /// The same in words.
        why: &'a str,
        /// Who ended it.
        by: Side,
    },
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The client, with DISCONNECT.
    Client,
    /// The server.
    Server,
    /// The network: the connection broke or ended without DISCONNECT.
    Network,
}

impl Side {
    /// The name for logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Side::Client => "client",
            Side::Server => "server",
            Side::Network => "network",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_address_is_one_on_every_socket() {
        for (address, shown) in
            [("[::ffff:10.0.0.1]:7", "10.0.0.1:7"), ("[fe80::1]:7", "[fe80::1]:7"), ("10.0.0.1:7", "10.0.0.1:7")]
        {
            let address: SocketAddr = address.parse().expect("an address");
            assert_eq!(Peer::from(address).to_string(), shown);
        }
    }
}
