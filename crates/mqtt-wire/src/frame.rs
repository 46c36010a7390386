//! Finding the borders of the next packet by its fixed header (2.1).

use crate::varint::{Varint, get_varint};
use crate::{DecodeError, PacketType, ReasonCode, Version};

/// What the start of a receive buffer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A whole packet: `buf[..end]`, its body `buf[body..end]`.
    Complete {
        /// Length of the fixed header in bytes.
        body: usize,
        /// Length of the whole packet in bytes.
        end: usize,
    },
    /// Part of a packet; `total` is its whole length in bytes once the fixed header tells it.
    Incomplete {
        /// Length of the whole packet in bytes, if known.
        total: Option<usize>,
    },
}

/// Looks at the fixed header at the start of `buf`.
///
/// `max` is the largest acceptable packet in bytes, fixed header included (3.2.2.3.6): a longer one is refused by its header, before its body
/// arrives. `version` is `None` before CONNECT; only 5.0 forbids a Remaining Length with padding.
///
/// # Errors
/// 0x95 above `max`, 0x81 for a Remaining Length of more than four bytes or with padding.
pub fn frame(buf: &[u8], max: usize, version: Option<Version>) -> Result<Frame, DecodeError> {
    let Some((&first, rest)) = buf.split_first() else { return Ok(Frame::Incomplete { total: None }) };
    let failed = |error: DecodeError| DecodeError { packet: PacketType::from_first_byte(first), ..error };
    let (length, size) = match get_varint(rest) {
        Varint::Value(length, size) => (length, size),
        Varint::Padded(length, size) if version != Some(Version::V5) => (length, size),
        Varint::Padded(..) => return Err(failed(DecodeError::malformed("Remaining Length is padded"))), // [MQTT-1.5.5-1]
        Varint::TooLong => return Err(failed(DecodeError::malformed("Remaining Length has more than four bytes"))),
        Varint::Incomplete => return Ok(Frame::Incomplete { total: None }),
    };
    let (body, end) = (1 + size, 1 + size + length);
    if end > max {
        let too_large = DecodeError::with(ReasonCode::PacketTooLarge, "packet exceeds the Maximum Packet Size");
        return Err(failed(too_large));
    }
    if buf.len() < end {
        return Ok(Frame::Incomplete { total: Some(end) });
    }
    Ok(Frame::Complete { body, end })
}
