//! Properties (5.0, 2.2.2): the table as data, checked slices, and a writer.
//!
//! Received properties stay the bytes they were: [`Properties`] is a slice that has been checked once against [`TABLE`], and reading walks it
//! again. Most packets have none or few, so that beats a map.

use crate::reader::Reader;
use crate::varint::put_varint;
use crate::{DecodeError, PacketType, ReasonCode, Sender};

/// Property Identifiers, named as in the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyId(u8);

#[allow(missing_docs)] // the names are the standard's
impl PropertyId {
    pub const PAYLOAD_FORMAT_INDICATOR: PropertyId = PropertyId(0x01);
    pub const MESSAGE_EXPIRY_INTERVAL: PropertyId = PropertyId(0x02);
    pub const CONTENT_TYPE: PropertyId = PropertyId(0x03);
    pub const RESPONSE_TOPIC: PropertyId = PropertyId(0x08);
    pub const CORRELATION_DATA: PropertyId = PropertyId(0x09);
    pub const SUBSCRIPTION_IDENTIFIER: PropertyId = PropertyId(0x0B);
    pub const SESSION_EXPIRY_INTERVAL: PropertyId = PropertyId(0x11);
    pub const ASSIGNED_CLIENT_IDENTIFIER: PropertyId = PropertyId(0x12);
    pub const SERVER_KEEP_ALIVE: PropertyId = PropertyId(0x13);
    pub const AUTHENTICATION_METHOD: PropertyId = PropertyId(0x15);
    pub const AUTHENTICATION_DATA: PropertyId = PropertyId(0x16);
    pub const REQUEST_PROBLEM_INFORMATION: PropertyId = PropertyId(0x17);
    pub const WILL_DELAY_INTERVAL: PropertyId = PropertyId(0x18);
    pub const REQUEST_RESPONSE_INFORMATION: PropertyId = PropertyId(0x19);
    pub const RESPONSE_INFORMATION: PropertyId = PropertyId(0x1A);
    pub const SERVER_REFERENCE: PropertyId = PropertyId(0x1C);
    pub const REASON_STRING: PropertyId = PropertyId(0x1F);
    pub const RECEIVE_MAXIMUM: PropertyId = PropertyId(0x21);
    pub const TOPIC_ALIAS_MAXIMUM: PropertyId = PropertyId(0x22);
    pub const TOPIC_ALIAS: PropertyId = PropertyId(0x23);
    pub const MAXIMUM_QOS: PropertyId = PropertyId(0x24);
    pub const RETAIN_AVAILABLE: PropertyId = PropertyId(0x25);
    pub const USER_PROPERTY: PropertyId = PropertyId(0x26);
    pub const MAXIMUM_PACKET_SIZE: PropertyId = PropertyId(0x27);
    pub const WILDCARD_SUBSCRIPTION_AVAILABLE: PropertyId = PropertyId(0x28);
    pub const SUBSCRIPTION_IDENTIFIER_AVAILABLE: PropertyId = PropertyId(0x29);
    pub const SHARED_SUBSCRIPTION_AVAILABLE: PropertyId = PropertyId(0x2A);

    /// The wire value.
    pub fn get(self) -> u8 {
        self.0
    }
}

/// The data type of a property's value (1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A byte that is 0 or 1.
    Flag,
    /// Two Byte Integer.
    U16,
    /// Four Byte Integer.
    U32,
    /// Variable Byte Integer.
    Varint,
    /// UTF-8 Encoded String.
    Str,
    /// Binary Data.
    Bin,
    /// UTF-8 String Pair.
    Pair,
}

/// One row of the property table.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The identifier.
    pub id: PropertyId,
    /// The type of the value.
    pub kind: Kind,
    /// Where it may stand, for each sender: bit n is packet type n, bit 0 the Will Properties of CONNECT.
    pub from_client: u16,
    /// As `from_client`, for packets of a server.
    pub from_server: u16,
    /// Whether it may stand there more than once.
    pub many: bool,
    /// The code for a value of 0, where 0 is forbidden.
    pub zero: Option<ReasonCode>,
}

const WILL: u16 = 1;
const CONNECT: u16 = 1 << 1;
const CONNACK: u16 = 1 << 2;
const PUBLISH: u16 = 1 << 3;
const ACKS: u16 = 0b1111 << 4;
const SUBSCRIBE: u16 = 1 << 8;
const SUBACK: u16 = 1 << 9;
const UNSUBSCRIBE: u16 = 1 << 10;
const UNSUBACK: u16 = 1 << 11;
const DISCONNECT: u16 = 1 << 14;
const AUTH: u16 = 1 << 15;

const fn rule(id: PropertyId, kind: Kind, from_client: u16, from_server: u16) -> Rule {
    Rule { id, kind, from_client, from_server, many: false, zero: None }
}

const fn not_zero(rule: Rule, code: ReasonCode) -> Rule {
    Rule { zero: Some(code), ..rule }
}

const fn many(rule: Rule) -> Rule {
    Rule { many: true, ..rule }
}

/// Every property of MQTT 5.0 (table 2-4), in order of identifier.
pub static TABLE: [Rule; 27] = {
    use Kind::{Bin, Flag, Pair, Str, U16, U32, Varint};
    use PropertyId as Id;
    use ReasonCode::{ProtocolError, TopicAliasInvalid};
    [
        rule(Id::PAYLOAD_FORMAT_INDICATOR, Flag, PUBLISH | WILL, PUBLISH),
        rule(Id::MESSAGE_EXPIRY_INTERVAL, U32, PUBLISH | WILL, PUBLISH),
        rule(Id::CONTENT_TYPE, Str, PUBLISH | WILL, PUBLISH),
        rule(Id::RESPONSE_TOPIC, Str, PUBLISH | WILL, PUBLISH),
        rule(Id::CORRELATION_DATA, Bin, PUBLISH | WILL, PUBLISH),
        // From a client only in SUBSCRIBE [MQTT-3.3.4-6]; several stand only in PUBLISH, see `check`.
        not_zero(many(rule(Id::SUBSCRIPTION_IDENTIFIER, Varint, SUBSCRIBE, PUBLISH)), ProtocolError),
        rule(Id::SESSION_EXPIRY_INTERVAL, U32, CONNECT | DISCONNECT, CONNACK), // [MQTT-3.14.2-2]
        rule(Id::ASSIGNED_CLIENT_IDENTIFIER, Str, 0, CONNACK),
        rule(Id::SERVER_KEEP_ALIVE, U16, 0, CONNACK),
        rule(Id::AUTHENTICATION_METHOD, Str, CONNECT | AUTH, CONNACK | AUTH),
        rule(Id::AUTHENTICATION_DATA, Bin, CONNECT | AUTH, CONNACK | AUTH),
        rule(Id::REQUEST_PROBLEM_INFORMATION, Flag, CONNECT, 0),
        rule(Id::WILL_DELAY_INTERVAL, U32, WILL, 0),
        rule(Id::REQUEST_RESPONSE_INFORMATION, Flag, CONNECT, 0),
        rule(Id::RESPONSE_INFORMATION, Str, 0, CONNACK),
        rule(Id::SERVER_REFERENCE, Str, 0, CONNACK | DISCONNECT),
        rule(Id::REASON_STRING, Str, ACKS | DISCONNECT | AUTH, CONNACK | ACKS | SUBACK | UNSUBACK | DISCONNECT | AUTH),
        not_zero(rule(Id::RECEIVE_MAXIMUM, U16, CONNECT, CONNACK), ProtocolError),
        rule(Id::TOPIC_ALIAS_MAXIMUM, U16, CONNECT, CONNACK),
        not_zero(rule(Id::TOPIC_ALIAS, U16, PUBLISH, PUBLISH), TopicAliasInvalid), // [MQTT-3.3.2-8]
        rule(Id::MAXIMUM_QOS, Flag, 0, CONNACK),
        rule(Id::RETAIN_AVAILABLE, Flag, 0, CONNACK),
        many(rule(
            Id::USER_PROPERTY,
            Pair,
            WILL | CONNECT | PUBLISH | ACKS | SUBSCRIBE | UNSUBSCRIBE | DISCONNECT | AUTH,
            CONNACK | PUBLISH | ACKS | SUBACK | UNSUBACK | DISCONNECT | AUTH,
        )),
        not_zero(rule(Id::MAXIMUM_PACKET_SIZE, U32, CONNECT, CONNACK), ProtocolError),
        rule(Id::WILDCARD_SUBSCRIPTION_AVAILABLE, Flag, 0, CONNACK),
        rule(Id::SUBSCRIPTION_IDENTIFIER_AVAILABLE, Flag, 0, CONNACK),
        rule(Id::SHARED_SUBSCRIPTION_AVAILABLE, Flag, 0, CONNACK),
    ]
};

/// The row of an identifier.
fn find(id: u8) -> Option<&'static Rule> {
    TABLE.binary_search_by_key(&id, |rule| rule.id.0).ok().map(|at| &TABLE[at])
}

/// A property's value, borrowed from the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the types of 1.5, as in `Kind`
pub enum Value<'a> {
    Byte(u8),
    U16(u16),
    U32(u32),
    Varint(u32),
    Str(&'a str),
    Bin(&'a [u8]),
    Pair(&'a str, &'a str),
}

impl Value<'_> {
    fn is_zero(self) -> bool {
        matches!(self, Value::Byte(0) | Value::U16(0) | Value::U32(0) | Value::Varint(0))
    }
}

/// One property of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Property<'a> {
    /// Its identifier.
    pub id: PropertyId,
    /// Its value.
    pub value: Value<'a>,
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

/// The properties of one packet, checked against [`TABLE`]; empty in 3.x.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Properties<'a> {
    raw: &'a [u8],
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
            let bit = 1u64 << rule.id.0;
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

/// Properties to send, written in wire format as they are added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PropertyBuf {
    raw: Vec<u8>,
}

impl PropertyBuf {
    /// No properties; allocates nothing.
    pub fn new() -> PropertyBuf {
        PropertyBuf::default()
    }

    /// Appends a property. Texts and binary values are at most 65,535 bytes long: longer ones are not added.
    pub fn push(&mut self, id: PropertyId, value: Value<'_>) {
        let fits = |bytes: &[u8]| bytes.len() <= usize::from(u16::MAX);
        let start = self.raw.len();
        self.raw.push(id.0);
        let whole = match value {
            Value::Byte(byte) => {
                self.raw.push(byte);
                true
            }
            Value::U16(number) => {
                self.raw.extend_from_slice(&number.to_be_bytes());
                true
            }
            Value::U32(number) => {
                self.raw.extend_from_slice(&number.to_be_bytes());
                true
            }
            Value::Varint(number) => {
                put_varint(&mut self.raw, number as usize);
                true
            }
            Value::Str(text) if fits(text.as_bytes()) => self.put(text.as_bytes()),
            Value::Bin(bytes) if fits(bytes) => self.put(bytes),
            Value::Pair(name, text) if fits(name.as_bytes()) && fits(text.as_bytes()) => {
                self.put(name.as_bytes()) && self.put(text.as_bytes())
            }
            Value::Str(_) | Value::Bin(_) | Value::Pair(..) => false,
        };
        if !whole {
            self.raw.truncate(start);
        }
    }

    fn put(&mut self, bytes: &[u8]) -> bool {
        self.raw.extend_from_slice(&(bytes.len() as u16).to_be_bytes());
        self.raw.extend_from_slice(bytes);
        true
    }

    /// Appends properties that are in wire format already.
    pub fn extend(&mut self, properties: Properties<'_>) {
        self.raw.extend_from_slice(properties.raw);
    }

    /// The properties as a packet holds them.
    pub fn as_properties(&self) -> Properties<'_> {
        Properties { raw: &self.raw }
    }
}
