//! A broker with its endpoints.

use crate::auth::{Anonymous, Authenticator};
use crate::hub::Hub;
use crate::timers::TICK;
use crate::{Counters, Limits, tcp};
use mqtt_core::{Broker, Timestamp, Wakes};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Longest pause between two looks at sessions, wills and retained messages whose time has come.
const SWEEP: Duration = Duration::from_millis(500);

/// How long connections may take to end when the server stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// How to run a server.
pub struct Options {
    /// TCP addresses to listen on; `[::]` takes IPv4 as well, port 0 any free one.
    pub addresses: Vec<SocketAddr>,
    /// Bounds.
    pub limits: Limits,
    /// Who may connect.
    pub authenticator: Box<dyn Authenticator>,
}

impl Default for Options {
    /// `[::]:1883`, the default limits, everybody may connect.
    fn default() -> Options {
        Options {
            addresses: vec![SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, 1883))],
            limits: Limits::default(),
            authenticator: Box::new(Anonymous),
        }
    }
}

/// An address that cannot be listened on.
#[derive(Debug)]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// Why.
    pub source: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}", self.address)
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// A broker that is bound to its addresses.
pub struct Server {
    hub: Arc<Hub>,
    listeners: Vec<TcpListener>,
}

impl Server {
    /// Binds all addresses. Runs inside a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// The first address that cannot be bound.
    pub fn bind(options: Options) -> Result<Server, BindError> {
        let bind = |&address: &SocketAddr| tcp::bind(address).map_err(|source| BindError { address, source });
        let listeners = options.addresses.iter().map(bind).collect::<Result<_, _>>()?;
        Ok(Server { hub: Hub::new(Broker::new(options.limits), options.authenticator), listeners })
    }

    /// The bound addresses, in the order of the options.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// What happened how often.
    pub fn counters(&self) -> &Counters {
        &self.hub.broker.counters
    }

    /// A view that stays when the server runs.
    pub fn handle(&self) -> Handle {
        Handle(self.hub.clone())
    }

    /// Serves until `shutdown` is ready, then ends all connections: 5.0 clients are told 0x8B, wills are published (3.14.4, 3.1.2.5).
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let hub = self.hub;
        let mut tasks = JoinSet::new();
        for listener in self.listeners {
            tasks.spawn(tcp::accept(listener, hub.clone()));
        }
        tasks.spawn(turn(hub.clone()));
        tasks.spawn(sweep(hub.clone()));
        shutdown.await;
        hub.stop();
        let farewell = async {
            while hub.connections() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
                hub.stop(); // those that came online in between
            }
        };
        // Whoever has not taken the last packet by then does not want it.
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
        tasks.shutdown().await;
    }
}

/// A view of a server, while it runs and afterwards.
#[derive(Clone)]
pub struct Handle(Arc<Hub>);

impl Handle {
    /// What happened how often.
    pub fn counters(&self) -> &Counters {
        &self.0.broker.counters
    }

    /// Connections open, those before CONNECT included.
    pub fn connections(&self) -> usize {
        self.0.connections()
    }

    /// Bytes drawn for half-received packets, see `Limits::partial_bytes`.
    pub fn partial_bytes(&self) -> usize {
        self.0.broker.partial().used()
    }
}

/// Turns the timer wheels.
async fn turn(hub: Arc<Hub>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        hub.timers.turn(hub.clock.now());
    }
}

/// Lets sessions expire and delayed wills go out.
async fn sweep(hub: Arc<Hub>) {
    let mut wakes = Wakes::new();
    loop {
        let now = hub.clock.now();
        let next = hub.broker.sweep(now, &mut wakes);
        wakes.wake_all();
        let pause = match next {
            Timestamp::NEVER => SWEEP,
            next => Duration::from_millis(next.as_millis().saturating_sub(now.as_millis())).clamp(TICK, SWEEP),
        };
        tokio::time::sleep(pause).await;
    }
}
