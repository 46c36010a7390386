//! The signals that the program obeys.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ready at the first SIGTERM or SIGINT (Ctrl-C).
///
/// # Errors
/// The operating system's.
pub fn shutdown() -> io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// SIGHUP: the configuration is to be loaded again.
///
/// # Errors
/// The operating system's.
pub fn hangups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}
