//! Endpoints that take no connections any more while some of theirs live.
//!
//! Their connections go on over the same UDP socket, so nobody else can have its port. Whoever wants the very same address gets that socket.

use parking_lot::Mutex;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// The endpoints of a server that rest.
#[derive(Clone, Default)]
pub(crate) struct Resting(Arc<Mutex<Vec<quinn::Endpoint>>>);

impl Resting {
    /// Takes note of an endpoint until its last connection has ended.
    pub(super) fn push(&self, endpoint: quinn::Endpoint) {
        self.0.lock().push(endpoint.clone());
        let all = self.0.clone();
        tokio::spawn(async move {
            endpoint.wait_idle().await;
            // Whatever has this address is the same socket, and it has no connections.
            all.lock().retain(|other| other.local_addr().ok() != endpoint.local_addr().ok());
        });
    }

    /// The one that has exactly this address.
    pub(super) fn take(&self, address: SocketAddr) -> Option<quinn::Endpoint> {
        let mut all = self.0.lock();
        let at = all.iter().position(|endpoint| endpoint.local_addr().is_ok_and(|used| used == address))?;
        Some(all.swap_remove(at))
    }

    /// Why an address cannot be bound, in the words of who knows that it is one of ours.
    pub(super) fn explain(&self, address: SocketAddr, error: io::Error) -> io::Error {
        let ours = |endpoint: &quinn::Endpoint| endpoint.local_addr().is_ok_and(|used| used.port() == address.port());
        if error.kind() != io::ErrorKind::AddrInUse || !self.0.lock().iter().any(ours) {
            return error;
        }
        let text = "the connections of an endpoint that was closed still use this port, until the last one ends";
        io::Error::new(io::ErrorKind::AddrInUse, text)
    }
}
