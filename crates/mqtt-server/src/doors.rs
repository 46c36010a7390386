//! The endpoints that are open, and how they change while the server runs.

use crate::endpoint::{Address, Endpoint, HostPort, TcpOptions};
use crate::entrance::Entrance;
use crate::hub::Hub;
use crate::inherited::{Inherited, mismatch};
use crate::listener::{self, Listener};
use crate::quic::{self, Quic, Resting};
use crate::tcp::{Preface, Tcp};
use crate::tls::{self, Fingerprint, Tickets, TlsError, Validity};
use crate::web::Web;
use crate::{tcp, unix};
use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::net::TcpListener;
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
    /// When the first of its certificates expires.
    expires: Option<SystemTime>,
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
    /// Sockets for the first time that the endpoint of a name is opened.
    inherited: BTreeMap<String, Inherited>,
}

impl Doors {
    pub(crate) fn new(hub: Arc<Hub>, inherited: BTreeMap<String, Inherited>) -> Doors {
        Doors { hub, tickets: None, open: BTreeMap::new(), resting: Resting::default(), inherited }
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
        self.hub.health.set_closed(endpoints.len().saturating_sub(self.open.len()));
        (changes, errors)
    }

    /// Closes all endpoints with MQTT; their connections go on.
    pub(crate) fn close_to_clients(&mut self) {
        self.open.retain(|_, door| {
            let stays = !door.endpoint.services.mqtt;
            if !stays {
                door.shut();
            }
            stays
        });
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
                let expires = expiry(&loaded.certificates);
                door.tls = Some(Arc::new(Tls { acceptor, alpn, fingerprint: loaded.fingerprint, expires }));
                changed = true;
            }
        }
        if changed {
            let expires = door.tls.as_ref().and_then(|tls| tls.expires);
            door.entrance.store(door.entrance.load().renew(endpoint, expires));
            door.endpoint = endpoint.clone();
        }
        Ok(changed)
    }

    async fn open(&mut self, endpoint: &Endpoint) -> Result<(), EndpointError> {
        let bound = |error| error_of(endpoint, Cause::Bind(error));
        let tls = self.load_tls(endpoint)?;
        let expires = tls.as_ref().and_then(|tls| tls.expires);
        let entrance = Arc::new(ArcSwap::new(Entrance::new(self.hub.clone(), endpoint, expires)));
        let acceptor = tls.as_ref().map(|tls| tls.acceptor.clone());
        let preface = Preface { proxies: endpoint.proxy_protocol_from.as_slice().into(), tls: acceptor };
        let passed = self.inherited.remove(&endpoint.name);
        let mut quic = None;
        let (address, task) = match &endpoint.address {
            Address::Tcp(place) => {
                let listener = listen(place, passed, &endpoint.tcp).await.map_err(bound)?;
                (listener.local_addr().ok(), spawn(Tcp { listener, preface }, &entrance))
            }
            Address::Unix(place) => {
                let unix = match passed {
                    None => unix::bind(place),
                    Some(Inherited::Unix(listener)) => unix::adopt(listener),
                    Some(Inherited::Tcp(_) | Inherited::Udp(_)) => Err(mismatch()),
                };
                (None, spawn(unix.map_err(bound)?, &entrance))
            }
            Address::Http(place) => {
                let listener = listen(place, passed, &endpoint.tcp).await.map_err(bound)?;
                let (address, options) = (listener.local_addr().ok(), Arc::new(endpoint.web_socket.clone()));
                let web = Web { listener, preface, entrance: entrance.clone(), options };
                (address, spawn(web, &entrance))
            }
            Address::Quic(place) => {
                let missing = TlsError::Settings("QUIC always has TLS, and no certificate is named");
                let tls = tls.as_ref().ok_or_else(|| error_of(endpoint, Cause::Tls(missing)))?;
                let (config, hub) = (tls.acceptor.config(), self.hub.clone());
                let (options, resting) = (endpoint.quic_in_force(), &self.resting);
                let opened = match passed {
                    None => {
                        let addresses = tcp::resolve(place).await.map_err(bound)?;
                        quic::bind(&addresses, &config, options, hub, resting)
                    }
                    Some(Inherited::Udp(socket)) => quic::adopt(socket, &config, options, hub, resting),
                    Some(Inherited::Tcp(_) | Inherited::Unix(_)) => Err(mismatch()),
                };
                let opened = opened.map_err(bound)?;
                quic = Some(opened.clone());
                (opened.local_addr().ok(), spawn(opened, &entrance))
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
        let expires = expiry(&loaded.certificates);
        let acceptor = Arc::new(tls::Acceptor::new(loaded.config));
        Ok(Some(Tls { acceptor, alpn, fingerprint: loaded.fingerprint, expires }))
    }
}

fn expiry(certificates: &[Validity]) -> Option<SystemTime> {
    certificates.iter().map(|validity| validity.not_after).min()
}

fn tickets_of(tickets: &mut Option<Tickets>) -> Result<&Tickets, TlsError> {
    Ok(match tickets {
        Some(tickets) => tickets,
        None => tickets.insert(Tickets::new()?),
    })
}

/// A listening TCP socket: the one that was passed, or one of our own.
async fn listen(place: &HostPort, passed: Option<Inherited>, options: &TcpOptions) -> io::Result<TcpListener> {
    match passed {
        None => tcp::bind(&tcp::resolve(place).await?, options),
        Some(Inherited::Tcp(listener)) => tcp::adopt(listener, options),
        Some(Inherited::Unix(_) | Inherited::Udp(_)) => Err(mismatch()),
    }
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
