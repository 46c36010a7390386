//! One end of a connection that a test has in its hand.

use std::{
    io::{self, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
};

use crate::{
    BOUND,
    packet::{self, Connect, Version},
};

/// A connection.
pub struct Client {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
    version: Version,
}

/// A packet from the broker: its first byte, and what follows the Remaining Length.
#[derive(Debug, PartialEq, Eq)]
pub struct Packet {
    pub first: u8,
    pub body: Vec<u8>,
}

impl Packet {
    /// Packet Identifier of an acknowledgement.
    pub fn id(&self) -> u16 {
        u16::from_be_bytes([self.body[0], self.body[1]])
    }

    /// Packet Identifier of a PUBLISH of QoS 1 or 2, and its payload.
    pub fn published(&self, version: Version) -> (Option<u16>, &[u8]) {
        assert_eq!(self.first >> 4, 3, "a PUBLISH, but {:02x}", self.first);
        let (length, rest) = self.body.split_at(2);
        let mut rest = &rest[usize::from(u16::from_be_bytes([length[0], length[1]]))..];
        let id = (self.first & 0x06 > 0).then(|| u16::from_be_bytes([rest[0], rest[1]]));
        rest = if id.is_some() { &rest[2..] } else { rest };
        rest = if version == Version::V5 { &rest[usize::from(rest[0]) + 1..] } else { rest };
        (id, rest)
    }
}

impl Client {
    /// Opens a socket and sends nothing.
    pub fn open(address: SocketAddr, version: Version) -> Client {
        let stream = TcpStream::connect(address).expect("the broker listens");
        stream.set_nodelay(true).expect("a TCP socket");
        for bounded in [stream.set_read_timeout(Some(BOUND)), stream.set_write_timeout(Some(BOUND))] {
            bounded.expect("the bound is not zero");
        }
        let reader = BufReader::new(stream.try_clone().expect("a file for the socket's other half"));
        Client { stream, reader, version }
    }

    /// Connects; the broker accepts.
    pub fn connect(address: SocketAddr, connect: &Connect) -> Client {
        let (client, _) = Client::connect_to_session(address, connect);
        client
    }

    /// Connects; the broker accepts, and says whether it had a session.
    pub fn connect_to_session(address: SocketAddr, connect: &Connect) -> (Client, bool) {
        let mut client = Client::open(address, connect.version);
        client.send(&connect.encode());
        let connack = client.expect();
        assert_eq!((connack.first, connack.body[1]), (0x20, 0), "CONNACK");
        (client, connack.body[0] == 1)
    }

    pub fn version(&self) -> Version {
        self.version
    }

    /// The socket itself.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the broker reads");
    }

    /// Sends bytes that the broker may not want any more.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends no more, but goes on to read.
    pub fn half_close(&self) {
        // Fails where the broker has closed already.
        let _ = self.stream.shutdown(Shutdown::Write);
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
        self.reader.read_exact(&mut body).ok()?;
        Some(Packet { first, body })
    }

    /// The next packet, on a connection that goes on.
    pub fn expect(&mut self) -> Packet {
        self.receive().expect("the connection goes on")
    }

    /// Everything up to the end of the connection.
    pub fn receive_all(&mut self) -> Vec<Packet> {
        std::iter::from_fn(|| self.receive()).collect()
    }

    /// The connection ends with nothing before it, or in 5.0 with DISCONNECT and this code.
    pub fn is_refused_with(&mut self, code: u8) {
        let said: Vec<(u8, Option<u8>)> =
            self.receive_all().iter().map(|packet| (packet.first, packet.body.first().copied())).collect();
        match self.version {
            Version::V5 => assert_eq!(said, [(0xE0, Some(code))], "DISCONNECT with {code:#x}"),
            Version::V31 | Version::V311 => assert_eq!(said, [], "closed without a word"),
        }
    }

    /// The broker answers.
    pub fn ping(&mut self) {
        self.send(&packet::PINGREQ);
        assert_eq!(self.expect(), Packet { first: 0xD0, body: Vec::new() }, "PINGRESP");
    }

    /// Subscribes; the broker grants what is asked.
    pub fn subscribe(&mut self, filter: &str, qos: u8) {
        self.send(&packet::subscribe(self.version, filter, qos));
        let suback = self.expect();
        assert_eq!((suback.first, suback.body.last()), (0x90, Some(&qos)), "SUBACK");
    }

    /// The payload of the next packet, a PUBLISH, which is acknowledged if it wants to be.
    pub fn message(&mut self) -> Vec<u8> {
        let packet = self.expect();
        let (id, payload) = packet.published(self.version);
        if let Some(id) = id {
            self.send(&packet::puback(id));
        }
        payload.to_vec()
    }

    fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        match self.reader.read_exact(&mut byte) {
            Ok(()) => Some(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => panic!("nothing came within {BOUND:?}"),
            Err(_) => None,
        }
    }
}
