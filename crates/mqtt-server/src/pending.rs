//! Output that a socket would not take at once.

use crate::Socket;
use mqtt_core::{Output, Timestamp};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;

/// Pieces handed to the kernel at once.
const SLICES: usize = 32;

/// What is left to write.
pub(crate) struct Pending {
    output: Output,
    written: usize,
    /// When the socket last took a byte.
    pub(crate) since: Timestamp,
}

impl Pending {
    /// Adds a copy of `output` behind what is left.
    pub(crate) fn append(&mut self, output: &Output) {
        self.output.append(&mut output.rest(0));
    }

    /// Writes on; returns whether everything is out.
    ///
    /// # Errors
    /// The socket's.
    pub(crate) fn flush<S: Socket>(
        &mut self,
        socket: &mut S,
        task: &mut Context<'_>,
        now: Timestamp,
    ) -> io::Result<bool> {
        let before = self.written;
        let done = write(&self.output, &mut self.written, socket, task)?;
        if self.written > before {
            self.since = now;
        }
        Ok(done)
    }
}

/// Writes `output`; what the socket does not take is returned.
///
/// # Errors
/// The socket's.
pub(crate) fn send<S: Socket>(
    output: &Output,
    socket: &mut S,
    task: &mut Context<'_>,
    now: Timestamp,
) -> io::Result<Option<Box<Pending>>> {
    let mut written = 0;
    if write(output, &mut written, socket, task)? {
        return Ok(None);
    }
    Ok(Some(Box::new(Pending { output: output.rest(written), written: 0, since: now })))
}

/// Writes `output` from byte `written` on, and counts; returns whether everything is out.
///
/// # Errors
/// The stream's.
pub(crate) fn write<W: AsyncWrite + Unpin>(
    output: &Output,
    written: &mut usize,
    socket: &mut W,
    task: &mut Context<'_>,
) -> io::Result<bool> {
    while *written < output.len() {
        let mut socket = Pin::new(&mut *socket);
        let polled = if output.is_flat() {
            socket.as_mut().poll_write(task, &output.small[*written..])
        } else {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let mut used = 0;
            for (slice, chunk) in slices.iter_mut().zip(output.chunks(*written)) {
                *slice = IoSlice::new(chunk);
                used += 1;
            }
            socket.as_mut().poll_write_vectored(task, &slices[..used])
        };
        match polled {
            Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
            Poll::Ready(Ok(count)) => *written += count,
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Poll::Ready(Err(error)) => return Err(error),
            Poll::Pending => return Ok(false),
        }
    }
    // TLS takes bytes that the socket has no room for: they are out only when it says so.
    match Pin::new(&mut *socket).poll_flush(task) {
        Poll::Ready(result) => result.map(|()| true),
        Poll::Pending => Ok(false),
    }
}
