//! CONNECT (3.1).

use crate::decode::check_flags;
use crate::properties::Place;
use crate::reader::Reader;
use crate::{DecodeError, PacketType, Properties, PropertyId, QoS, ReasonCode, Sender, Version};

/// CONNECT. Without a will and with no properties it is also the 3.x packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connect<'a> {
    /// Protocol Version, by name and level.
    pub version: Version,
    /// Clean Start in 5.0, Clean Session in 3.x.
    pub clean_start: bool,
    /// Seconds; 0 switches the supervision off.
    pub keep_alive: u16,
    /// Empty in 3.x.
    pub properties: Properties<'a>,
    /// May be empty: the server then assigns one.
    pub client_id: &'a str,
    /// The Will Message.
    pub will: Option<Will<'a>>,
    /// User Name.
    pub user_name: Option<&'a str>,
    /// Password, any bytes.
    pub password: Option<&'a [u8]>,
}

/// The will of a CONNECT (3.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Will<'a> {
    /// Will QoS.
    pub qos: QoS,
    /// Will Retain.
    pub retain: bool,
    /// Will Properties; empty in 3.x.
    pub properties: Properties<'a>,
    /// Will Topic, not yet checked for wildcards.
    pub topic: &'a str,
    /// Will Payload.
    pub payload: &'a [u8],
}

/// Bits of the Connect Flags byte (3.1.2.3).
pub(crate) mod flag {
    pub(crate) const RESERVED: u8 = 0x01;
    pub(crate) const CLEAN_START: u8 = 0x02;
    pub(crate) const WILL: u8 = 0x04;
    pub(crate) const WILL_QOS: u8 = 0x18;
    pub(crate) const WILL_RETAIN: u8 = 0x20;
    pub(crate) const PASSWORD: u8 = 0x40;
    pub(crate) const USER_NAME: u8 = 0x80;
}

fn version(name: &[u8], level: u8) -> Result<Version, DecodeError> {
    match (name, level) {
        (b"MQTT", 5) => Ok(Version::V5),
        (b"MQTT", 4) => Ok(Version::V311),
        (b"MQIsdp", 3) => Ok(Version::V3),
        (b"MQTT" | b"MQIsdp", _) => {
            let what = "Protocol Version is none of 3 (MQIsdp), 4 and 5 (MQTT)";
            // A newer client reads the newest refusal there is, an older one the oldest. Bridges set the top bit beside the level they speak
            // and try again without it once they have read a refusal in that level's format.
            let newer = name == b"MQTT" && level & 0x7F >= 5;
            let answer = if newer { Version::V5 } else { Version::V311 };
            let refused = DecodeError::with(ReasonCode::UnsupportedProtocolVersion, what);
            Err(DecodeError { version: Some(answer), ..refused })
        }
        _ => Err(DecodeError::with(ReasonCode::UnsupportedProtocolVersion, "Protocol Name is neither MQTT nor MQIsdp")),
    }
}

impl<'a> Connect<'a> {
    pub(crate) fn decode(first: u8, mut reader: Reader<'a>) -> Result<Connect<'a>, DecodeError> {
        let name = reader.binary()?;
        let version = version(name, reader.u8()?)?;
        check_flags(PacketType::Connect, first & 0x0F, version)
            .and_then(|()| Connect::decode_rest(reader, version))
            .map_err(|error| DecodeError { version: Some(version), ..error })
    }

    fn decode_rest(mut reader: Reader<'a>, version: Version) -> Result<Connect<'a>, DecodeError> {
        let flags = reader.u8()?;
        let lenient = version == Version::V3; // MQTT31-11, MQTT31-12: unused bits are disregarded
        if flags & flag::RESERVED != 0 && !lenient {
            return Err(DecodeError::malformed("reserved bit of the Connect Flags is set")); // [MQTT-3.1.2-3]
        }
        let keep_alive = reader.u16()?;
        let properties = match version.has_properties() {
            true => Properties::decode(&mut reader, Place::Packet(PacketType::Connect), Sender::Client)?,
            false => Properties::NONE,
        };
        let authenticates = properties.get(PropertyId::AUTHENTICATION_METHOD).is_some();
        if !authenticates && properties.get(PropertyId::AUTHENTICATION_DATA).is_some() {
            return Err(DecodeError::protocol("Authentication Data without Authentication Method"));
        }
        let client_id = reader.string()?;
        let will = Connect::decode_will(&mut reader, flags, version)?;
        // MQTT31-08: in 3.1 the Remaining Length wins over the flags.
        let cut = |reader: &Reader<'a>| lenient && reader.is_empty();
        let user_name = match flags & flag::USER_NAME != 0 && !cut(&reader) {
            true => Some(reader.string()?),
            false => None,
        };
        if flags & flag::PASSWORD != 0 && flags & flag::USER_NAME == 0 && !version.has_properties() {
            return Err(DecodeError::malformed("password without user name")); // [MQTT-3.1.2-22], legal in 5.0
        }
        let password = match flags & flag::PASSWORD != 0 && !cut(&reader) {
            true => Some(reader.binary()?),
            false => None,
        };
        if !reader.is_empty() {
            return Err(DecodeError::malformed("bytes left over after the payload"));
        }
        let clean_start = flags & flag::CLEAN_START != 0;
        Ok(Connect { version, clean_start, keep_alive, properties, client_id, will, user_name, password })
    }

    fn decode_will(reader: &mut Reader<'a>, flags: u8, version: Version) -> Result<Option<Will<'a>>, DecodeError> {
        if flags & flag::WILL == 0 {
            // [MQTT-3.1.2-11], [MQTT-3.1.2-13]; 3.1 disregards them (MQTT31-11)
            if flags & (flag::WILL_QOS | flag::WILL_RETAIN) != 0 && version != Version::V3 {
                return Err(DecodeError::malformed("Will QoS or Will Retain without Will Flag"));
            }
            return Ok(None);
        }
        let qos = QoS::from_bits((flags & flag::WILL_QOS) >> 3);
        let qos = qos.ok_or(DecodeError::malformed("Will QoS is 3"))?; // [MQTT-3.1.2-12]
        let properties = match version.has_properties() {
            true => Properties::decode(reader, Place::Will, Sender::Client)?,
            false => Properties::NONE,
        };
        let (topic, payload) = (reader.string()?, reader.binary()?);
        Ok(Some(Will { qos, retain: flags & flag::WILL_RETAIN != 0, properties, topic, payload }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &[u8], level: u8) -> DecodeError {
        version(name, level).expect_err("no version of this name and level")
    }

    #[test]
    fn a_refused_version_is_answered_in_a_format_its_sender_reads() {
        let old = [(&b"MQTT"[..], 0), (b"MQTT", 3), (b"MQIsdp", 4), (b"MQIsdp", 5), (b"MQTT", 0x83), (b"MQTT", 0x84)];
        for (name, level) in old {
            assert_eq!(refused(name, level).version, Some(Version::V311), "level {level}");
        }
        for level in [6, 0x7F, 0x85] {
            assert_eq!(refused(b"MQTT", level).version, Some(Version::V5), "level {level}");
        }
        assert_eq!(refused(b"HTTP", 4).version, None);
        assert!(refused(b"mqtt", 5).code == ReasonCode::UnsupportedProtocolVersion);
    }

    #[test]
    fn an_error_behind_the_version_names_it() {
        for (bytes, expected) in [
            (&b"\0\x04MQTT\x04\x03\0\0\0\0"[..], Some(Version::V311)),
            (b"\0\x06MQIsdp\x03", Some(Version::V3)),
            (b"\0\x04MQTT\x05\x02\0\0", Some(Version::V5)),
            (b"\0\x04MQTT", None),
        ] {
            let error = Connect::decode(0x10, Reader::new(bytes)).expect_err("the packet is broken");
            assert_eq!(error.version, expected);
        }
    }
}
