//! The properties of a received packet: a checked slice.
//!
//! They stay the bytes they were. [`Properties`] has been checked once against [`TABLE`](crate::TABLE), and reading walks it again. Most packets
//! have none or few, so that beats a map.

use crate::property::{WILL, find};
use crate::reader::Reader;
use crate::{DecodeError, Kind, PacketType, Property, PropertyId, Rule, Sender, Value};

/// The properties of one packet, checked against [`TABLE`](crate::TABLE); empty in 3.x.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Properties<'a> {
    pub(crate) raw: &'a [u8],
}

/// Where properties stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Packet(PacketType),
    Will,
}

impl Place {
    fn bit(self) -> u16 {
        match self {
            Place::Will => WILL,
            Place::Packet(packet) => 1 << packet as u8,
        }
    }
}

impl<'a> Properties<'a> {
    /// No properties.
    pub const NONE: Properties<'static> = Properties { raw: &[] };

    /// Reads a Property Length and that many bytes, and checks each property against its row.
    pub(crate) fn decode(reader: &mut Reader<'a>, place: Place, sender: Sender) -> Result<Properties<'a>, DecodeError> {
        let length = reader.varint()? as usize;
        if length == 0 {
            return Ok(Properties::NONE);
        }
        let properties = Properties { raw: reader.take(length)? };
        properties.check(place, sender)?;
        Ok(properties)
    }

    fn check(self, place: Place, sender: Sender) -> Result<(), DecodeError> {
        let mut reader = Reader::new(self.raw);
        let mut seen = 0u64;
        while !reader.is_empty() {
            let (rule, property) = read(&mut reader)?;
            let (allowed, elsewhere) = match sender {
                Sender::Client => (rule.from_client, rule.from_server),
                Sender::Server => (rule.from_server, rule.from_client),
            };
            if allowed & place.bit() == 0 {
                // The right packet from the wrong side breaks the protocol; the wrong packet breaks the format.
                let wrong_side = elsewhere & place.bit() != 0;
                let what = "property is not allowed in this packet";
                return Err(if wrong_side { DecodeError::protocol(what) } else { DecodeError::malformed(what) });
            }
            let bit = 1u64 << rule.id.get();
            let many = rule.many && (rule.id != PropertyId::SUBSCRIPTION_IDENTIFIER || sender == Sender::Server);
            if seen & bit != 0 && !many {
                return Err(DecodeError::protocol("property stands twice"));
            }
            seen |= bit;
            if let (Kind::Flag, Value::Byte(2..)) = (rule.kind, property.value) {
                return Err(DecodeError::protocol("property is neither 0 nor 1"));
            }
            if let (Some(code), true) = (rule.zero, property.value.is_zero()) {
                return Err(DecodeError::with(code, "property is 0"));
            }
        }
        Ok(())
    }

    /// The bytes after the Property Length.
    pub fn raw(self) -> &'a [u8] {
        self.raw
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.raw.is_empty()
    }

    /// The properties in their order.
    pub fn iter(self) -> impl Iterator<Item = Property<'a>> {
        self.spans().map(|(property, _)| property)
    }

    /// The properties in their order, each with its bytes.
    pub fn spans(self) -> impl Iterator<Item = (Property<'a>, &'a [u8])> {
        let mut reader = Reader::new(self.raw);
        std::iter::from_fn(move || {
            let before = reader.rest();
            let (_, property) = read(&mut reader).ok()?;
            Some((property, &before[..before.len() - reader.rest().len()]))
        })
    }

    /// The first value of `id`.
    pub fn get(self, id: PropertyId) -> Option<Value<'a>> {
        self.iter().find(|property| property.id == id).map(|property| property.value)
    }

    /// The value of an integer property.
    pub fn number(self, id: PropertyId) -> Option<u32> {
        match self.get(id)? {
            Value::Byte(value) => Some(value.into()),
            Value::U16(value) => Some(value.into()),
            Value::U32(value) | Value::Varint(value) => Some(value),
            Value::Str(_) | Value::Bin(_) | Value::Pair(..) => None,
        }
    }

    /// The value of a string property.
    pub fn text(self, id: PropertyId) -> Option<&'a str> {
        match self.get(id)? {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a binary property.
    pub fn bytes(self, id: PropertyId) -> Option<&'a [u8]> {
        match self.get(id)? {
            Value::Bin(bytes) => Some(bytes),
            _ => None,
        }
    }
}

fn read<'a>(reader: &mut Reader<'a>) -> Result<(&'static Rule, Property<'a>), DecodeError> {
    // Identifiers are Variable Byte Integers; all that exist fit one byte.
    let id = reader.varint()?;
    let rule = u8::try_from(id).ok().and_then(find).ok_or(DecodeError::malformed("unknown Property Identifier"))?;
    let value = match rule.kind {
        Kind::Flag => Value::Byte(reader.u8()?),
        Kind::U16 => Value::U16(reader.u16()?),
        Kind::U32 => Value::U32(reader.u32()?),
        Kind::Varint => Value::Varint(reader.varint()?),
        Kind::Str => Value::Str(reader.string()?),
        Kind::Bin => Value::Bin(reader.binary()?),
        Kind::Pair => Value::Pair(reader.string()?, reader.string()?),
    };
    Ok((rule, Property { id: rule.id, value }))
}
