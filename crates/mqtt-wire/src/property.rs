//! One property (5.0, 2.2.2): identifiers, values, and the table of which may stand where.

use crate::ReasonCode;

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

pub(crate) const WILL: u16 = 1;
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
pub(crate) fn find(id: u8) -> Option<&'static Rule> {
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
    pub(crate) fn is_zero(self) -> bool {
        matches!(self, Value::Byte(0) | Value::U16(0) | Value::U32(0) | Value::Varint(0))
    }

    pub(crate) fn is_of(self, kind: Kind) -> bool {
        kind == match self {
            Value::Byte(_) => Kind::Flag,
            Value::U16(_) => Kind::U16,
            Value::U32(_) => Kind::U32,
            Value::Varint(_) => Kind::Varint,
            Value::Str(_) => Kind::Str,
            Value::Bin(_) => Kind::Bin,
            Value::Pair(..) => Kind::Pair,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_of_identifier() {
        assert!(TABLE.is_sorted_by_key(|rule| rule.id));
        assert!(TABLE.iter().all(|rule| find(rule.id.0).is_some_and(|found| found.id == rule.id)));
        assert!(find(0).is_none() && find(0x2B).is_none() && find(0xFF).is_none());
    }
}
