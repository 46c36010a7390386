//! Packets by hand: the few kinds that the tests send, in every version.

/// A protocol version by its level in CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V31 = 3,
    V311 = 4,
    V5 = 5,
}

impl Version {
    pub const ALL: [Version; 3] = [Version::V31, Version::V311, Version::V5];

    /// An empty list of properties, where the version has them.
    fn no_properties(self) -> &'static [u8] {
        if self == Version::V5 { &[0] } else { &[] }
    }
}

/// A CONNECT.
#[derive(Clone, Debug)]
pub struct Connect {
    pub version: Version,
    pub client_id: String,
    /// Clean Start, in 3.x Clean Session.
    pub clean: bool,
    pub keep_alive: u16,
    /// Session Expiry Interval of 5.0.
    pub session_expiry: u32,
    /// Topic and payload; QoS 1.
    pub will: Option<(String, String)>,
}

impl Connect {
    /// Clean, without Keep Alive and will.
    pub fn new(version: Version, client_id: &str) -> Connect {
        Connect { version, client_id: client_id.into(), clean: true, keep_alive: 0, session_expiry: 0, will: None }
    }

    pub fn v5(client_id: &str) -> Connect {
        Connect::new(Version::V5, client_id)
    }

    /// Resumes the session, which outlives the connection.
    pub fn persistent(self) -> Connect {
        Connect { clean: false, session_expiry: 3600, ..self }
    }

    pub fn keep_alive(self, keep_alive: u16) -> Connect {
        Connect { keep_alive, ..self }
    }

    pub fn will(self, topic: &str, payload: &str) -> Connect {
        Connect { will: Some((topic.into(), payload.into())), ..self }
    }

    pub fn encode(&self) -> Vec<u8> {
        let name = if self.version == Version::V31 { "MQIsdp" } else { "MQTT" };
        let mut body = string(name);
        let will_flags = if self.will.is_some() { 0x0C } else { 0 };
        body.extend_from_slice(&[self.version as u8, will_flags | u8::from(self.clean) << 1]);
        body.extend_from_slice(&self.keep_alive.to_be_bytes());
        match (self.version, self.session_expiry) {
            (Version::V31 | Version::V311, _) => {}
            (Version::V5, 0) => body.push(0),
            (Version::V5, seconds) => {
                body.extend_from_slice(&[5, 0x11]);
                body.extend_from_slice(&seconds.to_be_bytes());
            }
        }
        body.extend(string(&self.client_id));
        if let Some((topic, payload)) = &self.will {
            body.extend_from_slice(self.version.no_properties());
            body.extend(string(topic));
            body.extend(string(payload));
        }
        packet(0x10, &body)
    }
}

/// PUBLISH of QoS 0.
pub fn publish(version: Version, topic: &str, payload: &[u8]) -> Vec<u8> {
    packet(0x30, &[&string(topic), version.no_properties(), payload].concat())
}

/// PUBLISH of QoS 1.
pub fn publish_1(version: Version, topic: &str, id: u16, payload: &[u8]) -> Vec<u8> {
    packet(0x32, &[&string(topic), &id.to_be_bytes()[..], version.no_properties(), payload].concat())
}

/// SUBSCRIBE to one filter, packet identifier 1.
pub fn subscribe(version: Version, filter: &str, qos: u8) -> Vec<u8> {
    packet(0x82, &[&[0, 1], version.no_properties(), &string(filter), &[qos]].concat())
}

/// UNSUBSCRIBE from one filter, packet identifier 1.
pub fn unsubscribe(version: Version, filter: &str) -> Vec<u8> {
    packet(0xA2, &[&[0, 1], version.no_properties(), &string(filter)].concat())
}

/// PUBACK with 0x00.
pub fn puback(id: u16) -> Vec<u8> {
    packet(0x40, &id.to_be_bytes())
}

pub const PINGREQ: [u8; 2] = [0xC0, 0];
pub const DISCONNECT: [u8; 2] = [0xE0, 0];

/// The first byte and a Remaining Length, without what it announces.
pub fn header(first: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut rest = length;
    loop {
        let digit = (rest % 128) as u8;
        rest /= 128;
        match rest {
            0 => bytes.push(digit),
            _ => bytes.push(digit | 0x80),
        }
        if rest == 0 {
            return bytes;
        }
    }
}

pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = header(first, body.len());
    bytes.extend_from_slice(body);
    bytes
}

/// A string with its length.
pub fn string(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("an MQTT string");
    [&length.to_be_bytes(), text.as_bytes()].concat()
}
