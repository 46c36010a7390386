//! Bytes that were read and are no whole packet yet.

use mqtt_core::{Budget, Connection, Context, Counter, Next};
use mqtt_wire::ReasonCode;
use std::io;
use std::pin::Pin;
use std::task::{self, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// The start of a packet whose end has not arrived. Empty it owns no memory; what it holds is drawn from the broker's budget for
/// half-received packets, which gets it back by [`Input::release`].
#[derive(Default)]
pub(crate) struct Input(Vec<u8>);

/// What one read gave: `count` bytes behind room for the first `kept`.
pub(crate) struct Filled {
    kept: usize,
    count: usize,
}

impl Input {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads once into `buffer`, behind room for what waits here; `None` at the end of the stream. [`Input::feed`] follows.
    pub(crate) fn poll_read<R: AsyncRead + Unpin>(
        &self,
        stream: &mut R,
        task: &mut task::Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<Option<Filled>>> {
        // A short beginning goes in front of what follows it; a long one grows by itself.
        let kept = if self.0.len() < buffer.len() / 2 { self.0.len() } else { 0 };
        let mut rest = ReadBuf::new(&mut buffer[kept..]);
        ready!(Pin::new(stream).poll_read(task, &mut rest))?;
        let count = rest.filled().len();
        Poll::Ready(Ok((count > 0).then_some(Filled { kept, count })))
    }

    /// Gives the core what was read into `buffer`, and what waited.
    pub(crate) fn feed(
        &mut self,
        filled: Filled,
        buffer: &mut [u8],
        core: &mut Connection,
        cx: &mut Context<'_>,
    ) -> Next {
        let Filled { kept, count } = filled;
        let before = self.0.len();
        let next = if kept < before {
            self.0.extend_from_slice(&buffer[..count]);
            let (used, next) = core.on_bytes(&self.0, cx);
            match used == self.0.len() {
                true => self.0 = Vec::new(),
                false => drop(self.0.drain(..used)),
            }
            next
        } else {
            let bytes = &mut buffer[..kept + count];
            bytes[..kept].copy_from_slice(&self.0);
            let (used, next) = core.on_bytes(bytes, cx);
            let rest = &bytes[used..];
            self.0.clear();
            match rest.is_empty() {
                true => self.0 = Vec::new(),
                false => self.0.extend_from_slice(rest),
            }
            next
        };
        if cx.broker.partial().resize(before, self.0.len()) {
            return next;
        }
        // Half a large packet, and no memory to wait for the other half.
        self.0 = Vec::new();
        cx.broker.partial().resize(before, 0);
        cx.broker.counters.count(Counter::PartialPacketsRefused);
        core.on_shutdown(ReasonCode::QuotaExceeded, "no memory left for a packet of this size", cx)
    }

    /// Gives the core what waits here, once more: it can go on.
    pub(crate) fn feed_again(&mut self, core: &mut Connection, cx: &mut Context<'_>) -> Next {
        let before = self.0.len();
        let (used, next) = core.on_bytes(&self.0, cx);
        self.0.drain(..used);
        cx.broker.partial().resize(before, self.0.len());
        next
    }

    /// Forgets everything; its memory goes back to the budget.
    pub(crate) fn release(&mut self, partial: &Budget) {
        partial.resize(self.0.len(), 0);
        self.0 = Vec::new();
    }
}
