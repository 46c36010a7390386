//! systemd: what the service manager is told, and the sockets that it passes. Without it, in `NOTIFY_SOCKET` and `LISTEN_FDS`, nothing happens.

use listenfd::ListenFd;
use mqtt_server::endpoint::Endpoint;
use mqtt_server::{Handle, Inherited};
use sd_notify::NotifyState;
use std::collections::BTreeMap;
use std::time::Duration;
use tracing::warn;

/// Sockets that were passed to this process, by the endpoints that they are named after (`FileDescriptorName=`). Those that nobody here is
/// named like are closed, which the log says. To be called once, before there are threads.
pub fn sockets() -> Sockets {
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut passed = ListenFd::from_env();
    let mut names = names.split(':').map(str::to_owned);
    let named = (0..passed.len()).map(|at| (names.next().unwrap_or_default(), take(&mut passed, at))).collect();
    Sockets(named)
}

/// Sockets with the names that they were passed under; nothing where one is of a kind that no endpoint has.
pub struct Sockets(Vec<(String, Option<Inherited>)>);

fn take(passed: &mut ListenFd, at: usize) -> Option<Inherited> {
    let tcp = |passed: &mut ListenFd| passed.take_tcp_listener(at).ok().flatten().map(Inherited::Tcp);
    let unix = |passed: &mut ListenFd| passed.take_unix_listener(at).ok().flatten().map(Inherited::Unix);
    let udp = |passed: &mut ListenFd| passed.take_udp_socket(at).ok().flatten().map(Inherited::Udp);
    tcp(passed).or_else(|| unix(passed)).or_else(|| udp(passed))
}

impl Sockets {
    /// Those for `endpoints`.
    pub fn claim(self, endpoints: &[Endpoint]) -> BTreeMap<String, Inherited> {
        let mut claimed = BTreeMap::new();
        for (name, socket) in self.0 {
            let endpoint = endpoints.iter().find(|endpoint| endpoint.name.eq_ignore_ascii_case(&name));
            let why = match (endpoint, socket) {
                (Some(endpoint), Some(socket)) if !claimed.contains_key(&endpoint.name) => {
                    claimed.insert(endpoint.name.clone(), socket);
                    continue;
                }
                (Some(_), Some(_)) => "the endpoint of this name has one already",
                (Some(_), None) => "it is none that an endpoint can listen on",
                (None, _) => "no endpoint has this name: set FileDescriptorName in the socket unit",
            };
            warn!("the socket {name:?} that was passed is not used: {why}");
        }
        claimed
    }
}

/// The endpoints are open.
pub fn ready(urls: &[String]) {
    tell(&[NotifyState::Ready, NotifyState::Status(&format!("listening on {}", urls.join(", ")))]);
}

/// The configuration is being loaded again; [`reloaded`] follows.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => warn!("the clock cannot be read: {error}"),
    }
}

/// The configuration was loaded again, or was refused.
pub fn reloaded() {
    tell(&[NotifyState::Ready]);
}

/// The broker ends, which may take as long as `grace`.
pub fn stopping(clients: usize, grace: Duration) {
    // Where TimeoutStopSec is shorter, the manager waits as long as this says.
    let micros = u32::try_from((grace + Duration::from_secs(5)).as_micros()).unwrap_or(u32::MAX);
    let status = format!("ending: {clients} connections are sent away");
    tell(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(micros), NotifyState::Status(&status)]);
}

/// Tells the manager at half of its interval that the workers turn, as long as they do; then it restarts the service. Needs `WatchdogSec`.
pub async fn watchdog(handle: Handle) {
    let Some(interval) = sd_notify::watchdog_enabled() else { return };
    let mut beats = tokio::time::interval((interval / 2).max(Duration::from_millis(1)));
    loop {
        beats.tick().await;
        if handle.liveness().iter().all(|check| check.failure.is_none()) {
            tell(&[NotifyState::Watchdog]);
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!("the service manager cannot be told: {error}");
    }
}
