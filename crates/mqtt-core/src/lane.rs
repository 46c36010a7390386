//! The byte streams of one connection: MQTT over QUIC may have several.
//!
//! A lane is an ordered stream; lanes overtake one another. The control lane carries a whole MQTT connection. A data lane carries publications,
//! subscriptions and their acknowledgements for the same session: answers go back on the lane that the request came on, and a subscription's
//! messages on the lane it was made on. Topic Aliases and the identifiers of a client's QoS 2 messages are each lane's own; the identifiers
//! of the server's messages are the session's, so that each stands for one message on any lane.

use crate::Output;
use mqtt_wire::{DecodeError, PacketType, ReasonCode};

/// The control lane. Data lanes are 1 to 255.
pub const CONTROL: u8 = 0;

/// An open data lane.
#[derive(Debug, Default)]
pub struct Lane {
    /// Its number.
    pub number: u8,
    /// The packets to send on it.
    pub output: Output,
}

pub(crate) const NOT_FOR_DATA: DecodeError = DecodeError {
    packet: None,
    code: ReasonCode::ProtocolError,
    what: "a packet that only the control stream carries",
    version: None,
};

/// Whether a data lane may carry the packet that begins with this byte: PUBLISH to UNSUBACK.
pub(crate) fn may_carry(first: u8) -> bool {
    (PacketType::Publish as u8..=PacketType::UnsubAck as u8).contains(&(first >> 4))
}
