//! Sockets that somebody else opened: a service manager that listens before the server runs, so that clients wait instead of failing.

use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixListener;

/// A bound socket for an endpoint, in place of one that the server would bind by the endpoint's address.
#[derive(Debug)]
pub enum Inherited {
    /// For MQTT over TCP, and HTTP; listening.
    Tcp(TcpListener),
    /// For MQTT over a Unix domain socket; listening. Its file is its maker's.
    Unix(UnixListener),
    /// For MQTT over QUIC.
    Udp(UdpSocket),
}

/// The socket is none for the endpoint.
pub(crate) fn mismatch() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "the socket that was passed for this endpoint is of another kind")
}
