//! MQTT by hand over any stream: just enough to come in and to see that one is still in.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::BOUND;

/// A protocol level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Level {
    /// 3.1
    V31 = 3,
    /// 3.1.1
    V311 = 4,
    /// 5.0
    V5 = 5,
}

/// What becomes of a CONNECT.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// CONNACK with this code.
    Connack(u8),
    /// Closed without CONNACK.
    Closed,
}

/// In.
pub const ACCEPTED: Outcome = Outcome::Connack(0);

/// A TCP connection with a time limit.
pub fn dial(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the program listens");
    stream.set_read_timeout(Some(BOUND)).expect("the bound is not zero");
    stream
}

/// A CONNECT with a clean session and a Client Identifier that no other has.
pub fn connect(level: Level, user: Option<[&str; 2]>) -> Vec<u8> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name: &[u8] = if level == Level::V31 { b"\x00\x06MQIsdp" } else { b"\x00\x04MQTT" };
    let flags = if user.is_some() { 0xc2 } else { 0x02 };
    let mut rest = [name, &[level as u8, flags, 0, 60]].concat();
    if level == Level::V5 {
        rest.push(0);
    }
    let id = COUNT.fetch_add(1, Ordering::Relaxed).to_string();
    for text in [id.as_str()].into_iter().chain(user.into_iter().flatten()) {
        rest.extend_from_slice(&u16::try_from(text.len()).expect("short").to_be_bytes());
        rest.extend_from_slice(text.as_bytes());
    }
    [&[0x10, u8::try_from(rest.len()).expect("one byte of length")], rest.as_slice()].concat()
}

/// Writes `bytes`, which are or end with a CONNECT, and reads the CONNACK.
pub fn enter(stream: &mut (impl Read + Write), bytes: &[u8]) -> Outcome {
    // One that closes may do so before it has read all of this.
    let _ = stream.write_all(bytes);
    let mut header = [0; 2];
    match stream.read_exact(&mut header) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("nothing came within {BOUND:?}"),
        Err(_) => return Outcome::Closed,
    }
    assert_eq!(header[0], 0x20, "CONNACK");
    let mut rest = vec![0; usize::from(header[1])];
    stream.read_exact(&mut rest).expect("the rest of CONNACK");
    Outcome::Connack(rest[1])
}

/// Whether PINGREQ is answered.
pub fn alive(stream: &mut (impl Read + Write)) -> bool {
    let mut answer = [0; 2];
    stream.write_all(&[0xc0, 0]).and_then(|()| stream.read_exact(&mut answer)).is_ok() && answer == [0xd0, 0]
}
