//! A WebSocket as a byte stream.
//!
//! Reads give the payload of binary frames, writes make binary frames. Nothing is buffered: bytes are read into the caller's buffer and
//! become payload there, written bytes go to the socket behind a head of at most ten bytes. Pings are answered; a Close is read as the end
//! of the stream and answered at the end of its other direction. At rest a stream is its socket and 80 bytes beside it; in a server, 56
//! more and an entry in its timers.
//!
//! A frame of which the socket took only the beginning is owed the rest: the next writes give it, whatever they bring.

use super::frame::{CloseCode, Control, Deframer, Head, Opcode, Violation, Window};
use super::keeper::Keeper;
use super::outbox::Outbox;
use super::pulse::Beat;
use crate::Socket;
use crate::hub::Hub;
use hyper::body::{Buf, Bytes};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Longest payload of a frame. Clients may hold frames whole and may have a limit for them; 1 MiB is a common one.
const FRAME: usize = 256 * 1024;

/// Longest payload of a frame on a socket that takes one slice at a time: it is copied behind its head. Fits a DATA frame of HTTP/2.
const GATHERED: usize = 16 * 1024 - 4;

/// Slices handed on at once, the head aside.
const SLICES: usize = 32;

/// Reads without payload before other tasks get their turn.
const READS: usize = 16;

/// A WebSocket over `S`, after the handshake, on the server's side.
///
/// Shutting it down sends a Close, with the client's code if the client sent one, with what it did wrong if it did, or else with 1001 where
/// the server ends and 1000 where it goes on.
/// Dropping it does so too, if that is possible without waiting.
pub struct WebSocketStream<S: Socket> {
    socket: S,
    frames: Deframer,
    /// What came with the handshake.
    early: Option<Box<Bytes>>,
    outbox: Option<Box<Outbox>>,
    keeper: Option<Box<Keeper>>,
    /// Payload that the frame being written still lacks; 0 at a border.
    owed: usize,
    /// How much of that frame's head is not out. While there is any, nothing of the payload is.
    head_left: u8,
    reading: Reading,
    writing: Writing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Open,
    /// The client sent a Close, with this code.
    Closed(Option<u16>),
    /// The client broke the protocol.
    Broken(Violation),
    /// Nothing more is read.
    Over,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Writing {
    Open,
    /// A Close is on its way or out.
    Closed,
}

impl<S: Socket> WebSocketStream<S> {
    /// Takes over `socket` after the handshake. `early` is what has been read of it behind the handshake.
    pub fn new(socket: S, early: Bytes) -> WebSocketStream<S> {
        WebSocketStream {
            socket,
            frames: Deframer::new(),
            early: Some(early).filter(|early| !early.is_empty()).map(Box::new),
            outbox: None,
            keeper: None,
            owed: 0,
            head_left: 0,
            reading: Reading::Open,
            writing: Writing::Open,
        }
    }

    /// What carries the frames.
    pub fn get_ref(&self) -> &S {
        &self.socket
    }

    /// Puts it in the care of a server: a client that answers no Ping within `ping_interval` is gone. It stays on one task from then on.
    pub(crate) fn kept_by(mut self, hub: Arc<Hub>, ping_interval: Option<Duration>) -> WebSocketStream<S> {
        self.keeper = Some(Box::new(Keeper::new(hub, ping_interval)));
        self
    }

    /// There is nothing to read now: maybe for too long.
    fn on_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.keeper.as_mut().map_or(Beat::Wait, |keeper| keeper.on_silence(cx)) {
            Beat::Wait => Poll::Pending,
            Beat::Ask => {
                if self.writing == Writing::Open {
                    self.outbox.get_or_insert_default().ping();
                }
                match self.poll_outbox(cx) {
                    Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                    Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
                }
            }
            Beat::Gone => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
        }
    }

    /// Begins the end of the sending side: the client's Close is answered with its own code.
    fn close(&mut self) {
        if self.writing == Writing::Open {
            self.writing = Writing::Closed;
            let own = self.keeper.as_ref().map_or(CloseCode::Normal, |keeper| keeper.close_code());
            self.outbox.get_or_insert_default().close(match self.reading {
                Reading::Open | Reading::Over => Some(own as u16),
                Reading::Closed(code) => code,
                Reading::Broken(violation) => Some(violation.code() as u16),
            });
        }
    }

    /// Writes the control frames that wait, unless a data frame has begun.
    fn poll_outbox(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(outbox) = &mut self.outbox else { return Poll::Ready(Ok(())) };
        if self.owed > 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            let bytes = outbox.unwritten();
            if bytes.is_empty() {
                break;
            }
            match ready!(Pin::new(&mut self.socket).poll_write(cx, bytes))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => outbox.on_written(count),
            }
        }
        self.outbox = None;
        // A socket that buffers may wait for more; who sends no data now would leave it waiting.
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    /// Reads raw bytes into `bytes`.
    fn poll_raw(&mut self, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        if let Some(early) = &mut self.early {
            let count = early.len().min(bytes.len());
            early.copy_to_slice(&mut bytes[..count]);
            if early.is_empty() {
                self.early = None;
            }
            return Poll::Ready(Ok(count));
        }
        let mut buffer = ReadBuf::new(bytes);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Takes the frames in `bytes` apart; returns how many bytes of payload stand at their front.
    fn on_bytes(&mut self, bytes: &mut [u8]) -> usize {
        let mut window = Window::new(bytes);
        while self.reading == Reading::Open {
            match self.frames.next(&mut window) {
                Ok(None) => break,
                Ok(Some(Control::Pong)) => {}
                Ok(Some(Control::Close(code))) => self.reading = Reading::Closed(code),
                Err(violation) => self.reading = Reading::Broken(violation),
                Ok(Some(Control::Ping(payload))) if self.writing == Writing::Open => {
                    self.outbox.get_or_insert_default().pong(payload);
                }
                Ok(Some(Control::Ping(_))) => {}
            }
        }
        window.written()
    }

    /// Writes the rest of the frame's head, then payload from `pieces`, as much as the frame still lacks.
    fn poll_frame(&mut self, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let head = Head::new(Opcode::Binary, self.owed);
        let head = &head.as_slice()[head.as_slice().len() - usize::from(self.head_left)..];
        let socket = Pin::new(&mut self.socket);
        if !socket.is_write_vectored() {
            return socket.poll_write(cx, &gather(head, pieces, self.owed.min(GATHERED)));
        }
        let mut slices = [IoSlice::new(&[]); SLICES + 1];
        slices[0] = IoSlice::new(head);
        let (mut used, mut left) = (1, self.owed);
        for (slice, piece) in slices[1..].iter_mut().zip(pieces) {
            let count = piece.len().min(left);
            *slice = IoSlice::new(&piece[..count]);
            (used, left) = (used + 1, left - count);
        }
        socket.poll_write_vectored(cx, &slices[usize::from(head.is_empty())..used])
    }

    /// Opens a frame for `offered` bytes.
    fn open_frame(&mut self, offered: usize) {
        let longest = if self.socket.is_write_vectored() { FRAME } else { GATHERED };
        self.owed = offered.min(longest);
        self.head_left = Head::new(Opcode::Binary, self.owed).as_slice().len() as u8;
    }
}

/// `head` and up to `count` bytes of `pieces` in one piece.
fn gather(head: &[u8], pieces: &[IoSlice<'_>], count: usize) -> Vec<u8> {
    let offered: usize = pieces.iter().map(|piece| piece.len()).sum();
    let full = head.len() + offered.min(count);
    let mut bytes = Vec::with_capacity(full);
    bytes.extend_from_slice(head);
    for piece in pieces {
        bytes.extend_from_slice(&piece[..piece.len().min(full - bytes.len())]);
    }
    bytes
}

impl<S: Socket> AsyncRead for WebSocketStream<S> {
    /// Ends (reads nothing) after the client's Close, while answers to what came before may still be written, and where the socket ends.
    ///
    /// # Errors
    /// The socket's, `InvalidData` when the client broke the WebSocket protocol, or `TimedOut` when it answered no Ping.
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        for _ in 0..READS {
            // What the socket does not take now waits for the next call: a client that reads slowly is still listened to.
            if let Poll::Ready(Err(error)) = this.poll_outbox(cx) {
                return Poll::Ready(Err(error));
            }
            match this.reading {
                Reading::Open => {}
                Reading::Closed(_) | Reading::Over => return Poll::Ready(Ok(())),
                Reading::Broken(violation) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, violation)));
                }
            }
            let room = buffer.initialize_unfilled();
            if room.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let count = match this.poll_raw(cx, room) {
                Poll::Ready(count) => count?,
                Poll::Pending => return this.on_silence(cx),
            };
            if let Some(keeper) = &mut this.keeper {
                keeper.on_bytes();
            }
            if count == 0 {
                this.reading = Reading::Over;
                continue;
            }
            let payload = this.on_bytes(&mut room[..count]);
            if payload > 0 {
                buffer.advance(payload);
                if let Poll::Ready(Err(error)) = this.poll_outbox(cx) {
                    return Poll::Ready(Err(error));
                }
                return Poll::Ready(Ok(()));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: Socket> AsyncWrite for WebSocketStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    /// Makes one frame of all `pieces` if the last frame is out and the socket takes them at once.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.writing == Writing::Closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let pieces = &pieces[..pieces.len().min(SLICES)];
        let offered = pieces.iter().map(|piece| piece.len()).sum();
        if offered == 0 {
            return Poll::Ready(Ok(0));
        }
        loop {
            ready!(this.poll_outbox(cx))?;
            let opened = this.owed == 0;
            if opened {
                this.open_frame(offered);
            }
            let written = match this.poll_frame(cx, pieces) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => written,
                other => {
                    if opened {
                        (this.owed, this.head_left) = (0, 0); // nothing of it is out: it need not be
                    }
                    return other;
                }
            };
            let head = written.min(usize::from(this.head_left));
            this.head_left -= head as u8;
            this.owed -= written - head;
            if written > head {
                return Poll::Ready(Ok(written - head));
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_outbox(cx))?;
        Pin::new(&mut this.socket).poll_flush(cx)
    }

    /// Sends a Close, if no frame has begun, and ends the sending side. The client's answer to it is read as an end.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.close();
        ready!(this.poll_outbox(cx))?;
        Pin::new(&mut this.socket).poll_shutdown(cx)
    }
}

impl<S: Socket> Drop for WebSocketStream<S> {
    fn drop(&mut self) {
        if self.reading == Reading::Over {
            return;
        }
        self.close();
        let cx = &mut Context::from_waker(Waker::noop());
        if let Poll::Ready(Ok(())) = self.poll_outbox(cx) {
            let _ = Pin::new(&mut self.socket).poll_shutdown(cx);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpStream;

    #[test]
    fn the_state_of_an_idle_stream_is_small() {
        let beside = size_of::<WebSocketStream<TcpStream>>() - size_of::<TcpStream>();
        assert!(beside <= 80, "{beside} bytes");
        assert!(size_of::<Keeper>() <= 56, "{} bytes", size_of::<Keeper>());
    }
}
