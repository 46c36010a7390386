//! Packets as text: a kind and named fields, the same for what a script sends, what it expects and what a client got.
//!
//! Fields that have their default (QoS 0, Reason Code 00, an empty payload) are left out.

use crate::property;
use crate::words::{Word, hex, words};
use std::collections::BTreeMap;
use std::fmt;

/// Control Packet types; the values are those of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Connect = 1,
    ConnAck = 2,
    Publish = 3,
    PubAck = 4,
    PubRec = 5,
    PubRel = 6,
    PubComp = 7,
    Subscribe = 8,
    SubAck = 9,
    Unsubscribe = 10,
    UnsubAck = 11,
    PingReq = 12,
    PingResp = 13,
    Disconnect = 14,
    Auth = 15,
}

const KINDS: [(Kind, &str); 15] = [
    (Kind::Connect, "CONNECT"),
    (Kind::ConnAck, "CONNACK"),
    (Kind::Publish, "PUBLISH"),
    (Kind::PubAck, "PUBACK"),
    (Kind::PubRec, "PUBREC"),
    (Kind::PubRel, "PUBREL"),
    (Kind::PubComp, "PUBCOMP"),
    (Kind::Subscribe, "SUBSCRIBE"),
    (Kind::SubAck, "SUBACK"),
    (Kind::Unsubscribe, "UNSUBSCRIBE"),
    (Kind::UnsubAck, "UNSUBACK"),
    (Kind::PingReq, "PINGREQ"),
    (Kind::PingResp, "PINGRESP"),
    (Kind::Disconnect, "DISCONNECT"),
    (Kind::Auth, "AUTH"),
];

impl Kind {
    /// The kind of a fixed header's first byte.
    pub fn from_first_byte(byte: u8) -> Option<Kind> {
        KINDS.iter().find(|(kind, _)| *kind as u8 == byte >> 4).map(|(kind, _)| *kind)
    }

    fn name(self) -> &'static str {
        KINDS[self as usize - 1].1
    }
}

/// One named part of a packet. Numbers are decimal digits, Reason Codes two hex digits, flags have an empty value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub value: Vec<u8>,
    /// Whether the script quoted the value: it is then no variable and no wildcard.
    literal: bool,
}

/// A packet in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    pub kind: Kind,
    pub fields: Vec<Field>,
    /// An expectation that ends with `...`: other fields may stand beside those named.
    open: bool,
}

impl Packet {
    /// A packet without fields.
    pub fn new(kind: Kind) -> Packet {
        Packet { kind, fields: Vec::new(), open: false }
    }

    /// Adds a field.
    pub fn push(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.fields.push(Field { name: name.into(), value: value.into(), literal: true });
    }

    /// The first value of a field.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|field| field.name == name).map(|field| &*field.value)
    }

    /// The first value of a field as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The first value of a field as a number.
    pub fn number(&self, name: &str) -> Result<Option<u32>, String> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("{name}={text} is no number"))
    }

    /// Reads a packet from a line.
    pub fn parse(line: &str) -> Result<Packet, String> {
        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (kind, _) = *KINDS.iter().find(|row| row.1 == name).ok_or_else(|| format!("no packet is called {name}"))?;
        let mut packet = Packet::new(kind);
        let mut place = 0;
        for word in words(rest)? {
            let named = match &word.key {
                Some(key) => Some(key.clone()),
                None => word.bare().filter(|bare| is_flag(kind, bare)).map(Into::into),
            };
            match named {
                Some(name) => {
                    let value = if word.key.is_some() { word.value } else { Vec::new() };
                    check_name(kind, &name)?;
                    packet.fields.push(Field { name, value, literal: word.literal });
                }
                None if word.bare() == Some("...") => packet.open = true,
                None => {
                    packet.add_by_place(place, word)?;
                    place += 1;
                }
            }
        }
        packet.fields.retain(|field| !is_default(kind, field));
        Ok(packet)
    }

    /// The meaning of a word without a name is its place.
    fn add_by_place(&mut self, place: usize, word: Word) -> Result<(), String> {
        use Kind::*;
        let name = match (self.kind, place) {
            (Publish, 0) => "topic",
            (Publish, 1) => "payload",
            (PubAck | PubRec | PubRel | PubComp | Subscribe | SubAck | Unsubscribe | UnsubAck, 0) => "id",
            (Subscribe | Unsubscribe, _) => "filter",
            (PubAck | PubRec | PubRel | PubComp, 1) | (SubAck | UnsubAck, _) => "code",
            (ConnAck | Disconnect | Auth, 0) => "code",
            _ => return Err(format!("{:?} has no meaning here", String::from_utf8_lossy(&word.value))),
        };
        let value = match name {
            "code" if !word.literal => format!("{:02x}", hex(&String::from_utf8_lossy(&word.value))?).into_bytes(),
            _ => word.value,
        };
        self.fields.push(Field { name: name.into(), value, literal: word.literal });
        Ok(())
    }

    /// Puts the values of variables in their place.
    pub fn resolve(&mut self, variables: &BTreeMap<String, Vec<u8>>) -> Result<(), String> {
        for field in self.fields.iter_mut().filter(|field| !field.literal) {
            let Some(name) = variable(&field.value) else { continue };
            let value = variables.get(name).ok_or_else(|| format!("@{name} has no value yet"))?;
            (field.value, field.literal) = (value.clone(), true);
        }
        Ok(())
    }

    /// Whether `got` is what this packet expects. Variables without a value take that of `got`.
    pub fn accepts(&self, got: &Packet, variables: &mut BTreeMap<String, Vec<u8>>) -> bool {
        let mut bound = variables.clone();
        let names = self.fields.iter().chain(&got.fields).map(|field| &*field.name);
        let same = self.kind == got.kind && names.into_iter().all(|name| self.accepts_field(name, got, &mut bound));
        if same {
            *variables = bound;
        }
        same
    }

    fn accepts_field(&self, name: &str, got: &Packet, variables: &mut BTreeMap<String, Vec<u8>>) -> bool {
        let of = |packet: &Packet| -> Vec<Field> {
            let mut fields: Vec<Field> = packet.fields.iter().filter(|field| field.name == name).cloned().collect();
            if name == "subscription-identifier" {
                fields.sort_by(|a, b| a.value.cmp(&b.value)); // [MQTT-3.3.4-4] leaves their order open
            }
            fields
        };
        let (mine, its) = (of(self), of(got));
        match name {
            "no-reason-string" => return got.get("reason-string").is_none(),
            // Its text is nobody's contract; scripts that care name it.
            "reason-string" if mine.is_empty() => return true,
            _ if mine.is_empty() => return self.open,
            _ => {}
        }
        mine.len() == its.len() && mine.iter().zip(&its).all(|(mine, its)| mine.takes(&its.value, variables))
    }
}

impl Field {
    fn takes(&self, value: &[u8], variables: &mut BTreeMap<String, Vec<u8>>) -> bool {
        if self.literal {
            return self.value == value;
        }
        if self.value == b"*" {
            return true;
        }
        let Some(name) = variable(&self.value) else { return self.value == value };
        variables.entry(name.into()).or_insert_with(|| value.to_vec()) == value
    }
}

/// The name of a variable: `@name`.
fn variable(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()?.strip_prefix('@').filter(|name| !name.is_empty())
}

fn is_flag(kind: Kind, word: &str) -> bool {
    match kind {
        Kind::Connect => matches!(word, "clean" | "will.retain" | "v5" | "v3.1.1" | "v3.1"),
        Kind::ConnAck => matches!(word, "present" | "no-reason-string"),
        Kind::Publish => matches!(word, "dup" | "retain"),
        Kind::Subscribe => matches!(word, "no-local" | "retain-as-published"),
        _ => word == "no-reason-string",
    }
}

fn check_name(kind: Kind, name: &str) -> Result<(), String> {
    let own: &[&str] = match kind {
        Kind::Connect => {
            &["id", "keep-alive", "user", "password", "will", "will.payload", "will.qos", "name", "level", "flags"]
        }
        Kind::Publish => &["topic", "payload", "qos", "id"],
        Kind::Subscribe => &["qos", "retain-handling", "options"],
        _ => &[],
    };
    let property = name.strip_prefix("will.").filter(|_| kind == Kind::Connect).unwrap_or(name);
    let known = own.contains(&name) || is_flag(kind, name) || name == "first" || property::by_name(property).is_some();
    if known { Ok(()) } else { Err(format!("{} has no field {name}", kind.name())) }
}

fn is_default(kind: Kind, field: &Field) -> bool {
    let many = matches!(kind, Kind::SubAck | Kind::UnsubAck | Kind::Subscribe);
    match &*field.name {
        "code" => !many && field.value == b"00",
        "qos" => !many && field.value == b"0",
        "payload" => field.value.is_empty(),
        _ => false,
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        for field in &self.fields {
            let value = Shown(field);
            match &*field.name {
                "topic" | "payload" | "code" | "filter" => write!(f, " {value}")?,
                "id" if self.kind != Kind::Publish && self.kind != Kind::Connect => write!(f, " {value}")?,
                name if is_flag(self.kind, name) => write!(f, " {name}")?,
                name => write!(f, " {name}={value}")?,
            }
        }
        if self.open { f.write_str(" ...") } else { Ok(()) }
    }
}

/// A value as a script would write it; long ones are cut.
struct Shown<'a>(&'a Field);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = &self.0.value;
        if let Some(&first) = value.first().filter(|first| value.len() > 40 && value.iter().all(|byte| byte == *first))
        {
            return write!(f, "{}*{}", char::from(first), value.len());
        }
        let plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b'"';
        if !value.is_empty() && value.len() <= 80 && value.iter().all(plain) {
            return f.write_str(&String::from_utf8_lossy(value));
        }
        write!(f, "\"{}\"", value[..value.len().min(80)].escape_ascii())?;
        if value.len() > 80 { write!(f, "[{} bytes]", value.len()) } else { Ok(()) }
    }
}
