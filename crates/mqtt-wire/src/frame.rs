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
/// arrives. `version` is `None` before CONNECT. Only 5.0 forbids a Remaining Length with padding: the first packet is looked at for its version.
///
/// # Errors
/// 0x95 above `max`, 0x81 for a Remaining Length of more than four bytes or with padding.
pub fn frame(buf: &[u8], max: usize, version: Option<Version>) -> Result<Frame, DecodeError> {
    let Some((&first, rest)) = buf.split_first() else { return Ok(Frame::Incomplete { total: None }) };
    let failed = |error: DecodeError| DecodeError { packet: PacketType::from_first_byte(first), ..error };
    let padded = |version| failed(DecodeError { version, ..DecodeError::malformed("Remaining Length is padded") });
    let (length, size, is_padded) = match get_varint(rest) {
        Varint::Value(length, size) => (length, size, false),
        Varint::Padded(..) if version == Some(Version::V5) => return Err(padded(None)), // [MQTT-1.5.5-1]
        Varint::Padded(length, size) => (length, size, true),
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
    if is_padded && version.is_none() && buf[body..end].starts_with(b"\0\x04MQTT\x05") {
        return Err(padded(Some(Version::V5)));
    }
    Ok(Frame::Complete { body, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_above_the_limit_is_refused_by_its_header() {
        let refused = frame(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F], 1024, Some(Version::V5)).expect_err("far above 1024");
        assert_eq!((refused.code, refused.packet), (ReasonCode::PacketTooLarge, Some(PacketType::Publish)));
        let waits = frame(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F], usize::MAX, Some(Version::V5));
        assert_eq!(waits, Ok(Frame::Incomplete { total: Some(5 + 268_435_455) }));
    }

    #[test]
    fn the_limit_counts_the_fixed_header() {
        let bytes = [0x40, 2, 0, 1, 0xC0];
        assert_eq!(frame(&bytes, 4, Some(Version::V311)), Ok(Frame::Complete { body: 2, end: 4 }));
        assert!(frame(&bytes, 3, Some(Version::V311)).is_err());
    }

    #[test]
    fn a_padded_first_packet_is_judged_by_its_own_version() {
        let connect = |level| [&[0x10, 0x8D, 0x00, 0, 4][..], b"MQTT", &[level, 2, 0, 0, 0, 0, 0]].concat();
        assert_eq!(frame(&connect(4), 100, None), Ok(Frame::Complete { body: 3, end: 16 }));
        let refused = frame(&connect(5), 100, None).expect_err("5.0 forbids padding");
        assert_eq!(refused.version, Some(Version::V5));
        assert_eq!(frame(&connect(5)[..10], 100, None), Ok(Frame::Incomplete { total: Some(16) }));
    }
}
