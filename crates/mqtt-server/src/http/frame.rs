//! WebSocket frames as a server reads and writes them (RFC 6455, section 5), without I/O.
//!
//! MQTT takes WebSocket for a byte stream: frame borders mean nothing [MQTT-6.0.0-2]. So payload leaves here as it arrives, moved to the
//! front of the buffer that it was read into, and no frame is ever held whole. For the same reason a frame has no greatest length here:
//! the limits on packets are the ones that count, and close code 1009 is never needed.
//!
//! Not here: extensions (none is negotiated, so the reserved bits are errors) and the masks of frames from a server (there are none).
//!
//! ```text
//! byte 0      FIN 0x80, reserved bits 0x70, opcode 0x0F
//! byte 1      MASK 0x80, length 0x7F: up to 125 itself, 126 or 127 if it follows
//! 2 or 8      length, big-endian, if byte 1 says 126 or 127; the shortest form that holds it
//! 4           masking key: in every frame from a client, in none from a server
//! length      payload; from a client byte i is combined by XOR with byte i mod 4 of the key
//! ```

use std::fmt;

/// Longest payload of a control frame.
pub const CONTROL_MAX: usize = 125;

/// Longest head of a frame from a client, and from a server.
const CLIENT_HEAD: usize = 14;
const SERVER_HEAD: usize = 10;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASK: u8 = 0x80;

/// What a frame carries, where that is for a server to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// MQTT.
    Binary = 2,
    /// The last frame.
    Close = 8,
    /// A question for a Pong.
    Ping = 9,
    /// The answer, with the payload of the Ping.
    Pong = 10,
}

/// Why a connection ends (RFC 6455, 7.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum CloseCode {
    /// Its purpose is fulfilled.
    Normal = 1000,
    /// The server ends.
    GoingAway = 1001,
    /// A frame that this version of the protocol does not allow.
    ProtocolError = 1002,
    /// A text frame [MQTT-6.0.0-1].
    UnsupportedData = 1003,
    /// A close reason that is not UTF-8.
    InvalidPayload = 1007,
}

/// What a client may not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A reserved bit is set: no extension was negotiated.
    ReservedBits,
    /// The opcode has no meaning.
    ReservedOpcode,
    /// A frame without a masking key.
    NotMasked,
    /// A text frame [MQTT-6.0.0-1].
    Text,
    /// A length in more bytes than it needs.
    PaddedLength,
    /// A length of more than 63 bits.
    HugeLength,
    /// A continuation without a beginning.
    LoneContinuation,
    /// A new message before the end of the last one.
    UnfinishedMessage,
    /// A control frame in fragments.
    FragmentedControl,
    /// A control frame of more than 125 bytes.
    LongControl,
    /// A close code of one byte, or one that may not be sent.
    CloseCode,
    /// A close reason that is not UTF-8.
    CloseReason,
}

impl Violation {
    /// What the client is told.
    pub fn code(self) -> CloseCode {
        match self {
            Violation::Text => CloseCode::UnsupportedData,
            Violation::CloseReason => CloseCode::InvalidPayload,
            _ => CloseCode::ProtocolError,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Violation::ReservedBits => "a WebSocket frame with reserved bits",
            Violation::ReservedOpcode => "a WebSocket frame of a reserved kind",
            Violation::NotMasked => "a WebSocket frame that is not masked",
            Violation::Text => "a WebSocket text frame",
            Violation::PaddedLength => "a WebSocket frame with its length in more bytes than it needs",
            Violation::HugeLength => "a WebSocket frame with a length of more than 63 bits",
            Violation::LoneContinuation => "a WebSocket continuation without a beginning",
            Violation::UnfinishedMessage => "a WebSocket message before the end of the last one",
            Violation::FragmentedControl => "a WebSocket control frame in fragments",
            Violation::LongControl => "a WebSocket control frame of more than 125 bytes",
            Violation::CloseCode => "a WebSocket close code that may not be sent",
            Violation::CloseReason => "a WebSocket close reason that is not UTF-8",
        })
    }
}

impl std::error::Error for Violation {}

/// A whole control frame from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// To be answered with the same payload.
    Ping(ControlPayload),
    /// An answer to any Ping; what it carries means nothing here.
    Pong,
    /// The client's last frame, with its code if it gave one. What follows it is not to be read.
    Close(Option<u16>),
}

/// Up to 125 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct ControlPayload {
    len: u8,
    bytes: [u8; CONTROL_MAX],
}

impl Default for ControlPayload {
    fn default() -> ControlPayload {
        ControlPayload { len: 0, bytes: [0; CONTROL_MAX] }
    }
}

impl fmt::Debug for ControlPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

impl ControlPayload {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Appends as much of `bytes` as there is room for.
    fn push(&mut self, bytes: &[u8]) {
        let room = &mut self.bytes[usize::from(self.len)..];
        let count = bytes.len().min(room.len());
        room[..count].copy_from_slice(&bytes[..count]);
        self.len += count as u8;
    }
}

/// Bytes from a client, turned into payload where they stand: read from the middle, written to the front.
#[derive(Debug)]
pub struct Window<'a> {
    bytes: &'a mut [u8],
    read: usize,
    written: usize,
}

impl<'a> Window<'a> {
    /// All of `bytes` are still to be read.
    pub fn new(bytes: &'a mut [u8]) -> Window<'a> {
        Window { bytes, read: 0, written: 0 }
    }

    /// Payload bytes that stand at the front by now.
    pub fn written(&self) -> usize {
        self.written
    }

    fn unread(&self) -> usize {
        self.bytes.len() - self.read
    }

    /// Takes up to `count` bytes.
    fn take(&mut self, count: usize) -> &mut [u8] {
        let start = self.read;
        self.read += count.min(self.unread());
        &mut self.bytes[start..self.read]
    }

    /// Moves the next `count` bytes, which are there, behind the payload at the front.
    fn keep(&mut self, count: usize) -> &mut [u8] {
        let start = self.written;
        self.bytes.copy_within(self.read..self.read + count, start);
        self.read += count;
        self.written += count;
        &mut self.bytes[start..self.written]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Head,
    Data,
    Ping,
    Pong,
    Close,
}

/// Takes the frames of one client apart, wherever the network cuts them.
#[derive(Debug)]
pub struct Deframer {
    /// Payload bytes of this frame that are still to come.
    left: u64,
    /// What came of a Ping or Close whose end is still to come.
    control: Option<Box<ControlPayload>>,
    /// The masking key, turned so that its first byte belongs to the next byte of payload.
    key: [u8; 4],
    head: [u8; CLIENT_HEAD],
    /// How much of `head` has come.
    have: u8,
    part: Part,
    /// Whether the next data frame has to be a continuation.
    fragmented: bool,
}

impl Default for Deframer {
    fn default() -> Deframer {
        Deframer::new()
    }
}

impl Deframer {
    /// Before the first frame.
    pub fn new() -> Deframer {
        let (key, head) = ([0; 4], [0; CLIENT_HEAD]);
        Deframer { left: 0, control: None, key, head, have: 0, part: Part::Head, fragmented: false }
    }

    /// Reads on, up to the end of the window or of a control frame.
    ///
    /// # Errors
    /// The client broke the protocol. Payload that came before that is in the window; this is not to be called again.
    pub fn next(&mut self, window: &mut Window<'_>) -> Result<Option<Control>, Violation> {
        loop {
            match self.part {
                Part::Head => match self.on_head(window)? {
                    Some(part) => self.part = part,
                    None => return Ok(None),
                },
                Part::Data => {
                    let count = self.available(window);
                    unmask(window.keep(count), &mut self.key);
                    self.left -= count as u64;
                    if self.left > 0 {
                        return Ok(None);
                    }
                    self.part = Part::Head;
                }
                Part::Ping | Part::Pong | Part::Close => return self.on_control(window),
            }
        }
    }

    fn available(&self, window: &Window<'_>) -> usize {
        usize::try_from(self.left).unwrap_or(usize::MAX).min(window.unread())
    }

    /// Reads on in the head; returns what follows it once it is whole.
    fn on_head(&mut self, window: &mut Window<'_>) -> Result<Option<Part>, Violation> {
        loop {
            let have = usize::from(self.have);
            let want = match have {
                0 | 1 => 2,
                _ => 6 + length_bytes(self.head[1]),
            };
            if have == want {
                break;
            }
            let bytes = window.take(want - have);
            if bytes.is_empty() {
                return Ok(None);
            }
            self.head[have..have + bytes.len()].copy_from_slice(bytes);
            self.have += bytes.len() as u8;
            if have < 2 && self.have == 2 {
                self.on_kind()?;
            }
        }
        let (head, key) = self.head[..usize::from(self.have)].split_at(usize::from(self.have) - 4);
        self.key.copy_from_slice(key);
        self.left = length(head)?;
        self.have = 0;
        Ok(Some(match self.head[0] & 0x0F {
            8 => Part::Close,
            9 => Part::Ping,
            10 => Part::Pong,
            _ => Part::Data,
        }))
    }

    /// Looks at the first two bytes: what is wrong there is said before the rest has come.
    fn on_kind(&mut self) -> Result<(), Violation> {
        let (first, second) = (self.head[0], self.head[1]);
        if first & RESERVED != 0 {
            return Err(Violation::ReservedBits);
        }
        if second & MASK == 0 {
            return Err(Violation::NotMasked);
        }
        let (last, opcode) = (first & FIN != 0, first & 0x0F);
        if opcode >= 8 && !last {
            return Err(Violation::FragmentedControl);
        }
        if opcode >= 8 && length_bytes(second) > 0 {
            return Err(Violation::LongControl);
        }
        match (opcode, self.fragmented) {
            (0, true) | (2, false) => {
                self.fragmented = !last;
                Ok(())
            }
            (0, false) => Err(Violation::LoneContinuation),
            (2, true) => Err(Violation::UnfinishedMessage),
            (1, _) => Err(Violation::Text),
            (8..=10, _) => Ok(()),
            _ => Err(Violation::ReservedOpcode),
        }
    }

    fn on_control(&mut self, window: &mut Window<'_>) -> Result<Option<Control>, Violation> {
        let count = self.available(window);
        let bytes = window.take(count);
        unmask(bytes, &mut self.key);
        self.left -= count as u64;
        if self.part != Part::Pong && count > 0 {
            self.control.get_or_insert_default().push(bytes);
        }
        if self.left > 0 {
            return Ok(None);
        }
        let payload = self.control.take();
        match std::mem::replace(&mut self.part, Part::Head) {
            Part::Ping => Ok(Some(Control::Ping(payload.map_or_else(ControlPayload::default, |payload| *payload)))),
            Part::Close => close_code(payload.as_deref().map_or(&[], ControlPayload::as_slice)).map(Some),
            Part::Pong | Part::Head | Part::Data => Ok(Some(Control::Pong)),
        }
    }
}

/// How many bytes of length follow byte 1.
fn length_bytes(second: u8) -> usize {
    match second & !MASK {
        126 => 2,
        127 => 8,
        _ => 0,
    }
}

/// The length in a head without its key.
fn length(head: &[u8]) -> Result<u64, Violation> {
    let length = head[2..].iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
    match head.len() {
        2 => Ok(u64::from(head[1] & !MASK)),
        4 if length < 126 => Err(Violation::PaddedLength),
        10 if length <= u64::from(u16::MAX) => Err(Violation::PaddedLength),
        _ if length > i64::MAX as u64 => Err(Violation::HugeLength),
        _ => Ok(length),
    }
}

/// Combines `bytes` with `key` and turns the key for what follows.
fn unmask(bytes: &mut [u8], key: &mut [u8; 4]) {
    let [a, b, c, d] = *key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
    key.rotate_left(rest.len() % 4);
}

/// Reads the payload of a Close: nothing, or a code and a reason (5.5.1, 7.4).
fn close_code(payload: &[u8]) -> Result<Control, Violation> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return match payload {
            [] => Ok(Control::Close(None)),
            _ => Err(Violation::CloseCode),
        };
    };
    let code = u16::from_be_bytes(*code);
    // 1004 to 1006 and 1015 never travel; 1012 to 1014 were registered later; 3000 and up are free to use.
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Violation::CloseCode);
    }
    match std::str::from_utf8(reason) {
        Ok(_) => Ok(Control::Close(Some(code))),
        Err(_) => Err(Violation::CloseReason),
    }
}

/// The head of a frame from a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    bytes: [u8; SERVER_HEAD],
    len: u8,
}

impl Head {
    /// Of a frame that is a message of its own.
    pub fn new(opcode: Opcode, payload: usize) -> Head {
        let mut bytes = [0; SERVER_HEAD];
        bytes[0] = FIN | opcode as u8;
        let len = match payload {
            0..126 => {
                bytes[1] = payload as u8;
                2
            }
            126..=0xFFFF => {
                bytes[1] = 126;
                bytes[2..4].copy_from_slice(&(payload as u16).to_be_bytes());
                4
            }
            _ => {
                bytes[1] = 127;
                bytes[2..10].copy_from_slice(&(payload as u64).to_be_bytes());
                10
            }
        };
        Head { bytes, len }
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}
