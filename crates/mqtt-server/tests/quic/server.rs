//! A server with one QUIC endpoint in this process, and what one sees of it from inside.

use crate::certificates::Certificates;
use mqtt_server::auth::Anonymous;
use mqtt_server::endpoint::{Address, Endpoint, HostPort, QuicOptions};
use mqtt_server::metrics::Number;
use mqtt_server::{Counter, Handle, Limits, Options, Server};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Long enough for a busy machine; no test waits for it to pass.
pub const BOUND: Duration = Duration::from_secs(20);

pub struct Running {
    pub certificates: Certificates,
    pub address: SocketAddr,
    pub handle: Handle,
    pub endpoint: Endpoint,
    shutdown: Option<oneshot::Sender<()>>,
    run: JoinHandle<()>,
}

/// What a test wants to be other than usual.
#[derive(Default)]
pub struct Wishes {
    pub limits: Limits,
    pub quic: QuicOptions,
    pub client_certificates: bool,
}

impl Running {
    pub async fn start() -> Running {
        Running::with(Wishes::default()).await
    }

    pub async fn with(wishes: Wishes) -> Running {
        let certificates = Certificates::new();
        let place = HostPort { host: "127.0.0.1".to_owned(), port: 0 };
        let mut endpoint = Endpoint::new("quic", Address::Quic(place));
        endpoint.tls = Some(certificates.settings(wishes.client_certificates));
        endpoint.quic = wishes.quic;
        let options = Options {
            endpoints: vec![endpoint.clone()],
            limits: wishes.limits,
            authenticator: Box::new(Anonymous),
            ..Options::default()
        };
        let server = Server::bind(options).await.unwrap();
        let (handle, address) = (server.handle(), server.addresses()[0]);
        let (shutdown, ended) = oneshot::channel();
        let run = tokio::spawn(server.run(async {
            let _ = ended.await; // dropped is as good as sent
        }));
        Running { certificates, address, handle, endpoint, shutdown: Some(shutdown), run }
    }

    pub fn count(&self, counter: Counter) -> u64 {
        self.handle.counters().get(counter)
    }

    /// The sum of a metric's points; of a distribution, how many values it has.
    pub fn metric(&self, name: &str) -> f64 {
        let families = self.handle.metrics();
        let points = families.iter().filter(|family| family.name == name).flat_map(|family| &family.points);
        points
            .map(|point| match &point.value {
                Number::Whole(count) => *count as f64,
                Number::Real(value) => *value,
                Number::Distribution(buckets, _) => buckets.counts.iter().sum::<u64>() as f64,
            })
            .sum()
    }

    /// Waits until a counter has come to `count`, and not beyond.
    pub async fn counts(&self, counter: Counter, count: u64) {
        self.until(|| self.count(counter) >= count).await;
        assert_eq!(self.count(counter), count, "{}", counter.name());
    }

    /// Waits until so many connections are open.
    pub async fn has_connections(&self, count: usize) {
        self.until(|| self.handle.connections() == count).await;
    }

    async fn until(&self, is_so: impl Fn() -> bool) {
        let wait = async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(BOUND, wait).await;
        assert!(waited.is_ok(), "{} connections", self.handle.connections());
    }

    /// Asks the server to end.
    pub fn stop(&mut self) {
        self.shutdown.take();
    }

    /// Waits until it has ended.
    pub async fn ended(self) {
        tokio::time::timeout(BOUND, self.run).await.expect("in time").unwrap();
    }
}
