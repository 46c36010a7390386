//! What clients send, in bytes. Nothing is checked: scripts also send what is illegal.

use crate::packet::{Field, Kind, Packet};
use crate::property::{self, Format};
use crate::version::Version;
use crate::words::hex;

/// The bytes of a client's packet.
pub fn encode(packet: &Packet, version: Version) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    let mut flags = 0;
    match packet.kind {
        Kind::Connect => put_connect(packet, version, &mut body)?,
        Kind::Publish => flags = put_publish(packet, version, &mut body)?,
        Kind::Subscribe | Kind::Unsubscribe => {
            flags = 2;
            put_request(packet, version, &mut body)?;
        }
        Kind::PubAck | Kind::PubRec | Kind::PubRel | Kind::PubComp => {
            flags = if packet.kind == Kind::PubRel { 2 } else { 0 };
            put_u16(packet, "id", &mut body)?;
            put_code_and_properties(packet, version, &mut body)?;
        }
        Kind::Disconnect | Kind::Auth => put_code_and_properties(packet, version, &mut body)?,
        Kind::ConnAck | Kind::SubAck | Kind::UnsubAck => put_answer(packet, version, &mut body)?,
        Kind::PingReq | Kind::PingResp => {}
    }
    let first = match packet.text("first") {
        Some(first) => hex(first)?,
        None => (packet.kind as u8) << 4 | flags,
    };
    frame(first, &body)
}

/// A fixed header before a body.
pub fn frame(first: u8, body: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = vec![first];
    put_varint(u32::try_from(body.len()).map_err(|error| error.to_string())?, &mut bytes);
    bytes.extend_from_slice(body);
    Ok(bytes)
}

fn put_varint(mut value: u32, out: &mut Vec<u8>) {
    while value > 127 {
        out.push(value as u8 & 0x7F | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_u16(packet: &Packet, name: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let number = packet.number(name)?.ok_or_else(|| format!("{name} is missing"))?;
    out.extend_from_slice(&u16::try_from(number).map_err(|_| format!("{name}={number} is too large"))?.to_be_bytes());
    Ok(())
}

fn put_binary(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    let length = u16::try_from(bytes.len()).map_err(|_| "a text has more than 65535 bytes")?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

/// Property Length and the properties among the fields whose names begin with `prefix`.
fn put_properties(fields: &[Field], prefix: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let mut properties = Vec::new();
    for field in fields {
        let found = field.name.strip_prefix(prefix).and_then(property::by_name);
        let Some(property) = found else { continue };
        properties.push(property.id);
        put_value(property.format, field, &mut properties)?;
    }
    put_varint(u32::try_from(properties.len()).map_err(|error| error.to_string())?, out);
    out.append(&mut properties);
    Ok(())
}

fn put_value(format: Format, field: &Field, out: &mut Vec<u8>) -> Result<(), String> {
    let number = || -> Result<u32, String> {
        let text = String::from_utf8_lossy(&field.value);
        text.parse().map_err(|_| format!("{}={text} is no number", field.name))
    };
    match format {
        Format::Byte => out.push(number()? as u8),
        Format::U16 => out.extend_from_slice(&(number()? as u16).to_be_bytes()),
        Format::U32 => out.extend_from_slice(&number()?.to_be_bytes()),
        Format::Varint => put_varint(number()?, out),
        Format::Text | Format::Binary => put_binary(&field.value, out)?,
        Format::Pair => {
            let colon = field.value.iter().position(|&byte| byte == b':').ok_or("a pair is name:value")?;
            put_binary(&field.value[..colon], out)?;
            put_binary(&field.value[colon + 1..], out)?;
        }
    }
    Ok(())
}

fn put_connect(packet: &Packet, version: Version, out: &mut Vec<u8>) -> Result<(), String> {
    put_binary(packet.get("name").unwrap_or(version.protocol_name()), out)?;
    out.push(packet.number("level")?.map_or(version.level(), |level| level as u8));
    let qos = packet.number("will.qos")?.unwrap_or(0) as u8;
    let bit = |name: &str, bit: u8| if packet.get(name).is_some() { bit } else { 0 };
    let flags = bit("clean", 0x02) | bit("will", 0x04) | qos << 3 | bit("will.retain", 0x20);
    let flags = flags | bit("password", 0x40) | bit("user", 0x80);
    out.push(packet.text("flags").map_or(Ok(flags), hex)?);
    out.extend_from_slice(&(packet.number("keep-alive")?.unwrap_or(0) as u16).to_be_bytes());
    if version.has_properties() {
        put_properties(&packet.fields, "", out)?;
    }
    put_binary(packet.get("id").unwrap_or_default(), out)?;
    if let Some(topic) = packet.get("will") {
        if version.has_properties() {
            put_properties(&packet.fields, "will.", out)?;
        }
        put_binary(topic, out)?;
        put_binary(packet.get("will.payload").unwrap_or_default(), out)?;
    }
    for name in ["user", "password"] {
        packet.get(name).map_or(Ok(()), |value| put_binary(value, out))?;
    }
    Ok(())
}

fn put_publish(packet: &Packet, version: Version, out: &mut Vec<u8>) -> Result<u8, String> {
    put_binary(packet.get("topic").unwrap_or_default(), out)?;
    let qos = packet.number("qos")?.unwrap_or(0) as u8;
    if packet.get("id").is_some() {
        put_u16(packet, "id", out)?;
    } else if qos > 0 {
        return Err("id is missing".into());
    }
    if version.has_properties() {
        put_properties(&packet.fields, "", out)?;
    }
    out.extend_from_slice(packet.get("payload").unwrap_or_default());
    let bit = |name: &str, bit: u8| if packet.get(name).is_some() { bit } else { 0 };
    Ok(bit("dup", 8) | qos << 1 | bit("retain", 1))
}

fn put_request(packet: &Packet, version: Version, out: &mut Vec<u8>) -> Result<(), String> {
    put_u16(packet, "id", out)?;
    if version.has_properties() {
        put_properties(&packet.fields, "", out)?;
    }
    let filters = packet.fields.iter().enumerate().filter(|(_, field)| field.name == "filter");
    for (at, field) in filters {
        put_binary(&field.value, out)?;
        if packet.kind == Kind::Subscribe {
            let options = packet.fields[at + 1..].iter().take_while(|field| field.name != "filter");
            out.push(options_byte(options)?);
        }
    }
    Ok(())
}

fn options_byte<'a>(fields: impl Iterator<Item = &'a Field>) -> Result<u8, String> {
    let mut byte = 0;
    for field in fields {
        let text = String::from_utf8_lossy(&field.value);
        let number = || text.parse::<u8>().map_err(|_| format!("{}={text} is no number", field.name));
        byte |= match &*field.name {
            "qos" => number()?,
            "no-local" => 0x04,
            "retain-as-published" => 0x08,
            "retain-handling" => number()? << 4,
            "options" => hex(&text)?,
            _ => 0,
        };
    }
    Ok(byte)
}

/// The short forms are used where they exist.
fn put_code_and_properties(packet: &Packet, version: Version, out: &mut Vec<u8>) -> Result<(), String> {
    if !version.has_properties() {
        return Ok(());
    }
    let has_properties = packet.fields.iter().any(|field| property::by_name(&field.name).is_some());
    if has_properties || packet.text("code").is_some() {
        out.push(hex(packet.text("code").unwrap_or("00"))?);
    }
    if has_properties {
        put_properties(&packet.fields, "", out)?;
    }
    Ok(())
}

/// Packets of a server that a client sends against the rules.
fn put_answer(packet: &Packet, version: Version, out: &mut Vec<u8>) -> Result<(), String> {
    match packet.kind {
        Kind::ConnAck => out.extend_from_slice(&[packet.get("present").is_some().into(), 0]),
        _ => put_u16(packet, "id", out)?,
    }
    if version.has_properties() {
        put_properties(&packet.fields, "", out)?;
    }
    for field in packet.fields.iter().filter(|field| field.name == "code" && packet.kind != Kind::ConnAck) {
        out.push(hex(&String::from_utf8_lossy(&field.value))?);
    }
    Ok(())
}
