//! What the connections of one endpoint share.

use crate::endpoint::{Address, Endpoint, Services, Versions};
use crate::hub::{Hub, Place, Pool};
use crate::{ConnectionEvent, Happening, Peer};
use mqtt_core::{Counter, Credentials, Timestamp, Verdict};
use mqtt_wire::{ReasonCode, Version};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

/// An endpoint's rules, and how many connections it has. Replaced as a whole when the configuration changes: connections keep theirs.
pub(crate) struct Entrance {
    pub(crate) hub: Arc<Hub>,
    pub(crate) name: Box<str>,
    pub(crate) transport: &'static str,
    pub(crate) versions: Versions,
    /// Whether clients without credentials may connect; `None` leaves it to the authenticator.
    pub(crate) allow_anonymous: Option<bool>,
    pub(crate) services: Services,
    /// What its connections count against.
    pool: Pool,
    /// The same for HTTP connections that find no place: see [`Pool::Reserve`].
    reserve: Option<Arc<Entrance>>,
    limit: Option<usize>,
    pub(crate) visitors: Arc<Visitors>,
}

/// How many came, and how many are here.
#[derive(Default)]
pub(crate) struct Visitors {
    /// Connections open.
    pub(crate) open: AtomicUsize,
    /// Clients that came online, by protocol version.
    pub(crate) online: [AtomicU64; Version::ALL.len()],
}

impl Entrance {
    /// The entrance of an endpoint whose first certificate expires as said.
    pub(crate) fn new(hub: Arc<Hub>, endpoint: &Endpoint, expires: Option<SystemTime>) -> Arc<Entrance> {
        // One that was open before goes on counting.
        let before = hub.register.lock().get(endpoint.name.as_str()).map(|place| place.visitors.clone());
        Entrance::counting(hub, endpoint, before.unwrap_or_default(), expires)
    }

    /// The entrance of an endpoint whose rules changed: the connections it has go on counting.
    pub(crate) fn renew(&self, endpoint: &Endpoint, expires: Option<SystemTime>) -> Arc<Entrance> {
        Entrance::counting(self.hub.clone(), endpoint, self.visitors.clone(), expires)
    }

    fn counting(
        hub: Arc<Hub>,
        endpoint: &Endpoint,
        visitors: Arc<Visitors>,
        expires: Option<SystemTime>,
    ) -> Arc<Entrance> {
        let place = Place { transport: transport(endpoint), visitors: visitors.clone(), expires };
        hub.register.lock().insert(endpoint.name.as_str().into(), place);
        let of = |pool, reserve| {
            Arc::new(Entrance {
                hub: hub.clone(),
                name: endpoint.name.as_str().into(),
                transport: transport(endpoint),
                versions: endpoint.versions,
                allow_anonymous: endpoint.allow_anonymous,
                services: endpoint.services,
                pool,
                reserve,
                limit: endpoint.connections.filter(|_| pool != Pool::Reserve),
                visitors: visitors.clone(),
            })
        };
        match (&endpoint.address, endpoint.services.mqtt) {
            (Address::Http(_), true) => of(Pool::Clients, Some(of(Pool::Reserve, None))),
            (Address::Http(_), false) => of(Pool::Aside, None),
            (Address::Tcp(_) | Address::Unix(_) | Address::Quic(_), _) => of(Pool::Clients, None),
        }
    }

    /// What this endpoint itself says of a client without credentials.
    pub(crate) fn anonymous(&self, credentials: &Credentials<'_>) -> Option<Verdict> {
        let nobody = credentials.user_name.is_none() && credentials.password.is_none();
        self.allow_anonymous.filter(|_| nobody).map(|allowed| match allowed {
            true => Verdict::Accept(None),
            false => Verdict::Refuse(ReasonCode::NotAuthorized),
        })
    }

    /// A place for one more connection of MQTT, if the endpoint and the server have any.
    pub(crate) fn seat(self: &Arc<Entrance>, peer: Peer) -> Option<Seat> {
        self.take(peer).map_err(|seat| seat.has_no_place()).ok()
    }

    /// A place for one more HTTP connection, which may ask for anything.
    pub(crate) fn visit(self: &Arc<Entrance>, peer: Peer) -> Option<Seat> {
        let reserve = |full| self.reserve.as_ref().map_or(Err(full), |reserve| reserve.take(peer));
        self.take(peer).or_else(reserve).map_err(|seat| seat.has_no_place()).ok()
    }

    /// A place, or one that is above a limit.
    fn take(self: &Arc<Entrance>, peer: Peer) -> Result<Seat, Seat> {
        let seat = Seat { entrance: self.clone(), peer, accepted: self.hub.clock.now() };
        let here = self.visitors.open.fetch_add(1, Ordering::Relaxed);
        let fits = self.hub.count_in(self.pool);
        match fits && self.limit.is_none_or(|limit| here < limit) {
            true => Ok(seat),
            false => Err(seat),
        }
    }
}

/// What carries the connections of an endpoint.
fn transport(endpoint: &Endpoint) -> &'static str {
    match (&endpoint.address, &endpoint.tls) {
        (Address::Tcp(_), None) => "tcp",
        (Address::Tcp(_), Some(_)) => "tls",
        (Address::Unix(_), _) => "unix",
        (Address::Http(_), None) => "websocket",
        (Address::Http(_), Some(_)) => "websocket_tls",
        (Address::Quic(_), _) => "quic",
    }
}

/// A connection's place; dropping it gives it back.
pub(crate) struct Seat {
    entrance: Arc<Entrance>,
    /// Where the connection comes from.
    pub(crate) peer: Peer,
    /// When it was accepted: the time for CONNECT counts from then.
    pub(crate) accepted: Timestamp,
}

impl Seat {
    pub(crate) fn entrance(&self) -> &Entrance {
        &self.entrance
    }

    /// Whether it is one of the last places, kept for probes.
    pub(crate) fn is_reserve(&self) -> bool {
        self.entrance.pool == Pool::Reserve
    }

    /// Ready once the server takes no clients any more, and never where there are none anyway.
    pub(crate) async fn dismissed(&self) {
        match self.entrance.pool {
            Pool::Clients | Pool::Reserve => self.stopped().await,
            Pool::Aside => std::future::pending().await,
        }
    }

    /// It is above a limit.
    fn has_no_place(&self) {
        self.broker.counters.count(Counter::ConnectionsRefused);
        self.refused(ReasonCode::QuotaExceeded, "there is no place for one more connection");
    }

    /// The connection ends before CONNECT was read.
    pub(crate) fn refused(&self, reason: ReasonCode, why: &str) {
        self.report(None, None, None, Happening::Refused { reason, why });
    }

    /// What comes before MQTT went wrong: the PROXY header, TLS.
    pub(crate) fn handshake_failed(&self, error: &std::io::Error) {
        self.broker.counters.count(Counter::HandshakesFailed);
        self.refused(ReasonCode::ProtocolError, &format!("the handshake failed: {error}"));
    }

    /// What comes before MQTT was not over in time.
    pub(crate) fn handshake_timed_out(&self) {
        self.broker.counters.count(Counter::ConnectTimeouts);
        self.refused(ReasonCode::UnspecifiedError, "the handshake was not completed in time");
    }

    /// Tells the observer, and counts.
    pub(crate) fn report(
        &self,
        client_id: Option<&str>,
        user_name: Option<&str>,
        version: Option<Version>,
        what: Happening<'_>,
    ) {
        self.endings.count(&what);
        if let (Happening::Connected { .. }, Some(version)) = (&what, version) {
            self.entrance.visitors.online[version as usize].fetch_add(1, Ordering::Relaxed);
        }
        let age = self.clock.now().as_millis().saturating_sub(self.accepted.as_millis());
        self.watcher.on_connection(&ConnectionEvent {
            endpoint: &self.entrance.name,
            transport: self.entrance.transport,
            peer: self.peer,
            client_id,
            user_name,
            version,
            age: Duration::from_millis(age),
            what,
        });
    }
}

impl std::ops::Deref for Seat {
    type Target = Hub;

    fn deref(&self) -> &Hub {
        &self.entrance.hub
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.entrance.visitors.open.fetch_sub(1, Ordering::Relaxed);
        self.entrance.hub.count_out(self.entrance.pool);
    }
}
