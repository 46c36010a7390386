//! A server that runs, and what one sees of it from inside.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use mqtt_server::{
    Counter, Handle, Limits, Options, Server,
    auth::{Anonymous, Authenticator},
    endpoint::Endpoint,
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
    task::JoinHandle,
};

use crate::BOUND;

/// A server on a runtime of its own.
pub struct Running {
    runtime: Runtime,
    handle: Handle,
    address: SocketAddr,
    shutdown: oneshot::Sender<()>,
    run: JoinHandle<()>,
}

impl Running {
    /// Everybody may connect.
    pub fn start(limits: Limits) -> Running {
        Running::with(limits, Anonymous)
    }

    pub fn with(limits: Limits, authenticator: impl Authenticator) -> Running {
        Running::of(Options { limits, authenticator: Box::new(authenticator), ..Options::default() })
    }

    /// Everybody may connect at another endpoint than one of TCP.
    pub fn at(endpoint: Endpoint, limits: Limits) -> Running {
        Running::open(Options { endpoints: vec![endpoint], limits, ..Options::default() })
    }

    /// With everything but the endpoints as in `options`.
    pub fn of(options: Options) -> Running {
        Running::open(Options { endpoints: vec![Endpoint::tcp("mqtt", "127.0.0.1", 0)], ..options })
    }

    fn open(options: Options) -> Running {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let server = runtime.block_on(Server::bind(options)).expect("a free port");
        let (handle, address) = (server.handle(), server.addresses()[0]);
        let (shutdown, ended) = oneshot::channel();
        let run = runtime.spawn(server.run(async {
            // Dropped is as good as sent.
            let _ = ended.await;
        }));
        Running { runtime, handle, address, shutdown, run }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Runs a future on the server's runtime, within the bound.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { tokio::time::timeout(BOUND, future).await.expect("it takes no longer") })
    }

    pub fn count(&self, counter: Counter) -> u64 {
        self.handle.counters().get(counter)
    }

    /// Waits until a counter has come to `count`, and not beyond.
    pub fn counts(&self, counter: Counter, count: u64) {
        eventually(|| self.count(counter) >= count, || format!("{} is {}", counter.name(), self.count(counter)));
        assert_eq!(self.count(counter), count, "{}", counter.name());
    }

    /// Waits until half-received packets hold so many bytes.
    pub fn holds_partial(&self, bytes: usize) {
        eventually(|| self.handle.partial_bytes() == bytes, || format!("{} bytes", self.handle.partial_bytes()));
    }

    /// Waits until so many connections are open.
    pub fn has_connections(&self, count: usize) {
        eventually(|| self.handle.connections() == count, || format!("{} connections", self.handle.connections()));
    }

    /// Tells the server to end. [`Ending::wait`] waits for it.
    pub fn stop(self) -> Ending {
        let _ = self.shutdown.send(());
        Ending { runtime: self.runtime, handle: self.handle, run: self.run, since: Instant::now() }
    }
}

/// A server that was told to end.
pub struct Ending {
    runtime: Runtime,
    handle: Handle,
    run: JoinHandle<()>,
    since: Instant,
}

impl Ending {
    /// Waits until `run` has returned; says how long it took and how many connections it left.
    pub fn wait(self) -> (Duration, usize) {
        let run = self.run;
        let ended = self.runtime.block_on(async { tokio::time::timeout(BOUND, run).await });
        ended.expect("run returns").expect("run does not panic");
        (self.since.elapsed(), self.handle.connections())
    }
}

pub fn eventually(is_so: impl Fn() -> bool, instead: impl Fn() -> String) {
    let end = Instant::now() + BOUND;
    while !is_so() {
        assert!(Instant::now() < end, "within {BOUND:?}: {}", instead());
        thread::sleep(Duration::from_millis(5));
    }
}
