//! What clients get, in words. Strict, and written apart from the broker's own decoder: whatever a server must not send is an error here, so that
//! every script also checks the form of all that it receives.

use crate::packet::{Kind, Packet};
use crate::property::{self, Format};
use crate::version::Version;

/// The first packet of `bytes` and its length, or `None` if it is not whole.
pub fn decode(bytes: &[u8], version: Version) -> Result<Option<(Packet, usize)>, String> {
    let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
    let mut cursor = Cursor(rest);
    let Some(length) = cursor.varint_if_whole()? else { return Ok(None) };
    if cursor.0.len() < length as usize {
        return Ok(None);
    }
    let end = bytes.len() - cursor.0.len() + length as usize;
    let mut body = Cursor(&cursor.0[..length as usize]);
    let kind = Kind::from_first_byte(first).ok_or("packet type 0")?;
    let packet = decode_body(kind, first & 0x0F, &mut body, version)?;
    if !body.0.is_empty() {
        return Err(format!("{packet} has {} bytes too many", body.0.len()));
    }
    Ok(Some((packet, end)))
}

fn decode_body(kind: Kind, flags: u8, body: &mut Cursor<'_>, version: Version) -> Result<Packet, String> {
    let mut packet = Packet::new(kind);
    let expected = if kind == Kind::PubRel { 2 } else { 0 };
    if kind != Kind::Publish && flags != expected {
        return Err(format!("{packet} has flags {flags:04b}")); // [MQTT-2.1.3-1]
    }
    let only_5 = matches!(kind, Kind::Auth | Kind::Disconnect) && !version.has_properties();
    if only_5 || matches!(kind, Kind::Connect | Kind::Subscribe | Kind::Unsubscribe | Kind::PingReq) {
        return Err(format!("a server sends no {packet}"));
    }
    match kind {
        Kind::ConnAck => connack(&mut packet, body, version)?,
        Kind::Publish => publish(&mut packet, flags, body, version)?,
        Kind::PubAck | Kind::PubRec | Kind::PubRel | Kind::PubComp => {
            let id = body.packet_id()?;
            packet.push("id", id);
            code_and_properties(&mut packet, body, version)?;
        }
        Kind::SubAck | Kind::UnsubAck => {
            let id = body.packet_id()?;
            packet.push("id", id);
            if version.has_properties() {
                properties(&mut packet, body)?;
            }
            while !body.0.is_empty() {
                let byte = body.u8()?;
                code(&mut packet, byte, version)?;
            }
            let bare = kind == Kind::UnsubAck && !version.has_properties();
            if packet.get("code").is_none() != bare {
                return Err(format!("{packet} has the wrong number of codes"));
            }
        }
        Kind::Disconnect | Kind::Auth => code_and_properties(&mut packet, body, version)?,
        _ => {}
    }
    Ok(packet)
}

fn connack(packet: &mut Packet, body: &mut Cursor<'_>, version: Version) -> Result<(), String> {
    let flags = body.u8()?;
    if flags > u8::from(version != Version::V3) {
        return Err(format!("CONNACK has flags {flags:#04x}")); // [MQTT-3.2.2-1]
    }
    if flags == 1 {
        packet.push("present", "");
    }
    let byte = body.u8()?;
    if flags == 1 && byte != 0 {
        return Err(format!("CONNACK {byte:02x} with Session Present")); // [MQTT-3.2.2-6]
    }
    code(packet, byte, version)?;
    if version.has_properties() { properties(packet, body) } else { Ok(()) }
}

fn publish(packet: &mut Packet, flags: u8, body: &mut Cursor<'_>, version: Version) -> Result<(), String> {
    let topic = body.text()?;
    packet.push("topic", topic);
    let qos = flags >> 1 & 3;
    let mut id = None;
    match qos {
        0 if flags & 8 != 0 => return Err("PUBLISH with QoS 0 and DUP".into()), // [MQTT-3.3.1-2]
        0 => {}
        1 | 2 => id = Some(body.packet_id()?),
        _ => return Err("PUBLISH with QoS 3".into()), // [MQTT-3.3.1-4]
    }
    let mut rest = Packet::new(packet.kind);
    if version.has_properties() {
        properties(&mut rest, body)?;
    }
    if topic.is_empty() && rest.get("topic-alias").is_none() {
        return Err("PUBLISH without a topic".into());
    }
    if !body.0.is_empty() {
        packet.push("payload", std::mem::take(&mut body.0));
    }
    if qos > 0 {
        packet.push("qos", qos.to_string());
        packet.push("id", id.unwrap_or_default());
    }
    for (name, bit) in [("dup", 8), ("retain", 1)] {
        if flags & bit != 0 {
            packet.push(name, "");
        }
    }
    packet.fields.append(&mut rest.fields);
    Ok(())
}

/// The codes that a server may put into a packet (table 2-6 of 5.0, 3.2.2.3 and 3.9.3 of 3.1.1).
fn is_listed(kind: Kind, code: u8, version: Version) -> bool {
    match (kind, version) {
        (Kind::ConnAck, Version::V5) => {
            matches!(code, 0x00 | 0x80..=0x8A | 0x8C | 0x90 | 0x95 | 0x97 | 0x99..=0x9D | 0x9F)
        }
        (Kind::ConnAck, _) => code <= 5,
        (Kind::PubAck | Kind::PubRec, _) => {
            matches!(code, 0x00 | 0x10 | 0x80 | 0x83 | 0x87 | 0x90 | 0x91 | 0x97 | 0x99)
        }
        (Kind::PubRel | Kind::PubComp, _) => matches!(code, 0x00 | 0x92),
        (Kind::SubAck, Version::V5) => {
            matches!(code, 0..=2 | 0x80 | 0x83 | 0x87 | 0x8F | 0x91 | 0x97 | 0x9E | 0xA1 | 0xA2)
        }
        (Kind::SubAck, Version::V311) => matches!(code, 0..=2 | 0x80),
        (Kind::SubAck, Version::V3) => code <= 2,
        (Kind::UnsubAck, _) => matches!(code, 0x00 | 0x11 | 0x80 | 0x83 | 0x87 | 0x8F | 0x91),
        (Kind::Disconnect, _) => {
            matches!(code, 0x00 | 0x80..=0x83 | 0x87 | 0x89 | 0x8B..=0x90 | 0x93..=0xA2)
        }
        (Kind::Auth, _) => matches!(code, 0x00 | 0x18),
        _ => false,
    }
}

fn code(packet: &mut Packet, code: u8, version: Version) -> Result<(), String> {
    if !is_listed(packet.kind, code, version) {
        return Err(format!("{packet} has code {code:02x}, which is not on its list"));
    }
    if code != 0 || matches!(packet.kind, Kind::SubAck | Kind::UnsubAck) {
        packet.push("code", format!("{code:02x}"));
    }
    Ok(())
}

fn code_and_properties(packet: &mut Packet, body: &mut Cursor<'_>, version: Version) -> Result<(), String> {
    if !version.has_properties() || body.0.is_empty() {
        return Ok(());
    }
    let byte = body.u8()?;
    code(packet, byte, version)?;
    if body.0.is_empty() { Ok(()) } else { properties(packet, body) }
}

fn properties(packet: &mut Packet, body: &mut Cursor<'_>) -> Result<(), String> {
    let length = body.varint()? as usize;
    let mut cursor = Cursor(body.take(length)?);
    while !cursor.0.is_empty() {
        let id = cursor.u8()?;
        let property = property::by_id(id).ok_or_else(|| format!("{packet} has unknown property {id:#04x}"))?;
        if !property.is_legal_in(packet.kind) {
            return Err(format!("{packet} has property {}, which it may not carry", property.name));
        }
        if packet.get(property.name).is_some() && !property.is_many() {
            return Err(format!("{packet} has property {} twice", property.name));
        }
        let value = match property.format {
            Format::Byte => cursor.u8()?.to_string().into_bytes(),
            Format::U16 => cursor.u16()?.to_string().into_bytes(),
            Format::U32 => {
                let number = cursor.take(4)?.iter().fold(0u32, |number, &byte| number << 8 | u32::from(byte));
                number.to_string().into_bytes()
            }
            Format::Varint => cursor.varint()?.to_string().into_bytes(),
            Format::Text => cursor.text()?.as_bytes().to_vec(),
            Format::Binary => cursor.binary()?.to_vec(),
            Format::Pair => [cursor.text()?, ":", cursor.text()?].concat().into_bytes(),
        };
        packet.push(property.name, value);
    }
    Ok(())
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let (head, tail) = self.0.split_at_checked(n).ok_or("a packet ends inside a field")?;
        self.0 = tail;
        Ok(head)
    }

    fn u8(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    fn u16(&mut self) -> Result<u16, String> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn packet_id(&mut self) -> Result<String, String> {
        match self.u16()? {
            0 => Err("Packet Identifier 0".into()),
            id => Ok(id.to_string()),
        }
    }

    fn varint(&mut self) -> Result<u32, String> {
        self.varint_if_whole()?.ok_or_else(|| "a packet ends inside a field".into())
    }

    fn varint_if_whole(&mut self) -> Result<Option<u32>, String> {
        let mut value = 0;
        for (at, &byte) in self.0.iter().take(4).enumerate() {
            value |= u32::from(byte & 0x7F) << (7 * at);
            if byte < 0x80 {
                if byte == 0 && at > 0 {
                    return Err("a Variable Byte Integer is padded".into()); // [MQTT-1.5.5-1]
                }
                self.0 = &self.0[at + 1..];
                return Ok(Some(value));
            }
        }
        if self.0.len() < 4 { Ok(None) } else { Err("a Variable Byte Integer has five bytes".into()) }
    }

    fn binary(&mut self) -> Result<&'a [u8], String> {
        let length = self.u16()?;
        self.take(length.into())
    }

    fn text(&mut self) -> Result<&'a str, String> {
        let text = std::str::from_utf8(self.binary()?).map_err(|error| error.to_string())?;
        if text.contains('\0') { Err("a text holds U+0000".into()) } else { Ok(text) }
    }
}
