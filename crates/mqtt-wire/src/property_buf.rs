//! Properties to send.

use crate::property::find;
use crate::varint::{MAX_REMAINING_LENGTH, put_varint};
use crate::{Properties, PropertyId, Value};

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

    /// Appends a property, whose value is of the kind that [`TABLE`](crate::TABLE) gives it.
    ///
    /// What has no wire format is not added: texts and binary values of more than 65,535 bytes, texts with U+0000, and variable integers above
    /// 268,435,455.
    pub fn push(&mut self, id: PropertyId, value: Value<'_>) {
        debug_assert!(find(id.get()).is_some_and(|rule| value.is_of(rule.kind)), "{id:?} is no {value:?}");
        let fits = |bytes: &[u8]| bytes.len() <= usize::from(u16::MAX);
        let legal = |text: &str| fits(text.as_bytes()) && memchr::memchr(0, text.as_bytes()).is_none();
        let start = self.raw.len();
        self.raw.push(id.get());
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
            Value::Varint(number) if number as usize <= MAX_REMAINING_LENGTH => {
                put_varint(&mut self.raw, number as usize);
                true
            }
            Value::Str(text) if legal(text) => self.put(text.as_bytes()),
            Value::Bin(bytes) if fits(bytes) => self.put(bytes),
            Value::Pair(name, text) if legal(name) && legal(text) => {
                self.put(name.as_bytes()) && self.put(text.as_bytes())
            }
            Value::Varint(_) | Value::Str(_) | Value::Bin(_) | Value::Pair(..) => false,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_pushed_in_wire_format_and_found_again() {
        let mut buf = PropertyBuf::new();
        buf.push(PropertyId::MAXIMUM_QOS, Value::Byte(1));
        buf.push(PropertyId::RECEIVE_MAXIMUM, Value::U16(20));
        buf.push(PropertyId::USER_PROPERTY, Value::Pair("k", "v"));
        assert_eq!(buf.as_properties().raw(), [0x24, 1, 0x21, 0, 20, 0x26, 0, 1, b'k', 0, 1, b'v']);
        let properties = buf.as_properties();
        assert_eq!(properties.number(PropertyId::RECEIVE_MAXIMUM), Some(20));
        assert_eq!(properties.get(PropertyId::USER_PROPERTY), Some(Value::Pair("k", "v")));
        assert_eq!(properties.number(PropertyId::USER_PROPERTY), None);
        assert_eq!(properties.text(PropertyId::MAXIMUM_QOS), None);
        assert_eq!(properties.bytes(PropertyId::AUTHENTICATION_DATA), None);
        let mut twice = buf.clone();
        twice.extend(properties);
        assert_eq!(twice.as_properties().iter().count(), 6);
    }

    #[test]
    fn values_without_a_wire_format_are_not_added() {
        let mut buf = PropertyBuf::new();
        let (fits, too_long) = ("x".repeat(65_535), "x".repeat(65_536));
        buf.push(PropertyId::REASON_STRING, Value::Str(&too_long));
        buf.push(PropertyId::REASON_STRING, Value::Str("a\0b"));
        buf.push(PropertyId::CORRELATION_DATA, Value::Bin(too_long.as_bytes()));
        buf.push(PropertyId::USER_PROPERTY, Value::Pair("k", &too_long));
        buf.push(PropertyId::USER_PROPERTY, Value::Pair("\0", "v"));
        buf.push(PropertyId::SUBSCRIPTION_IDENTIFIER, Value::Varint(268_435_456));
        assert!(buf.as_properties().is_empty());
        buf.push(PropertyId::REASON_STRING, Value::Str(&fits));
        buf.push(PropertyId::CORRELATION_DATA, Value::Bin(b"\0"));
        buf.push(PropertyId::SUBSCRIPTION_IDENTIFIER, Value::Varint(268_435_455));
        assert_eq!(buf.as_properties().iter().count(), 3);
        assert_eq!(buf.as_properties().text(PropertyId::REASON_STRING), Some(&*fits));
    }

    #[test]
    fn spans_are_the_bytes_of_each_property() {
        let mut buf = PropertyBuf::new();
        buf.push(PropertyId::SUBSCRIPTION_IDENTIFIER, Value::Varint(128));
        buf.push(PropertyId::CONTENT_TYPE, Value::Str("t"));
        let spans: Vec<&[u8]> = buf.as_properties().spans().map(|(_, bytes)| bytes).collect();
        assert_eq!(spans, [&[0x0B, 0x80, 0x01][..], &[0x03, 0, 1, b't']]);
    }
}
