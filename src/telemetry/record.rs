//! What connections hand over of traced packets: plain data, cut to size, from which spans are made elsewhere.

use mqtt_server::Source;
use mqtt_wire::{QoS, ReasonCode, Version};
use std::net::SocketAddr;
use std::time::Duration;

/// Longest text taken from a client.
pub const TEXT: usize = 256;

/// Most filters of a SUBSCRIBE or UNSUBSCRIBE that are named.
pub const FILTERS: usize = 8;

/// Where a span belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Its trace.
    pub trace_id: u128,
    /// Itself; 0 where none needs to know it, then it gets one.
    pub span_id: u64,
    /// Its parent, 0 for none.
    pub parent_id: u64,
    /// `tracestate`.
    pub state: Option<Box<str>>,
    /// A span that it comes from without being its child.
    pub link: Option<(u128, u64)>,
}

/// A traced packet or connection.
#[derive(Clone, Debug)]
pub struct Record {
    /// Where its span belongs.
    pub place: Place,
    /// Nanoseconds since the Unix epoch at its beginning.
    pub start: u64,
    /// The same at its end.
    pub end: u64,
    /// Its client.
    pub client_id: Box<str>,
    /// What it is.
    pub what: What,
}

/// Kinds of records.
#[derive(Clone, Debug)]
pub enum What {
    /// A PUBLISH was taken.
    Publish(Publish),
    /// A message was put out.
    Deliver(Deliver),
    /// A message was dropped on its way to the client.
    Drop {
        /// Its topic.
        topic: Box<str>,
        /// Why.
        why: &'static str,
    },
    /// A client came, or was sent away.
    Connect(Connect),
    /// SUBSCRIBE or UNSUBSCRIBE.
    Filters {
        /// Its name.
        operation: &'static str,
        /// Version of its client.
        version: Version,
        /// The first filters.
        filters: Vec<Box<str>>,
        /// Number of all filters.
        number: usize,
        /// The codes of the first filters.
        reasons: Vec<u8>,
        /// Whether a code says failure.
        failed: Option<&'static str>,
    },
}

/// A PUBLISH.
#[derive(Clone, Debug)]
pub struct Publish {
    /// Topic Name.
    pub topic: Box<str>,
    /// Version of its publisher.
    pub version: Version,
    /// QoS.
    pub qos: QoS,
    /// RETAIN.
    pub retain: bool,
    /// DUP.
    pub dup: bool,
    /// Packet Identifier, 0 for none.
    pub packet_id: u16,
    /// Bytes of the payload.
    pub size: usize,
    /// Copies that were made.
    pub copies: u32,
    /// `deliver` spans it may have.
    pub deliveries: u16,
    /// The answer.
    pub reason: ReasonCode,
}

/// A message put out to a subscriber.
#[derive(Clone, Debug)]
pub struct Deliver {
    /// Topic Name.
    pub topic: Box<str>,
    /// QoS.
    pub qos: QoS,
    /// Packet Identifier, 0 for none.
    pub packet_id: u16,
    /// Bytes of the payload.
    pub size: usize,
    /// From its publisher or the retained store.
    pub source: Source,
    /// Its share group.
    pub share: Option<Box<str>>,
    /// How long it waited.
    pub waited: Duration,
    /// Key of the acknowledgement that ends it, 0 for none.
    pub awaits: u64,
    /// The acknowledgement, once it is there.
    pub acknowledged: Option<(&'static str, ReasonCode)>,
}

/// A CONNECT.
#[derive(Clone, Debug)]
pub struct Connect {
    /// The endpoint it came in at.
    pub endpoint: Box<str>,
    /// What carries it.
    pub transport: &'static str,
    /// Where it comes from, unless that is this machine's own socket.
    pub peer: Option<SocketAddr>,
    /// Version.
    pub version: Option<Version>,
    /// Whether there was a session.
    pub session_present: bool,
    /// Keep Alive in seconds.
    pub keep_alive: u16,
    /// Time of authentication.
    pub authentication: Duration,
    /// Why it was refused, if it was.
    pub refused: Option<&'static str>,
}

/// A record for the thread that makes spans, or an acknowledgement for one that it keeps.
#[derive(Clone, Debug)]
pub enum Message {
    /// A record.
    Record(Box<Record>),
    /// The acknowledgement with this key: by what, with which code, when.
    Acknowledged(u64, &'static str, ReasonCode, u64),
}

/// A text of a client's, cut to [`TEXT`] bytes at the border of a character.
pub fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let long = "ü".repeat(200);
        assert_eq!(cut(&long).len(), 256);
        assert_eq!(cut(&format!("x{long}")).len(), 255);
    }
}
