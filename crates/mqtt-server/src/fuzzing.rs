//! Parsers of bytes from strangers, for the fuzz targets and the tests that replay their corpora. Not an interface: it changes at will.

use crate::proxy;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// What the PROXY header at the beginning of `bytes` says, and how many bytes were taken.
///
/// # Errors
/// `InvalidData` for what is no header, `UnexpectedEof` where its end is not there.
pub fn proxy_header(bytes: &[u8]) -> (io::Result<Option<SocketAddr>>, usize) {
    let mut rest = bytes;
    let outcome = match pin!(proxy::read(&mut rest)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()), // a slice never makes anybody wait
    };
    (outcome, bytes.len() - rest.len())
}
