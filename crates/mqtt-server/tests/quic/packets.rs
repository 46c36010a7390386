//! Packets of MQTT 5.0 by hand.

pub const SUBACK: u8 = 0x90;
pub const PUBACK: u8 = 0x40;
pub const PUBREC: u8 = 0x50;
pub const PINGRESP: u8 = 0xD0;
pub const DISCONNECT: u8 = 0xE0;

/// A CONNECT with Clean Start, unless it has a Session Expiry Interval.
#[derive(Clone, Copy, Default)]
pub struct Connect<'a> {
    pub client_id: &'a str,
    pub keep_alive: u8,
    pub session_expiry: Option<u32>,
    pub will: Option<(&'a str, &'a str)>,
}

impl<'a> Connect<'a> {
    pub fn new(client_id: &'a str) -> Connect<'a> {
        Connect { client_id, ..Connect::default() }
    }

    pub fn encode(&self) -> Vec<u8> {
        let flags = if self.session_expiry.is_none() { 0x02 } else { 0 } | if self.will.is_some() { 0x04 } else { 0 };
        let mut body = [&string("MQTT")[..], &[5, flags, 0, self.keep_alive]].concat();
        match self.session_expiry {
            Some(seconds) => body.extend([&[5, 0x11][..], &seconds.to_be_bytes()].concat()),
            None => body.push(0),
        }
        body.extend(string(self.client_id));
        if let Some((topic, payload)) = self.will {
            body.extend([&[0][..], &string(topic), &string(payload)].concat());
        }
        packet(0x10, &body)
    }
}

pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let (mut all, mut rest) = (vec![first], body.len());
    while rest >= 128 {
        all.push((rest % 128) as u8 | 0x80);
        rest /= 128;
    }
    all.push(rest as u8);
    all.extend_from_slice(body);
    all
}

pub fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes(), text.as_bytes()].concat()
}

/// A PUBLISH, at QoS 0 without identifier.
pub fn publish(qos: u8, id: u8, topic: &str, payload: &[u8]) -> Vec<u8> {
    let id: &[u8] = if qos > 0 { &[0, id] } else { &[] };
    packet(0x30 | qos << 1, &[&string(topic), id, &[0], payload].concat())
}

pub fn subscribe(id: u8, filter: &str, qos: u8) -> Vec<u8> {
    packet(0x82, &[&[0, id, 0], &string(filter)[..], &[qos]].concat())
}

/// A packet from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    pub first: u8,
    pub body: Vec<u8>,
}

impl Packet {
    /// Topic and payload of a PUBLISH.
    pub fn message(&self) -> (&str, &[u8]) {
        assert_eq!(self.first >> 4, 3, "{self:x?}");
        let length = usize::from(u16::from_be_bytes([self.body[0], self.body[1]]));
        let (topic, rest) = self.body[2..].split_at(length);
        let rest = if self.first & 6 > 0 { &rest[2..] } else { rest };
        (std::str::from_utf8(topic).unwrap(), &rest[1 + usize::from(rest[0])..])
    }

    /// The Packet Identifier of a PUBLISH.
    pub fn id(&self) -> u8 {
        self.body[3 + usize::from(self.body[1])]
    }
}
