//! The endpoints that are open, and how they change while the server runs.

use crate::endpoint::{Address, Endpoint, HostPort};
use crate::entrance::Entrance;
use crate::hub::Hub;
use crate::listener::{self, Listener};
use crate::quic::{self, Quic, Resting};
use crate::tcp::{Preface, Tcp};
use crate::tls::{self, Fingerprint, Tickets, TlsError};
use crate::web::{MqttSite, Web};
use crate::{tcp, unix};
use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Why an endpoint cannot be opened.
#[derive(Debug)]
pub struct EndpointError {
    /// The endpoint's name.
    pub endpoint: String,
    /// What it was to be, as a URL.
    pub url: String,
    /// Why not.
    pub cause: Cause,
}

/// What keeps an endpoint from being opened.
#[derive(Debug)]
pub enum Cause {
    /// The address cannot be listened on.
    Bind(io::Error),
    /// TLS cannot be set up.
    Tls(TlsError),
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Bind(error) => write!(f, "endpoint {}: cannot listen on {}: {error}", self.endpoint, self.url),
            Cause::Tls(error) => write!(f, "endpoint {}: {error}", self.endpoint),
        }
    }
}

impl std::error::Error for EndpointError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        None // the display says it all
    }
}

/// An open endpoint.
struct Door {
    endpoint: Endpoint,
    /// Where it really listens.
    url: String,
    address: Option<SocketAddr>,
    entrance: Arc<ArcSwap<Entrance>>,
    tls: Option<Arc<Tls>>,
    /// The same endpoint that accepts, to give it new certificates.
    quic: Option<Quic>,
    task: JoinHandle<()>,
}

/// TLS of an open endpoint.
pub(crate) struct Tls {
    pub(crate) acceptor: Arc<tls::Acceptor>,
    alpn: &'static [&'static [u8]],
    fingerprint: Fingerprint,
}

/// What a change of endpoints came to, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Opened.
    pub opened: Vec<String>,
    /// Closed; their connections go on.
    pub closed: Vec<String>,
    /// Go on with other rules or certificates; their connections go on.
    pub changed: Vec<String>,
}

/// All open endpoints by name.
pub(crate) struct Doors {
    hub: Arc<Hub>,
    /// Made by the first endpoint with TLS.
    tickets: Option<Tickets>,
    open: BTreeMap<String, Door>,
    /// Closed, but still with connections.
    resting: Resting,
}

impl Doors {
    pub(crate) fn new(hub: Arc<Hub>) -> Doors {
        Doors { hub, tickets: None, open: BTreeMap::new(), resting: Resting::default() }
    }

    /// Opens, closes and changes until exactly `endpoints` are open. An endpoint that cannot be opened leaves all others as they are wanted.
    pub(crate) async fn apply(&mut self, endpoints: &[Endpoint]) -> (Changes, Vec<EndpointError>) {
        let (mut changes, mut errors) = (Changes::default(), Vec::new());
        let gone = |name: &String| !endpoints.iter().any(|endpoint| endpoint.name == *name);
        let closed: Vec<String> = self.open.keys().filter(|name| gone(name)).cloned().collect();
        for name in closed {
            self.close(&name).await;
            changes.closed.push(name);
        }
        for endpoint in endpoints {
            let name = endpoint.name.clone();
            match self.open.get(&name) {
                Some(door) if door.can_become(endpoint) => match self.renew(endpoint) {
                    Ok(true) => changes.changed.push(name),
                    Ok(false) => {}
                    Err(error) => errors.push(error),
                },
                Some(_) => {
                    self.close(&name).await;
                    match self.open(endpoint).await {
                        Ok(()) => changes.changed.push(name),
                        Err(error) => errors.push(error),
                    }
                }
                None => match self.open(endpoint).await {
                    Ok(()) => changes.opened.push(name),
                    Err(error) => errors.push(error),
                },
            }
        }
        (changes, errors)
    }

    /// Closes all endpoints; their connections go on.
    pub(crate) fn close_all(&mut self) {
        std::mem::take(&mut self.open).into_values().for_each(|door| door.shut());
    }

    /// Where the endpoints really listen, by name.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.open.values().map(|door| door.url.clone()).collect()
    }

    /// The IP addresses of the endpoints that have one, by name.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.open.values().filter_map(|door| door.address).collect()
    }

    /// The address is free afterwards; QUIC's only for an endpoint at the very same one, until its connections have ended.
    async fn close(&mut self, name: &str) {
        if let Some(door) = self.open.remove(name) {
            door.shut();
            let _ = door.task.await; // ended because it was told to
        }
    }

    /// What of TLS could not be set up, if exactly these endpoints were to be open.
    pub(crate) fn check(&mut self, endpoints: &[Endpoint]) -> Vec<EndpointError> {
        endpoints.iter().filter_map(|endpoint| self.load_tls(endpoint).err()).collect()
    }

    /// New rules, and new certificates where their files changed.
    fn renew(&mut self, endpoint: &Endpoint) -> Result<bool, EndpointError> {
        let Some(door) = self.open.get_mut(&endpoint.name) else { return Ok(false) };
        let mut changed = door.endpoint != *endpoint;
        if let (Some(settings), Some(open)) = (&endpoint.tls, &door.tls) {
            let failed = |error| error_of(endpoint, Cause::Tls(error));
            let now = tls::fingerprint(settings).map_err(failed)?;
            if now != open.fingerprint || door.endpoint.tls != endpoint.tls || door.endpoint.quic != endpoint.quic {
                let tickets = tickets_of(&mut self.tickets).map_err(failed)?;
                let loaded = tls::load(settings, open.alpn, tickets).map_err(failed)?;
                if let Some(quic) = &door.quic {
                    quic.replace(&loaded.config, endpoint.quic_in_force())
                        .map_err(|error| error_of(endpoint, Cause::Bind(error)))?;
                }
                open.acceptor.replace(loaded.config);
                let (acceptor, alpn) = (open.acceptor.clone(), open.alpn);
                door.tls = Some(Arc::new(Tls { acceptor, alpn, fingerprint: loaded.fingerprint }));
                changed = true;
            }
        }
        if changed {
            door.entrance.store(door.entrance.load().renew(endpoint));
            door.endpoint = endpoint.clone();
        }
        Ok(changed)
    }

    async fn open(&mut self, endpoint: &Endpoint) -> Result<(), EndpointError> {
        let bound = |error| error_of(endpoint, Cause::Bind(error));
        let entrance = Arc::new(ArcSwap::new(Entrance::new(self.hub.clone(), endpoint)));
        let tls = self.load_tls(endpoint)?;
        let acceptor = tls.as_ref().map(|tls| tls.acceptor.clone());
        let preface = Preface { proxies: endpoint.proxy_protocol_from.as_slice().into(), tls: acceptor };
        let mut quic = None;
        let (address, task) = match &endpoint.address {
            Address::Tcp(place) => {
                let addresses = tcp::resolve(place).await.map_err(bound)?;
                let listener = tcp::bind(&addresses, &endpoint.tcp).map_err(bound)?;
                (listener.local_addr().ok(), spawn(Tcp { listener, preface }, &entrance))
            }
            Address::Unix(place) => (None, spawn(unix::bind(place).map_err(bound)?, &entrance)),
            Address::Http(place) => {
                let addresses = tcp::resolve(place).await.map_err(bound)?;
                let listener = tcp::bind(&addresses, &endpoint.tcp).map_err(bound)?;
                let site = MqttSite { entrance: entrance.clone(), options: endpoint.web_socket.clone() };
                (listener.local_addr().ok(), spawn(Web { listener, preface, site: Arc::new(site) }, &entrance))
            }
            Address::Quic(place) => {
                let missing = TlsError::Settings("QUIC always has TLS, and no certificate is named");
                let tls = tls.as_ref().ok_or_else(|| error_of(endpoint, Cause::Tls(missing)))?;
                let addresses = tcp::resolve(place).await.map_err(bound)?;
                let config = tls.acceptor.config();
                let bound = quic::bind(&addresses, &config, endpoint.quic_in_force(), self.hub.clone(), &self.resting)
                    .map_err(bound)?;
                quic = Some(bound.clone());
                (bound.local_addr().ok(), spawn(bound, &entrance))
            }
        };
        let door = Door {
            url: url(endpoint, address),
            endpoint: endpoint.clone(),
            address,
            entrance,
            tls: tls.map(Arc::new),
            quic,
            task,
        };
        self.open.insert(endpoint.name.clone(), door);
        Ok(())
    }

    fn load_tls(&mut self, endpoint: &Endpoint) -> Result<Option<Tls>, EndpointError> {
        let Some(settings) = &endpoint.tls else { return Ok(None) };
        let alpn: &'static [&'static [u8]] = match endpoint.address {
            Address::Tcp(_) | Address::Unix(_) => &[b"mqtt"],
            Address::Http(_) => &[b"h2", b"http/1.1"],
            Address::Quic(_) => &[b"mqtt", b"mqtt-quic"],
        };
        let failed = |error| error_of(endpoint, Cause::Tls(error));
        let loaded = tls::load(settings, alpn, tickets_of(&mut self.tickets).map_err(failed)?).map_err(failed)?;
        let acceptor = Arc::new(tls::Acceptor::new(loaded.config));
        Ok(Some(Tls { acceptor, alpn, fingerprint: loaded.fingerprint }))
    }
}

fn tickets_of(tickets: &mut Option<Tickets>) -> Result<&Tickets, TlsError> {
    Ok(match tickets {
        Some(tickets) => tickets,
        None => tickets.insert(Tickets::new()?),
    })
}

fn spawn(listener: impl Listener, entrance: &Arc<ArcSwap<Entrance>>) -> JoinHandle<()> {
    tokio::spawn(listener::accept(listener, entrance.clone()))
}

impl Door {
    /// Accepts no more; connections go on.
    fn shut(&self) {
        if let Some(quic) = &self.quic {
            quic.close();
        }
        self.task.abort();
    }

    /// Whether the change needs no new socket.
    fn can_become(&self, endpoint: &Endpoint) -> bool {
        let old = &self.endpoint;
        old.address == endpoint.address
            && old.tls.is_some() == endpoint.tls.is_some()
            && old.proxy_protocol_from == endpoint.proxy_protocol_from
            && old.tcp == endpoint.tcp
            && old.web_socket == endpoint.web_socket
    }
}

fn error_of(endpoint: &Endpoint, cause: Cause) -> EndpointError {
    EndpointError { endpoint: endpoint.name.clone(), url: url(endpoint, None), cause }
}

/// The endpoint as clients would write it; with the real port where it is known.
fn url(endpoint: &Endpoint, address: Option<SocketAddr>) -> String {
    let scheme = match (&endpoint.address, &endpoint.tls) {
        (Address::Tcp(_), None) => "mqtt",
        (Address::Tcp(_), Some(_)) => "mqtts",
        (Address::Unix(place), _) => return format!("unix:{}", place.path.display()),
        (Address::Http(_), None) => "http",
        (Address::Http(_), Some(_)) => "https",
        (Address::Quic(_), _) => "mqtt-quic",
    };
    let (Address::Tcp(HostPort { host, port })
    | Address::Http(HostPort { host, port })
    | Address::Quic(HostPort { host, port })) = &endpoint.address
    else {
        return scheme.to_owned();
    };
    match address {
        Some(address) => format!("{scheme}://{address}"),
        None if host.contains(':') => format!("{scheme}://[{host}]:{port}"),
        None => format!("{scheme}://{host}:{port}"),
    }
}
