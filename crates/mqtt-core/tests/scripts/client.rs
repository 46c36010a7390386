//! A client: its connection, what it has received and no line has expected yet, and what no server may send it.

use crate::decode::decode;
use crate::driver::Driver;
use crate::packet::{Kind, Packet};
use crate::version::Version;
use std::collections::{BTreeMap, VecDeque};

/// A client and its connection.
pub struct Client {
    pub driver: Driver,
    pub version: Version,
    /// Bytes to go with the next ones.
    pub held: Vec<u8>,
    pub received: VecDeque<Packet>,
    /// Packets larger than this break [MQTT-3.1.2-24].
    maximum_packet_size: usize,
    /// Aliases above this break [MQTT-3.1.2-26].
    topic_alias_maximum: u32,
    /// More PUBLISHes open at once than this break [MQTT-3.3.4-9].
    receive_maximum: usize,
    /// The server's open exchanges by Packet Identifier, and whether they began on this connection.
    exchanges: BTreeMap<u32, bool>,
    /// How many of them began on this connection.
    begun: usize,
    /// Whether a line has said that the connection is over.
    pub over: bool,
    /// Whether the transcript says so.
    pub noted: bool,
}

impl Client {
    /// A client whose connection was accepted just now.
    pub fn new(driver: Driver, version: Version) -> Client {
        Client {
            driver,
            version,
            held: Vec::new(),
            received: VecDeque::new(),
            maximum_packet_size: usize::MAX,
            topic_alias_maximum: 0,
            receive_maximum: 65_535,
            exchanges: BTreeMap::new(),
            begun: 0,
            over: false,
            noted: false,
        }
    }

    /// Takes from CONNECT what the answers are to be read and judged by.
    pub fn learn(&mut self, packet: &Packet) -> Result<(), String> {
        match packet.kind {
            Kind::Connect => {}
            Kind::PubAck | Kind::PubComp | Kind::PubRec => {
                if packet.kind != Kind::PubRec || packet.text("code").is_some_and(|code| code >= "80") {
                    self.settle(packet.number("id")?.unwrap_or_default());
                }
                return Ok(());
            }
            _ => return Ok(()),
        }
        if let Some(version) = packet.fields.iter().find_map(|field| Version::parse(&field.name)) {
            self.version = version;
        }
        self.maximum_packet_size = match packet.number("maximum-packet-size")? {
            None | Some(0) => usize::MAX,
            Some(size) => size as usize,
        };
        self.topic_alias_maximum = packet.number("topic-alias-maximum")?.unwrap_or(0);
        self.receive_maximum = packet.number("receive-maximum")?.unwrap_or(65_535) as usize;
        Ok(())
    }

    /// An exchange is over.
    fn settle(&mut self, id: u32) {
        self.begun -= usize::from(self.exchanges.remove(&id) == Some(true));
    }

    /// Acknowledgements in bytes close exchanges too.
    pub fn learn_bytes(&mut self, bytes: &[u8]) {
        if let [0x40..=0x4F | 0x70..=0x7F, _, high, low, ..] = *bytes {
            self.settle(u16::from_be_bytes([high, low]).into());
        }
    }

    /// What holds for every packet of a server, whatever the script expects.
    fn check(&mut self, packet: &Packet, size: usize) -> Result<(), String> {
        if let (Kind::Publish | Kind::PubRel, Some(id)) = (packet.kind, packet.number("id")?) {
            let again = packet.kind == Kind::PubRel || packet.get("dup").is_some();
            let counts = packet.kind == Kind::Publish;
            let before = self.exchanges.insert(id, counts);
            self.begun = self.begun + usize::from(counts) - usize::from(before == Some(true));
            if before.is_some() && !again {
                return Err(format!("identifier {id} is in use: {packet}")); // [MQTT-2.2.1-4]
            }
            if self.begun > self.receive_maximum {
                return Err(format!("more than Receive Maximum {}: {packet}", self.receive_maximum));
            }
        }
        if size > self.maximum_packet_size {
            return Err(format!("{size} bytes are more than the client's Maximum Packet Size: {packet}"));
        }
        match packet.number("topic-alias")? {
            Some(alias) if alias == 0 || alias > self.topic_alias_maximum => {
                Err(format!("the client's Topic Alias Maximum is {}: {packet}", self.topic_alias_maximum))
            }
            _ => Ok(()),
        }
    }

    /// Reads what the server has written; returns it for the transcript.
    pub fn read(&mut self, who: &str) -> Result<Vec<String>, String> {
        let mut notes = Vec::new();
        let written = std::mem::take(&mut self.driver.written);
        let mut rest = &written[..];
        let mut outcome = Ok(());
        while let Some((packet, size)) = decode(rest, self.version).map_err(|error| format!("{who} got {error}"))? {
            notes.push(format!("{who}< {packet}"));
            outcome = outcome.and(self.check(&packet, size));
            self.received.push_back(packet);
            rest = &rest[size..];
        }
        self.driver.written = rest.to_vec();
        if let (Some(close), false) = (self.driver.closed, self.noted) {
            notes.push(format!("{who} closed: {} ({})", close.reason, close.what));
            self.noted = true;
        }
        outcome.map(|()| notes)
    }

    /// That all it got was expected.
    pub fn nothing_left(&self, who: &str) -> Result<(), String> {
        let left: Vec<String> = self.received.iter().map(ToString::to_string).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("no line expects what {who} got: {}", left.join("\n    "))) }
    }
}
