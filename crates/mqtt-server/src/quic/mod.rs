//! MQTT over QUIC (RFC 9000), experimental: the protocol's own standard does not know it.
//!
//! The way of EMQX, which others follow: ALPN `mqtt` (or `mqtt-quic`), the first bidirectional stream that the client opens is the connection's
//! control stream, each further one a data stream of the same session, see [`mqtt_core::Lane`]. A data stream that ends falls back to the
//! control stream; the end of the control stream is the end of the connection. Clients may change their address.
//!
//! An endpoint that is closed keeps its UDP port until its last connection has ended. Until then the same address can be opened again, and
//! no other one with that port.
//!
//! Not here: unidirectional streams and datagrams, which MQTT has no use for, and more than one socket per endpoint: a client that moves to
//! another address must arrive at the same one.

mod connection;
mod early;
mod endpoint;
mod numbers;
mod resting;
mod streams;

pub(crate) use endpoint::{Quic, adopt, bind};
pub(crate) use resting::Resting;

/// Codes that the server closes connections and streams with, EMQX's.
mod code {
    use quinn::VarInt;

    /// MQTT has said all there is to say.
    pub(super) const DONE: VarInt = VarInt::from_u32(0);
    /// The control stream ended before MQTT did.
    pub(super) const CONTROL_STREAM_DOWN: VarInt = VarInt::from_u32(1);
    /// More than the server takes.
    pub(super) const OVERLOADED: VarInt = VarInt::from_u32(2);
}
