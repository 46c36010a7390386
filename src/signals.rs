//! The signals that the program obeys.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT (Ctrl-C): the program is to end, and at the second one at once.
pub struct Endings {
    terminate: Signal,
    interrupt: Signal,
}

impl Endings {
    /// Listens from now on.
    ///
    /// # Errors
    /// The operating system's.
    pub fn new() -> io::Result<Endings> {
        let (terminate, interrupt) = (SignalKind::terminate(), SignalKind::interrupt());
        Ok(Endings { terminate: signal(terminate)?, interrupt: signal(interrupt)? })
    }

    /// The next one; gives its number.
    pub async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.terminate.recv() => 15,
            _ = self.interrupt.recv() => 2,
        }
    }
}

/// SIGHUP: the configuration is to be loaded again.
///
/// # Errors
/// The operating system's.
pub fn hangups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}
