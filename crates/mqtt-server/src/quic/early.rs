//! Early data (0-RTT): what of it is read before the handshake is over.
//!
//! The first flight of a returning client can be a copy that somebody else sends, and only the end of the handshake shows that it is none.
//! Until then the control stream gives a CONNECT that neither has a Will nor begins a session anew, and nothing behind it; any other first
//! packet waits, and so does every data stream. So a copy can take over a session, which is kept, and do nothing else: it cannot publish,
//! subscribe or throw away.
//!
//! The session that a first flight resumes is given out once by whoever made it (see `endpoint.rs`): a copy that comes second finds none.

use quinn::RecvStream;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

const SHUT: u8 = 0;
const OPEN: u8 = 1;
const GONE: u8 = 2;

/// Whether everything may be read: open where there is no early data. Nobody is woken when it opens: who opens it runs on the task that reads.
#[derive(Clone, Default)]
pub(super) struct Gate(Option<Arc<AtomicU8>>);

impl Gate {
    /// One that is to be opened.
    pub(super) fn shut() -> Gate {
        Gate(Some(Arc::new(AtomicU8::new(SHUT))))
    }

    /// The handshake is over.
    pub(super) fn open(&self) {
        self.set(OPEN);
    }

    /// The handshake has failed: what waits is never read.
    pub(super) fn give_up(&self) {
        self.set(GONE);
    }

    pub(super) fn is_open(&self) -> bool {
        self.state() == OPEN
    }

    fn state(&self) -> u8 {
        self.0.as_ref().map_or(OPEN, |state| state.load(Ordering::Relaxed))
    }

    fn set(&self, to: u8) {
        if let Some(state) = &self.0 {
            state.store(to, Ordering::Relaxed);
        }
    }
}

/// The receiving side of a control stream.
pub(super) struct Control {
    recv: RecvStream,
    hold: Option<Box<Hold>>,
}

/// What is known of the first packet while the gate is shut.
struct Hold {
    gate: Gate,
    /// Its beginning, as far as it decides.
    head: Vec<u8>,
    /// How much of that has been given on.
    given: usize,
    /// Bytes that may be given on behind the head.
    allowed: Option<usize>,
}

/// What the beginning of a first packet says.
#[derive(Debug, PartialEq, Eq)]
enum First {
    /// So many bytes more are needed to tell.
    Unknown(usize),
    /// It may be read early, to so many bytes behind this beginning.
    Harmless(usize),
    /// It waits.
    Waits,
}

impl Control {
    pub(super) fn new(recv: RecvStream, gate: Gate) -> Control {
        let hold = || Box::new(Hold { gate: gate.clone(), head: Vec::new(), given: 0, allowed: None });
        Control { recv, hold: (!gate.is_open()).then(hold) }
    }
}

impl AsyncRead for Control {
    fn poll_read(self: Pin<&mut Control>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Control { recv, hold } = self.get_mut();
        if let Some(early) = hold {
            if !early.gate.is_open() {
                return early.poll_read(recv, cx, buffer);
            }
            if early.give(buffer) {
                return Poll::Ready(Ok(()));
            }
            *hold = None;
        }
        AsyncRead::poll_read(Pin::new(recv), cx, buffer)
    }
}

impl Hold {
    fn poll_read(
        &mut self,
        recv: &mut RecvStream,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.gate.state() == GONE {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        while self.allowed.is_none() {
            match first(&self.head) {
                First::Waits => return Poll::Pending,
                First::Harmless(rest) => self.allowed = Some(rest),
                First::Unknown(missing) => {
                    let mut bytes = [0; 16];
                    let mut few = ReadBuf::new(&mut bytes[..missing.min(16)]);
                    ready!(Pin::new(&mut *recv).poll_read(cx, &mut few))?;
                    if few.filled().is_empty() {
                        return Poll::Ready(Ok(())); // the stream has ended within its first packet
                    }
                    self.head.extend_from_slice(few.filled());
                }
            }
        }
        if self.give(buffer) {
            return Poll::Ready(Ok(()));
        }
        let allowed = self.allowed.unwrap_or_default();
        if allowed == 0 {
            return Poll::Pending;
        }
        let room = allowed.min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(room));
        ready!(Pin::new(recv).poll_read(cx, &mut part))?;
        let count = part.filled().len();
        buffer.advance(count);
        self.allowed = Some(allowed - count);
        Poll::Ready(Ok(()))
    }

    /// Gives on what is left of the head; whether there was any.
    fn give(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let rest = &self.head[self.given..];
        let count = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..count]);
        self.given += count;
        count > 0
    }
}

/// Looks at the beginning of a packet: a CONNECT's fixed header, protocol name and version, and flags.
fn first(head: &[u8]) -> First {
    const WILL: u8 = 0x04;
    const CLEAN_START: u8 = 0x02;
    let Some((&kind, rest)) = head.split_first() else { return First::Unknown(2) };
    if kind != 0x10 {
        return First::Waits;
    }
    let Some(last) = rest.iter().take(4).position(|byte| byte & 0x80 == 0) else {
        return if rest.len() < 4 { First::Unknown(1) } else { First::Waits };
    };
    let remaining = rest[..=last].iter().rev().fold(0, |length, byte| length << 7 | usize::from(byte & 0x7F));
    let body = &rest[last + 1..];
    let name = match body {
        [high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
        _ => return First::Unknown(2 - body.len()),
    };
    let flags = 2 + name + 1;
    if name > 6 || remaining <= flags {
        return First::Waits;
    }
    match body.get(flags) {
        None => First::Unknown(flags + 1 - body.len()),
        Some(flags) if flags & (WILL | CLEAN_START) != 0 => First::Waits,
        Some(_) => First::Harmless(remaining - body.len().min(remaining)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A CONNECT of 5.0 with these flags and a Client Identifier so long.
    fn connect(flags: u8, id: usize) -> Vec<u8> {
        let mut body = [b"\0\x04MQTT\x05", &[flags, 0, 0, 0, 0, id as u8][..]].concat();
        body.extend(vec![b'x'; id]);
        let length = [body.len() as u8 & 0x7F | if body.len() > 127 { 0x80 } else { 0 }, (body.len() >> 7) as u8];
        [&[0x10], &length[..if body.len() > 127 { 2 } else { 1 }], &body].concat()
    }

    /// Gives the bytes as they are asked for.
    fn judge(packet: &[u8]) -> (First, usize) {
        let mut seen = 0;
        loop {
            match first(&packet[..seen]) {
                First::Unknown(more) if seen + more <= packet.len() => seen += more,
                verdict => return (verdict, seen),
            }
        }
    }

    #[test]
    fn a_connect_is_harmless_if_it_neither_wills_nor_cleans() {
        for id in [1, 40, 200] {
            let packet = connect(0xC0, id);
            let (verdict, seen) = judge(&packet);
            assert_eq!(verdict, First::Harmless(packet.len() - seen), "to its last byte");
            assert!(seen <= 16);
            for flags in [0x02, 0x04, 0xC6] {
                assert_eq!(judge(&connect(flags, id)).0, First::Waits, "{flags:#x}");
            }
        }
        let old = b"\x10\x0f\0\x06MQIsdp\x03\0\0\0\0\x01x";
        assert_eq!(judge(old), (First::Harmless(5), 12));
    }

    #[test]
    fn whatever_else_comes_first_waits() {
        for packet in [
            &b"\x30\x05\0\x01tx"[..],
            b"\xe0\0",
            b"\x10\xff\xff\xff\xff\x01",
            b"\x10\x20\0\x07MQTTxxx",
            b"\x10\x06\0\x04MQTT",
        ] {
            assert_eq!(judge(packet).0, First::Waits, "{packet:x?}");
        }
        assert_eq!(first(b""), First::Unknown(2));
        assert_eq!(first(b"\x10\x80"), First::Unknown(1));
    }
}
