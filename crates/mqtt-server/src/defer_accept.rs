//! Accepting connections when they have something to say.
//!
//! With TCP_DEFER_ACCEPT (tcp(7)) the kernel hands a connection over when the client's first bytes are there, and one that stays silent a while
//! later. In MQTT, TLS and HTTP the client speaks first, so a connection then costs one wake-up in place of two: a quarter of the processor time
//! of a connect (`cargo xtask bench --scenario connect`), and a socket that says nothing costs the process nothing at first.
//!
//! No maintained crate offers the option without `unsafe`, so this is the one file that has any: a single call with a pointer to a local
//! variable of the size that it names.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// How long a silent connection is held back, in seconds; the kernel rounds up to its own steps.
const SECONDS: libc::c_int = 1;

/// Sets the option on a socket that is going to listen.
///
/// # Errors
/// The operating system's.
pub(crate) fn set(socket: &impl AsFd) -> io::Result<()> {
    let fd = socket.as_fd().as_raw_fd();
    let seconds = SECONDS;
    let (value, size) = (&raw const seconds, size_of_val(&seconds) as libc::socklen_t);
    // SAFETY: the descriptor is open while `socket` is borrowed, and `value` points to `size` readable bytes for the whole call.
    let result = unsafe { libc::setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, value.cast(), size) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
