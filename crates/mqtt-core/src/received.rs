//! QoS 2 messages received whose PUBREL is outstanding (4.3.3).

use mqtt_wire::PacketId;
use std::collections::VecDeque;

/// The Packet Identifiers a client has open. Clients release them in order, so nearly every look-up ends at the front.
#[derive(Debug, Default)]
pub(crate) struct Received(VecDeque<u16>);

impl Received {
    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn contains(&self, id: PacketId) -> bool {
        self.0.contains(&id.get())
    }

    /// Notes a new identifier.
    pub(crate) fn insert(&mut self, id: PacketId) {
        self.0.push_back(id.get());
    }

    /// Forgets an identifier; returns whether it was open.
    pub(crate) fn remove(&mut self, id: PacketId) -> bool {
        if self.0.front() == Some(&id.get()) {
            self.0.pop_front();
            return true;
        }
        let at = self.0.iter().position(|&other| other == id.get());
        at.is_some_and(|at| self.0.remove(at).is_some())
    }
}
