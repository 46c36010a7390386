//! What all transports have in common: connections come in, each gets a place and a task.

use crate::Peer;
use crate::entrance::{Entrance, Seat};
use arc_swap::ArcSwap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// How long accepting pauses when the process has no file or memory left for a connection.
const PAUSE: Duration = Duration::from_millis(50);

/// A bound endpoint. Accepting never waits for a handshake: that is for the task of the connection.
pub(crate) trait Listener: Send + 'static {
    /// What comes in.
    type Incoming: Send;

    /// The next connection, and where it comes from.
    ///
    /// # Errors
    /// The operating system's; the listener goes on afterwards.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Incoming, Peer)>> + Send;

    /// A place for it, if there is any.
    fn seat(&self, entrance: &Arc<Entrance>, peer: Peer) -> Option<Seat> {
        entrance.seat(peer)
    }

    /// Starts the task of a connection that has a place.
    fn serve(&self, incoming: Self::Incoming, seat: Seat);

    /// Turns away a connection that has none.
    fn refuse(&self, incoming: Self::Incoming);
}

/// Accepts for ever. The entrance may be replaced while this runs.
pub(crate) async fn accept(mut listener: impl Listener, entrance: Arc<ArcSwap<Entrance>>) {
    loop {
        match listener.accept().await {
            Ok((incoming, peer)) => match listener.seat(&entrance.load(), peer) {
                Some(seat) => listener.serve(incoming, seat),
                None => listener.refuse(incoming),
            },
            // The connection was gone before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
