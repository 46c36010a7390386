//! The data lanes of a connection, where its transport has any; see [`mqtt_core::Lane`].

use crate::Peer;
use crate::worker::Worker;
use mqtt_core::{Broker, Budget, Close, Connection, Lane, Next, Timestamp};
use std::task::Context;

/// The streams beside the socket of a driver, which serves them in its turns. All methods register the task's waker where they leave
/// something undone.
pub(crate) trait Lanes: Unpin + Send + 'static {
    /// Whether a client that has said DISCONNECT is waited for until it closes: what it was sent before would not reach it otherwise.
    const AWAITS_CLIENT: bool;

    /// The open lanes with what is to be sent on them.
    fn outputs(&mut self) -> &mut [Lane];

    /// Takes new streams and lets the core handle what came on all; called while it is online and may be fed.
    fn read(
        &mut self,
        core: &mut Connection,
        broker: &Broker,
        task: &mut Context<'_>,
        worker: &mut Worker,
        now: Timestamp,
    ) -> Next;

    /// Writes the outputs.
    fn flush(&mut self, core: &mut Connection, broker: &Broker, task: &mut Context<'_>, now: Timestamp);

    /// Whether a lane has so much unwritten that no more messages may be taken for the client.
    fn are_stuck(&self) -> bool;

    /// Whether a turn would find something to do now.
    fn have_more(&self) -> bool;

    /// Since when some lane takes nothing.
    fn stalled_since(&self) -> Option<Timestamp>;

    /// Where the client is now, if its transport lets it move.
    fn peer(&self) -> Option<Peer> {
        None
    }

    /// The core has ended the connection.
    fn on_close(&mut self, close: Close);

    /// Gives back what half-received packets have drawn.
    fn release(&mut self, partial: &Budget);
}

/// No data lanes: a connection of one stream. Costs nothing.
pub(crate) struct NoLanes;

impl Lanes for NoLanes {
    const AWAITS_CLIENT: bool = false;

    #[inline]
    fn outputs(&mut self) -> &mut [Lane] {
        &mut []
    }

    #[inline]
    fn read(&mut self, _: &mut Connection, _: &Broker, _: &mut Context<'_>, _: &mut Worker, _: Timestamp) -> Next {
        Next::Go
    }

    #[inline]
    fn flush(&mut self, _: &mut Connection, _: &Broker, _: &mut Context<'_>, _: Timestamp) {}

    #[inline]
    fn are_stuck(&self) -> bool {
        false
    }

    #[inline]
    fn have_more(&self) -> bool {
        false
    }

    #[inline]
    fn stalled_since(&self) -> Option<Timestamp> {
        None
    }

    #[inline]
    fn on_close(&mut self, _: Close) {}

    #[inline]
    fn release(&mut self, _: &Budget) {}
}
