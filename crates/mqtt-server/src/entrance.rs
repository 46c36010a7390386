//! What the connections of one endpoint share.

use crate::endpoint::{Endpoint, Versions};
use crate::hub::Hub;
use mqtt_core::{Counter, Credentials, Verdict};
use mqtt_wire::ReasonCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An endpoint's rules, and how many connections it has. Replaced as a whole when the configuration changes: connections keep theirs.
pub(crate) struct Entrance {
    pub(crate) hub: Arc<Hub>,
    pub(crate) versions: Versions,
    /// Whether clients without credentials may connect; `None` leaves it to the authenticator.
    pub(crate) allow_anonymous: Option<bool>,
    limit: Option<usize>,
    connections: Arc<AtomicUsize>,
}

impl Entrance {
    pub(crate) fn new(hub: Arc<Hub>, endpoint: &Endpoint) -> Arc<Entrance> {
        Entrance::counting(hub, endpoint, Arc::default())
    }

    /// The entrance of an endpoint whose rules changed: the connections it has go on counting.
    pub(crate) fn renew(&self, endpoint: &Endpoint) -> Arc<Entrance> {
        Entrance::counting(self.hub.clone(), endpoint, self.connections.clone())
    }

    fn counting(hub: Arc<Hub>, endpoint: &Endpoint, connections: Arc<AtomicUsize>) -> Arc<Entrance> {
        let (versions, allow_anonymous) = (endpoint.versions, endpoint.allow_anonymous);
        Arc::new(Entrance { hub, versions, allow_anonymous, limit: endpoint.connections, connections })
    }

    /// What this endpoint itself says of a client without credentials.
    pub(crate) fn anonymous(&self, credentials: &Credentials<'_>) -> Option<Verdict> {
        let nobody = credentials.user_name.is_none() && credentials.password.is_none();
        self.allow_anonymous.filter(|_| nobody).map(|allowed| match allowed {
            true => Verdict::Accept(None),
            false => Verdict::Refuse(ReasonCode::NotAuthorized),
        })
    }

    /// A place for one more connection, if the endpoint and the server have any.
    pub(crate) fn seat(self: &Arc<Entrance>) -> Option<Seat> {
        let seat = Seat(self.clone());
        let here = self.connections.fetch_add(1, Ordering::Relaxed);
        if self.hub.count_in() && self.limit.is_none_or(|limit| here < limit) {
            return Some(seat);
        }
        self.hub.broker.counters.count(Counter::ConnectionsRefused);
        None
    }
}

/// A connection's place; dropping it gives it back.
pub(crate) struct Seat(Arc<Entrance>);

impl Seat {
    pub(crate) fn entrance(&self) -> &Entrance {
        &self.0
    }
}

impl std::ops::Deref for Seat {
    type Target = Hub;

    fn deref(&self) -> &Hub {
        &self.0.hub
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
        self.0.hub.count_out();
    }
}
