//! The properties of 5.0 as the scripts know them: a table of its own, so that the broker's is not checked against itself.

use crate::packet::Kind;

/// The wire format of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Byte,
    U16,
    U32,
    Varint,
    Text,
    Binary,
    Pair,
}

/// One property.
#[derive(Debug)]
pub struct Property {
    pub id: u8,
    /// The standard's name.
    pub name: &'static str,
    pub format: Format,
    /// The packets of a server that may carry it.
    from_server: &'static [Kind],
}

impl Property {
    /// Whether a server may put it into a packet of this kind.
    pub fn is_legal_in(&self, kind: Kind) -> bool {
        self.from_server.contains(&kind)
    }

    /// Whether it may stand in one packet several times.
    pub fn is_many(&self) -> bool {
        matches!(self.name, "user-property" | "subscription-identifier")
    }
}

const fn row(id: u8, name: &'static str, format: Format, from_server: &'static [Kind]) -> Property {
    Property { id, name, format, from_server }
}

const NONE: &[Kind] = &[];
const CONNACK: &[Kind] = &[Kind::ConnAck];
const PUBLISH: &[Kind] = &[Kind::Publish];
const ALL: &[Kind] = &[
    Kind::ConnAck,
    Kind::Publish,
    Kind::PubAck,
    Kind::PubRec,
    Kind::PubRel,
    Kind::PubComp,
    Kind::SubAck,
    Kind::UnsubAck,
    Kind::Disconnect,
    Kind::Auth,
];
const REASON: &[Kind] = &[
    Kind::ConnAck,
    Kind::PubAck,
    Kind::PubRec,
    Kind::PubRel,
    Kind::PubComp,
    Kind::SubAck,
    Kind::UnsubAck,
    Kind::Disconnect,
    Kind::Auth,
];

static TABLE: [Property; 27] = [
    row(0x01, "payload-format-indicator", Format::Byte, PUBLISH),
    row(0x02, "message-expiry-interval", Format::U32, PUBLISH),
    row(0x03, "content-type", Format::Text, PUBLISH),
    row(0x08, "response-topic", Format::Text, PUBLISH),
    row(0x09, "correlation-data", Format::Binary, PUBLISH),
    row(0x0B, "subscription-identifier", Format::Varint, PUBLISH),
    row(0x11, "session-expiry-interval", Format::U32, CONNACK),
    row(0x12, "assigned-client-identifier", Format::Text, CONNACK),
    row(0x13, "server-keep-alive", Format::U16, CONNACK),
    row(0x15, "authentication-method", Format::Text, &[Kind::ConnAck, Kind::Auth]),
    row(0x16, "authentication-data", Format::Binary, &[Kind::ConnAck, Kind::Auth]),
    row(0x17, "request-problem-information", Format::Byte, NONE),
    row(0x18, "will-delay-interval", Format::U32, NONE),
    row(0x19, "request-response-information", Format::Byte, NONE),
    row(0x1A, "response-information", Format::Text, CONNACK),
    row(0x1C, "server-reference", Format::Text, &[Kind::ConnAck, Kind::Disconnect]),
    row(0x1F, "reason-string", Format::Text, REASON),
    row(0x21, "receive-maximum", Format::U16, CONNACK),
    row(0x22, "topic-alias-maximum", Format::U16, CONNACK),
    row(0x23, "topic-alias", Format::U16, PUBLISH),
    row(0x24, "maximum-qos", Format::Byte, CONNACK),
    row(0x25, "retain-available", Format::Byte, CONNACK),
    row(0x26, "user-property", Format::Pair, ALL),
    row(0x27, "maximum-packet-size", Format::U32, CONNACK),
    row(0x28, "wildcard-subscription-available", Format::Byte, CONNACK),
    row(0x29, "subscription-identifier-available", Format::Byte, CONNACK),
    row(0x2A, "shared-subscription-available", Format::Byte, CONNACK),
];

/// The property of a wire identifier.
pub fn by_id(id: u8) -> Option<&'static Property> {
    TABLE.iter().find(|property| property.id == id)
}

/// The property of a name.
pub fn by_name(name: &str) -> Option<&'static Property> {
    TABLE.iter().find(|property| property.name == name)
}
