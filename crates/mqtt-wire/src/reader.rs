//! A cursor over a packet's body: the data types of 1.5.

use crate::varint::{Varint, get_varint};
use crate::{DecodeError, PacketId};

#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

const SHORT: DecodeError = DecodeError {
    packet: None,
    code: crate::ReasonCode::MalformedPacket,
    what: "packet ends inside a field",
    version: None,
};

impl<'a> Reader<'a> {
    pub(crate) fn new(rest: &'a [u8]) -> Reader<'a> {
        Reader { rest }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn take(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self.rest.split_at_checked(n).ok_or(SHORT)?;
        self.rest = tail;
        Ok(head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        let (&byte, tail) = self.rest.split_first().ok_or(SHORT)?;
        self.rest = tail;
        Ok(byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        let (head, tail) = self.rest.split_first_chunk::<2>().ok_or(SHORT)?;
        self.rest = tail;
        Ok(u16::from_be_bytes(*head))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        let (head, tail) = self.rest.split_first_chunk::<4>().ok_or(SHORT)?;
        self.rest = tail;
        Ok(u32::from_be_bytes(*head))
    }

    /// [MQTT-1.5.5-1]: padding breaks the rule as much as a fifth byte does.
    pub(crate) fn varint(&mut self) -> Result<u32, DecodeError> {
        match get_varint(self.rest) {
            Varint::Value(value, size) => {
                self.rest = &self.rest[size..];
                Ok(value as u32)
            }
            Varint::Padded(..) => Err(DecodeError::malformed("Variable Byte Integer is padded")),
            Varint::TooLong => Err(DecodeError::malformed("Variable Byte Integer has more than four bytes")),
            Varint::Incomplete => Err(SHORT),
        }
    }

    pub(crate) fn binary(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.u16()? as usize;
        self.take(length)
    }

    /// [MQTT-1.5.4-1], [MQTT-1.5.4-2]. Control characters and non-characters pass: the standard leaves them to the receiver.
    pub(crate) fn string(&mut self) -> Result<&'a str, DecodeError> {
        let bytes = self.binary()?;
        let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::malformed("string is not well-formed UTF-8"))?;
        if memchr::memchr(0, bytes).is_some() {
            return Err(DecodeError::malformed("string holds U+0000"));
        }
        Ok(text)
    }

    pub(crate) fn packet_id(&mut self) -> Result<PacketId, DecodeError> {
        PacketId::new(self.u16()?).ok_or(DecodeError::protocol("Packet Identifier is 0")) // [MQTT-2.2.1-3]
    }
}
