//! MQTT 5.0 by hand over a socket, for what no client library lets a test do or see.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use crate::BOUND;

/// The largest packet that MQTT can express: a Remaining Length of four digits, and the five bytes before its end.
pub const LARGEST_PACKET: u32 = 268_435_455 + 5;

/// How many bytes a Variable Byte Integer takes.
pub fn digits(value: usize) -> usize {
    match value {
        0..128 => 1,
        128..16_384 => 2,
        16_384..2_097_152 => 3,
        _ => 4,
    }
}

/// The fixed header of a QoS 0 PUBLISH with this Remaining Length.
pub fn publish_header(remaining_length: u32) -> Vec<u8> {
    let mut bytes = vec![0x30];
    let mut rest = remaining_length;
    loop {
        let digit = u8::try_from(rest % 128).expect("less than 128");
        rest /= 128;
        if rest == 0 {
            bytes.push(digit);
            return bytes;
        }
        bytes.push(digit | 0x80);
    }
}

/// A control packet: the first byte, and what follows the Remaining Length.
#[derive(Debug, PartialEq)]
pub struct Packet {
    /// Packet type and flags.
    pub first: u8,
    /// Variable header and payload.
    pub rest: Vec<u8>,
}

/// A connection after CONNACK.
pub struct Socket {
    stream: TcpStream,
    /// The CONNACK.
    pub connack: Packet,
}

impl Socket {
    /// Connects with Clean Start and no properties.
    pub fn connect(address: SocketAddr, client_id: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the broker listens");
        stream.set_read_timeout(Some(BOUND)).expect("the bound is not zero");
        let mut rest = b"\x00\x04MQTT\x05\x02\x00\x3c\x00".to_vec();
        let length = u16::try_from(client_id.len()).expect("a Client Identifier is short");
        rest.extend_from_slice(&length.to_be_bytes());
        rest.extend_from_slice(client_id.as_bytes());
        let mut socket = Self { stream, connack: Packet { first: 0, rest: Vec::new() } };
        let length = u8::try_from(rest.len()).expect("a CONNECT of one length byte");
        socket.send(&[&[0x10, length], rest.as_slice()].concat());
        socket.connack = socket.receive().expect("a CONNACK");
        assert_eq!((socket.connack.first, socket.connack.rest[1]), (0x20, 0), "CONNACK");
        socket
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the broker reads");
    }

    /// The next packet; `None` where the connection has ended.
    pub fn receive(&mut self) -> Option<Packet> {
        let first = self.byte()?;
        let mut length = 0;
        for shift in [0, 7, 14, 21] {
            let digit = usize::from(self.byte()?);
            length |= (digit & 0x7f) << shift;
            if digit < 0x80 {
                break;
            }
        }
        let mut rest = vec![0; length];
        self.stream.read_exact(&mut rest).ok()?;
        Some(Packet { first, rest })
    }

    fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        match self.stream.read_exact(&mut byte) {
            Ok(()) => Some(byte[0]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("nothing came within {BOUND:?}"),
            Err(_) => None,
        }
    }
}
