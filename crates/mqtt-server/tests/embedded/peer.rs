//! A client by hand, and its packets.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
};

use crate::BOUND;

/// The levels of CONNECT.
pub const V311: u8 = 4;
pub const V5: u8 = 5;

/// One end of a connection.
pub struct Peer {
    pub stream: TcpStream,
    version: u8,
}

/// A packet from the server: its first byte, and what follows the Remaining Length.
#[derive(Debug, PartialEq, Eq)]
pub struct Packet {
    pub first: u8,
    pub body: Vec<u8>,
}

/// A CONNECT: Clean Start, unless it is given a Session Expiry Interval (in 3.1.1: a session that stays).
#[derive(Clone, Default)]
pub struct Connect<'a> {
    pub version: u8,
    pub client_id: &'a str,
    pub session_expiry: Option<u32>,
    pub will: Option<(&'a str, &'a str)>,
    pub user: Option<(&'a str, &'a str)>,
    /// Authentication Method and Data.
    pub method: Option<(&'a str, &'a str)>,
}

impl<'a> Connect<'a> {
    pub fn new(version: u8, client_id: &'a str) -> Connect<'a> {
        Connect { version, client_id, ..Connect::default() }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut body = string("MQTT");
        let flags = [(self.session_expiry.is_none(), 0x02), (self.will.is_some(), 0x04), (self.user.is_some(), 0xC0)];
        let flags = flags.into_iter().filter_map(|(set, flag)| set.then_some(flag)).sum();
        body.extend_from_slice(&[self.version, flags, 0, 0]);
        if self.version == V5 {
            let mut properties = Vec::new();
            if let Some(seconds) = self.session_expiry {
                properties.push(0x11);
                properties.extend_from_slice(&seconds.to_be_bytes());
            }
            if let Some((method, data)) = self.method {
                properties.extend(authentication(method, data));
            }
            body.extend(counted(&properties));
        }
        body.extend(string(self.client_id));
        if let Some((topic, payload)) = self.will {
            body.extend_from_slice(if self.version == V5 { &[0] } else { &[] });
            body.extend([string(topic), string(payload)].concat());
        }
        if let Some((name, password)) = self.user {
            body.extend([string(name), string(password)].concat());
        }
        packet(0x10, &body)
    }
}

impl Peer {
    /// Opens a socket and says nothing.
    pub fn open(address: SocketAddr, version: u8) -> Peer {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(BOUND)).expect("the bound is not zero");
        stream.set_nodelay(true).expect("a TCP socket");
        Peer { stream, version }
    }

    /// Sends CONNECT and does not wait.
    pub fn begin(address: SocketAddr, connect: &Connect<'_>) -> Peer {
        let mut peer = Peer::open(address, connect.version);
        peer.send(&connect.encode());
        peer
    }

    /// Connects; the server accepts.
    pub fn connect(address: SocketAddr, connect: &Connect<'_>) -> Peer {
        let mut peer = Peer::begin(address, connect);
        assert_eq!(peer.connack(), 0, "CONNACK");
        peer
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    /// The next packet; `None` where the connection has ended.
    pub fn receive(&mut self) -> Option<Packet> {
        let first = self.byte()?;
        let mut length = 0;
        for shift in [0, 7, 14, 21] {
            let digit = usize::from(self.byte()?);
            length |= (digit & 0x7F) << shift;
            if digit < 0x80 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).ok()?;
        Some(Packet { first, body })
    }

    /// The next packet, whose first byte is `first`.
    pub fn expect(&mut self, first: u8) -> Packet {
        let packet = self.receive().unwrap_or_else(|| panic!("{first:#x}, but the connection has ended"));
        assert_eq!(packet.first, first, "{packet:x?}");
        packet
    }

    /// The code of the next packet, a CONNACK.
    pub fn connack(&mut self) -> u8 {
        self.expect(0x20).body[1]
    }

    /// The connection ends and nothing comes before.
    pub fn is_closed(&mut self) {
        assert_eq!(self.receive(), None, "the connection ends");
    }

    pub fn ping(&mut self) {
        self.send(&[0xC0, 0]);
        self.expect(0xD0);
    }

    pub fn subscribe(&mut self, filter: &str, qos: u8) {
        let properties: &[u8] = if self.version == V5 { &[0] } else { &[] };
        self.send(&packet(0x82, &[&[0, 1], properties, &string(filter), &[qos]].concat()));
        assert_eq!(self.expect(0x90).body.last(), Some(&qos), "SUBACK");
    }

    /// Publishes with QoS 0.
    pub fn publish(&mut self, topic: &str, payload: &[u8]) {
        let properties: &[u8] = if self.version == V5 { &[0] } else { &[] };
        self.send(&packet(0x30, &[&string(topic), properties, payload].concat()));
    }

    /// Publishes with QoS 1; the code of PUBACK.
    pub fn publish_1(&mut self, topic: &str, payload: &[u8]) -> u8 {
        let properties: &[u8] = if self.version == V5 { &[0] } else { &[] };
        self.send(&packet(0x32, &[&string(topic)[..], &[0, 9], properties, payload].concat()));
        self.expect(0x40).body.get(2).copied().unwrap_or(0)
    }

    /// The payload of the next packet, a PUBLISH, which is acknowledged if it wants to be.
    pub fn message(&mut self) -> Vec<u8> {
        let packet = self.receive().expect("a PUBLISH");
        assert_eq!(packet.first >> 4, 3, "{packet:x?}");
        let mut at = 2 + usize::from(u16::from_be_bytes([packet.body[0], packet.body[1]]));
        if packet.first & 0x06 > 0 {
            self.send(&[0x40, 2, packet.body[at], packet.body[at + 1]]);
            at += 2;
        }
        if self.version == V5 {
            at += usize::from(packet.body[at]) + 1;
        }
        packet.body[at..].to_vec()
    }

    /// Sends AUTH.
    pub fn auth(&mut self, reason: u8, method: &str, data: &str) {
        self.send(&packet(0xF0, &[&[reason][..], &counted(&authentication(method, data))].concat()));
    }

    fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        match self.stream.read_exact(&mut byte) {
            Ok(()) => Some(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => panic!("nothing came within {BOUND:?}"),
            Err(_) => None,
        }
    }
}

impl Packet {
    /// Authentication Data of an AUTH or a CONNACK, as text.
    pub fn authentication_data(&self) -> String {
        // Found by its Authentication Method, which the server puts in front.
        let method = b"SCRAM-SHA-256\x16";
        let at = self.body.windows(method.len()).position(|window| window == method);
        let rest = &self.body[at.expect("Authentication Data") + method.len()..];
        let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
        String::from_utf8(rest[2..2 + length].to_vec()).expect("SCRAM is text")
    }
}

pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    [&[first][..], &counted(body)].concat()
}

fn authentication(method: &str, data: &str) -> Vec<u8> {
    [&[0x15][..], &string(method), &[0x16], &string(data)].concat()
}

/// `bytes` behind their length as a Variable Byte Integer.
fn counted(bytes: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    let mut rest = bytes.len();
    while rest >= 128 {
        all.push((rest % 128) as u8 | 0x80);
        rest /= 128;
    }
    all.push(rest as u8);
    all.extend_from_slice(bytes);
    all
}

pub fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes(), text.as_bytes()].concat()
}
