//! A broker with its endpoints.

use crate::auth::{Anonymous, Authenticator};
use crate::doors::{Changes, Doors, EndpointError};
use crate::endpoint::Endpoint;
use crate::hub::Hub;
use crate::timers::TICK;
use crate::{Counters, Limits};
use mqtt_core::{Broker, Timestamp, Wakes};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// Longest pause between two looks at sessions, wills and retained messages whose time has come.
const SWEEP: Duration = Duration::from_millis(500);

/// How long connections may take to end when the server stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// How to run a server.
pub struct Options {
    /// Where to listen.
    pub endpoints: Vec<Endpoint>,
    /// Bounds.
    pub limits: Limits,
    /// Who may connect.
    pub authenticator: Box<dyn Authenticator>,
}

impl Default for Options {
    /// TCP on `[::]:1883`, the default limits, everybody may connect.
    fn default() -> Options {
        Options {
            endpoints: vec![Endpoint::tcp("mqtt", "::", 1883)],
            limits: Limits::default(),
            authenticator: Box::new(Anonymous),
        }
    }
}

/// A broker that listens.
pub struct Server {
    handle: Handle,
    urls: Vec<String>,
    addresses: Vec<SocketAddr>,
}

impl Server {
    /// Opens all endpoints. Runs inside a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// All endpoints that cannot be opened; then none is open.
    pub async fn bind(options: Options) -> Result<Server, Vec<EndpointError>> {
        let hub = Hub::new(Broker::new(options.limits), options.authenticator);
        let mut doors = Doors::new(hub.clone());
        let (_, errors) = doors.apply(&options.endpoints).await;
        if !errors.is_empty() {
            doors.close_all();
            return Err(errors);
        }
        let (urls, addresses) = (doors.urls(), doors.addresses());
        Ok(Server { handle: Handle { hub, doors: Arc::new(Mutex::new(doors)) }, urls, addresses })
    }

    /// Where clients can connect, as URLs, by the names of the endpoints.
    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// The IP addresses of the endpoints that have one, by the names of the endpoints.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What can be seen and changed from outside while the server runs, and after.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until `shutdown` is ready, then ends all connections: 5.0 clients are told 0x8B, wills are published (3.14.4, 3.1.2.5).
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Handle { hub, doors } = self.handle;
        let mut tasks = JoinSet::new();
        tasks.spawn(turn(hub.clone()));
        tasks.spawn(sweep(hub.clone()));
        shutdown.await;
        doors.lock().await.close_all();
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

/// A view of a server from outside; cheap to clone.
#[derive(Clone)]
pub struct Handle {
    hub: Arc<Hub>,
    /// Shared by whoever reconfigures: one change at a time.
    doors: Arc<Mutex<Doors>>,
}

impl Handle {
    /// What happened how often.
    pub fn counters(&self) -> &Counters {
        &self.hub.broker.counters
    }

    /// Connections open, those before CONNECT included.
    pub fn connections(&self) -> usize {
        self.hub.connections()
    }

    /// Bytes drawn for half-received packets, see `Limits::partial_bytes`.
    pub fn partial_bytes(&self) -> usize {
        self.hub.broker.partial().used()
    }

    /// Replaces the bounds; `Limits::connect_timeout` and what CONNACK announced hold for connections from now on.
    pub fn set_limits(&self, limits: Limits) {
        self.hub.broker.set_limits(limits);
    }

    /// What of TLS could not be set up, if exactly these endpoints were to be open. Nothing changes.
    pub async fn check_endpoints(&self, endpoints: &[Endpoint]) -> Vec<EndpointError> {
        self.doors.lock().await.check(endpoints)
    }

    /// Makes `endpoints` the open ones: opens, closes, and gives the others their new rules and certificates. No connection ends.
    ///
    /// Endpoints in the second part could not be opened or renewed; one that was open before then stays as it was, unless it had to give up its
    /// old socket.
    pub async fn set_endpoints(&self, endpoints: &[Endpoint]) -> (Changes, Vec<EndpointError>) {
        self.doors.lock().await.apply(endpoints).await
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
