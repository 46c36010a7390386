//! An MQTT client that does nothing but connect: over TLS, or through a WebSocket.
//!
//! It blocks, knows MQTT 3.1.1 just so far, and takes any answer but the expected one for an error.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

const TIMEOUT: Duration = Duration::from_secs(10);
const CONNACK: [u8; 4] = [0x20, 2, 0, 0];
const DISCONNECT: [u8; 2] = [0xE0, 0];
/// Key and answer are the example of RFC 6455, section 1.3.
const UPGRADE: &str = "GET /mqtt HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Protocol: mqtt\r\n\r\n";
const ACCEPTED: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const LONGEST_ANSWER: usize = 4096;
const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// What carries MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    Tls,
    WebSocket,
}

/// Where clients connect, and how.
#[derive(Debug, Clone)]
pub enum Door {
    Tls(SocketAddr, Arc<ClientConfig>),
    WebSocket(SocketAddr),
}

/// A connected client.
pub enum Client {
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    WebSocket(TcpStream),
}

impl Client {
    /// Connects, up to a CONNACK that says yes.
    pub fn connect(door: &Door, id: &str) -> Result<Self> {
        let mut client = match door {
            Door::Tls(address, configuration) => {
                let name = ServerName::from(address.ip());
                let tls = ClientConnection::new(configuration.clone(), name).context("TLS")?;
                Self::Tls(Box::new(StreamOwned::new(tls, open(*address)?)))
            }
            Door::WebSocket(address) => Self::WebSocket(upgrade(open(*address)?)?),
        };
        client.send(&connect_packet(id)?).context("CONNECT")?;
        let mut answer = [0; CONNACK.len()];
        client.receive(&mut answer).context("CONNACK")?;
        if answer != CONNACK {
            bail!("in place of CONNACK came {answer:02X?}");
        }
        Ok(client)
    }

    /// DISCONNECT, then the end of the connection.
    pub fn disconnect(mut self) -> io::Result<()> {
        self.send(&DISCONNECT)?;
        if let Self::Tls(stream) = &mut self {
            stream.conn.send_close_notify();
            stream.flush()?;
        }
        Ok(())
    }

    /// Is the connection still there, with nothing to read?
    pub fn is_quiet(&mut self) -> bool {
        let stream: &mut dyn Read = match self {
            Self::Tls(stream) => stream,
            Self::WebSocket(stream) => stream,
        };
        let mut byte = [0];
        stream.read(&mut byte).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// From now on reading waits for nothing.
    pub fn stop_waiting(&self) -> io::Result<()> {
        match self {
            Self::Tls(stream) => stream.sock.set_nonblocking(true),
            Self::WebSocket(stream) => stream.set_nonblocking(true),
        }
    }

    fn send(&mut self, packet: &[u8]) -> io::Result<()> {
        match self {
            Self::Tls(stream) => stream.write_all(packet),
            Self::WebSocket(stream) => stream.write_all(&frame(packet)),
        }
    }

    fn receive(&mut self, packet: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Tls(stream) => stream.read_exact(packet),
            Self::WebSocket(stream) => {
                // A packet this short comes in one frame from all brokers that are measured.
                let mut head = [0; 2];
                stream.read_exact(&mut head)?;
                if head != [0x82, packet.len() as u8] {
                    return Err(io::Error::new(ErrorKind::InvalidData, format!("frame {head:02X?}")));
                }
                stream.read_exact(packet)
            }
        }
    }
}

fn open(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT).with_context(|| format!("{address}"))?;
    stream.set_nodelay(true).context("TCP_NODELAY")?;
    stream.set_read_timeout(Some(TIMEOUT)).context("timeout")?;
    stream.set_write_timeout(Some(TIMEOUT)).context("timeout")?;
    Ok(stream)
}

fn upgrade(mut stream: TcpStream) -> Result<TcpStream> {
    stream.write_all(UPGRADE.as_bytes()).context("request")?;
    let (mut answer, mut buffer) = (Vec::new(), [0; 1024]);
    // Nothing follows the answer before CONNECT is sent.
    while !answer.ends_with(b"\r\n\r\n") && answer.len() < LONGEST_ANSWER {
        match stream.read(&mut buffer).context("response")? {
            0 => bail!("the connection ended within the response"),
            length => answer.extend_from_slice(&buffer[..length]),
        }
    }
    let answer = String::from_utf8_lossy(&answer);
    if !is_upgraded(&answer) {
        bail!("no WebSocket but {}", answer.lines().next().unwrap_or_default());
    }
    Ok(stream)
}

fn is_upgraded(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 101 ") && answer.contains(ACCEPTED)
}

/// CONNECT of MQTT 3.1.1: clean session, no Keep Alive.
pub fn connect_packet(id: &str) -> Result<Vec<u8>> {
    let id_length =
        u8::try_from(id.len()).ok().filter(|&length| length < 100).context("Client Identifier is too long")?;
    let head = [0x10, 12 + id_length, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, id_length];
    Ok([&head[..], id.as_bytes()].concat())
}

/// A binary frame of a client; short packets only.
pub fn frame(packet: &[u8]) -> Vec<u8> {
    debug_assert!(packet.len() < 126, "longer frames have another head");
    let head = [0x82, 0x80 | packet.len() as u8];
    let masked = packet.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    head.into_iter().chain(MASK).chain(masked).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connect_packet_has_the_identifier_at_its_end() {
        let packet = connect_packet("ab").unwrap();
        assert_eq!(packet, b"\x10\x0E\0\x04MQTT\x04\x02\0\0\0\x02ab");
        assert!(connect_packet(&"x".repeat(100)).is_err());
    }

    #[test]
    fn frames_are_masked() {
        // RFC 6455, section 5.7, with another opcode.
        assert_eq!(frame(b"Hello"), [0x82, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]);
    }

    #[test]
    fn only_101_with_the_right_answer_is_a_websocket() {
        assert!(is_upgraded(
            "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        ));
        assert!(!is_upgraded("HTTP/1.1 101 Switching Protocols\r\n\r\n"));
        assert!(!is_upgraded("HTTP/1.1 400 Bad Request\r\n\r\n"));
    }
}
