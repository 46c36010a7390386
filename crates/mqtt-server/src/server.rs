//! A broker with its endpoints.

use crate::auth::{Anonymous, Authenticator};
use crate::doors::{Changes, Doors, EndpointError};
use crate::drain::{self, Shutdown};
use crate::endpoint::Endpoint;
use crate::health::{self, Check};
use crate::hub::Hub;
use crate::inherited::Inherited;
use crate::metrics::{self, Family};
use crate::timers::TICK;
use crate::watch::{self, Heavy, Lagging, Order, Trail, TrailFilter};
use crate::{Counters, Limits, Load, Observer, Switch};
use crate::{Gauge, overload, sys_topics};
use mqtt_core::{Broker, Timestamp, Wakes};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// Longest pause between two looks at sessions, wills and retained messages whose time has come.
const SWEEP: Duration = Duration::from_millis(500);

/// How to run a server.
pub struct Options {
    /// Where to listen.
    pub endpoints: Vec<Endpoint>,
    /// Bounds.
    pub limits: Limits,
    /// Who may connect.
    pub authenticator: Box<dyn Authenticator>,
    /// Who watches.
    pub observer: Option<Arc<dyn Observer>>,
    /// How memory is measured, for overload protection; `None` leaves that off.
    pub memory: Option<Gauge>,
    /// What `$SYS/broker/version` says.
    pub version: String,
    /// Time between two values of a topic under `$SYS/broker`; `None` publishes none.
    pub sys_interval: Option<Duration>,
    /// More metrics, which exporters show beside the server's own.
    pub metrics: Option<metrics::Source>,
    /// How the server is to end.
    pub shutdown: Shutdown,
    /// Sockets that are open already, by the names of their endpoints; each is used once, in place of binding the endpoint's address.
    pub inherited: BTreeMap<String, Inherited>,
}

impl Default for Options {
    /// TCP on `[::]:1883`, the default limits, everybody may connect.
    fn default() -> Options {
        Options {
            endpoints: vec![Endpoint::tcp("mqtt", "::", 1883)],
            limits: Limits::default(),
            authenticator: Box::new(Anonymous),
            observer: None,
            memory: None,
            version: concat!("lacewing version ", env!("CARGO_PKG_VERSION")).to_owned(),
            sys_interval: Some(Duration::from_secs(10)),
            metrics: None,
            shutdown: Shutdown::default(),
            inherited: BTreeMap::new(),
        }
    }
}

/// A broker that listens.
pub struct Server {
    handle: Handle,
    urls: Vec<String>,
    addresses: Vec<SocketAddr>,
    /// Version and interval of `$SYS`.
    sys: Option<(String, Duration)>,
    memory: Option<Gauge>,
}

impl Server {
    /// Opens all endpoints. Runs inside a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// All endpoints that cannot be opened; then none is open.
    pub async fn bind(options: Options) -> Result<Server, Vec<EndpointError>> {
        let hub = Hub::new(Broker::new(options.limits), options.authenticator, options.observer, options.metrics);
        hub.shutdown.store(Arc::new(options.shutdown));
        let mut doors = Doors::new(hub.clone(), options.inherited);
        let (_, errors) = doors.apply(&options.endpoints).await;
        if !errors.is_empty() {
            doors.close_all();
            return Err(errors);
        }
        hub.health.start();
        let (urls, addresses) = (doors.urls(), doors.addresses());
        let memory = options.memory;
        let sys = options.sys_interval.map(|interval| (options.version, interval));
        Ok(Server { handle: Handle { hub, doors: Arc::new(Mutex::new(doors)) }, urls, addresses, sys, memory })
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

    /// Serves until `shutdown` is ready, then ends as [`Options::shutdown`] says. Dropping this ends it at once, without a word.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Handle { hub, doors } = self.handle;
        let mut tasks = JoinSet::new();
        tasks.spawn(turn(hub.clone()));
        tasks.spawn(sweep(hub.clone()));
        if let Some(gauge) = self.memory {
            tasks.spawn(overload::govern(hub.clone(), gauge));
        }
        if let Some((version, interval)) = self.sys {
            tasks.spawn(sys_topics::publish(hub.clone(), version, interval));
        }
        tasks.spawn(health::beat(hub.clone()));
        shutdown.await;
        drain::drain(&hub, &doors).await;
        doors.lock().await.close_all();
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

    /// All metrics of the moment.
    pub fn metrics(&self) -> Vec<Family> {
        metrics::read(&self.hub)
    }

    /// What `/livez` looks at: whether the workers turn.
    pub fn liveness(&self) -> Vec<Check> {
        self.hub.health.liveness(self.hub.clock.now()).into()
    }

    /// What `/readyz` looks at: whether new clients are to come here.
    pub fn readiness(&self) -> Vec<Check> {
        self.hub.health.readiness().into()
    }

    /// How much the observer sees of messages and subscriptions from now on.
    pub fn watch(&self, switch: Switch) {
        self.hub.watcher.switch(switch, &self.hub.broker.watch);
    }

    /// The step of overload protection in force.
    pub fn load(&self) -> Load {
        self.hub.broker.load.get()
    }

    /// The `count` sessions furthest behind, first the furthest. Visits every session.
    pub fn lagging(&self, order: Order, count: usize) -> Vec<Lagging> {
        watch::furthest(&self.hub.broker.sessions, order, count, self.hub.clock.now())
    }

    /// The `count` heaviest topics and clients of the last minutes, as estimates from one publish in 64.
    pub fn heavy(&self, count: usize) -> Heavy {
        self.hub.watcher.heavy(count)
    }

    /// Opens a live trail; `None` if there are too many already. Dropping it closes it.
    pub fn trail(&self, filter: TrailFilter) -> Option<Trail> {
        self.hub.watcher.open_trail(filter, &self.hub.broker.watch)
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

    /// How the server is to end.
    pub fn shutdown(&self) -> Arc<Shutdown> {
        self.hub.shutdown.load_full()
    }

    /// Replaces how the server is to end, if it does not end already.
    pub fn set_shutdown(&self, shutdown: Shutdown) {
        self.hub.shutdown.store(Arc::new(shutdown));
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
        hub.watcher.sweep(&hub.broker.watch);
        let pause = match next {
            Timestamp::NEVER => SWEEP,
            next => Duration::from_millis(next.as_millis().saturating_sub(now.as_millis())).clamp(TICK, SWEEP),
        };
        tokio::time::sleep(pause).await;
    }
}
