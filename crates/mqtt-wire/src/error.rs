//! Why bytes are not a packet.

use crate::{PacketType, ReasonCode, Version};
use std::fmt;

/// A packet that breaks the format or a rule that shows in the packet alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The packet type of the fixed header; `None` for the forbidden types.
    pub packet: Option<PacketType>,
    /// The code that a 5.0 peer is told, for example 0x81 Malformed Packet.
    pub code: ReasonCode,
    /// What is wrong, for the log and for a Reason String.
    pub what: &'static str,
    /// In CONNECT: the version read before the error, so that a refusal is written in the sender's own format.
    pub version: Option<Version>,
}

impl DecodeError {
    pub(crate) fn malformed(what: &'static str) -> DecodeError {
        DecodeError { packet: None, code: ReasonCode::MalformedPacket, what, version: None }
    }

    pub(crate) fn protocol(what: &'static str) -> DecodeError {
        DecodeError { packet: None, code: ReasonCode::ProtocolError, what, version: None }
    }

    pub(crate) fn with(code: ReasonCode, what: &'static str) -> DecodeError {
        DecodeError { packet: None, code, what, version: None }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.packet {
            Some(packet) => write!(f, "{packet:?}: {} ({})", self.what, self.code),
            None => write!(f, "{} ({})", self.what, self.code),
        }
    }
}

impl std::error::Error for DecodeError {}
