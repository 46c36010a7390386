//! The broker as the program runs it, from its start to its end.

use crate::config::watch::{Disk, Watch};
use crate::config::{EXIT_CODE, Sources};
use crate::loading::{Loaded, load, users};
use crate::memory::Gauge;
use crate::reloader::Reloader;
use crate::reloads::Reloads;
use crate::signals::Endings;
use crate::systemd::Sockets;
use crate::telemetry::Telemetry;
use crate::watchers::Watchers;
use crate::{process, runtime, signals, systemd};
use mqtt_server::auth::Passwords;
use mqtt_server::{Cause, EndpointError, Options, Server};
use std::net::SocketAddr;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::{info, warn};

/// Why the broker does not start: what to say, and the exit code.
struct Failure(Vec<String>, u8);

/// How it ended.
enum End {
    /// As planned.
    Drained,
    /// By a second signal, whose number becomes the exit code, as if it had killed the program.
    CutShort { signal: u8 },
}

/// Runs the broker until it is told to end.
pub fn run(sources: &Sources, listen: &[SocketAddr]) -> ExitCode {
    match start(sources, listen) {
        Ok(End::Drained) => ExitCode::SUCCESS,
        Ok(End::CutShort { signal }) => ExitCode::from(128 + signal),
        Err(Failure(lines, code)) => {
            lines.iter().for_each(|line| eprintln!("lacewing: error: {line}"));
            ExitCode::from(code)
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure(vec![error.to_string()], 1)
    }
}

/// A certificate is a matter of configuration, an address that is taken is not.
impl From<Vec<EndpointError>> for Failure {
    fn from(errors: Vec<EndpointError>) -> Failure {
        let tls = errors.iter().any(|error| matches!(error.cause, Cause::Tls(_)));
        Failure(errors.iter().map(ToString::to_string).collect(), if tls { EXIT_CODE } else { 1 })
    }
}

fn start(sources: &Sources, listen: &[SocketAddr]) -> Result<End, Failure> {
    let passed = systemd::sockets();
    let mut watch = Watch::new(sources.paths(), &Disk, SystemTime::now());
    let mut watchers = None;
    let loaded = load(sources, listen, Vec::new(), &mut watch, |settings| {
        watchers = Some(Watchers::start(settings).map_err(|error| vec![format!("{error:#}")])?);
        settings.notices.iter().for_each(|notice| warn!("{notice}"));
        Ok(())
    });
    let ended = match (loaded, &mut watchers) {
        (Ok(loaded), Some(watchers)) => {
            let start = Start { sources, listen, loaded, watch, passed };
            runtime::build().map_err(Failure::from).and_then(|runtime| runtime.block_on(host(start, watchers)))
        }
        (Ok(_), None) => Err(Failure(vec!["there is no log".to_owned()], 1)), // not without an error before
        (Err(lines), _) => Err(Failure(lines, EXIT_CODE)),
    };
    watchers.into_iter().for_each(Watchers::end);
    ended
}

/// All that a server is made from.
struct Start<'a> {
    sources: &'a Sources,
    listen: &'a [SocketAddr],
    loaded: Loaded,
    watch: Watch,
    passed: Sockets,
}

/// Opens the endpoints and serves until the end.
async fn host(start: Start<'_>, watchers: &mut Watchers) -> Result<End, Failure> {
    let Start { sources, listen, loaded, watch, passed } = start;
    let Loaded { settings, endpoints, renew_at } = loaded;
    let users = users(&settings);
    if users.is_open() && users.allow_anonymous.is_none() {
        warn!(
            "everybody may connect: there are no users; set AllowAnonymous to true or false to say that this is meant or not"
        );
    }
    let (passwords, reloads) = (Passwords::new(users), Arc::<Reloads>::default());
    let (endings, hangups) = (Endings::new()?, signals::hangups()?);
    let seen = watchers.seen();
    let inherited = passed.claim(&endpoints);
    let server = Server::bind(Options {
        endpoints,
        limits: settings.limits.clone(),
        authenticator: Box::new(passwords.clone()),
        observer: Some(seen.connections.clone()),
        memory: gauge(),
        metrics: Some(metrics(reloads.clone(), watchers.telemetry())),
        shutdown: settings.shutdown.clone(),
        inherited,
        sys_interval: settings.sys_interval,
        ..Options::default()
    })
    .await?;
    let handle = server.handle();
    watchers.watch(&handle);
    announce(&server);
    systemd::ready(server.urls());
    let (sources, listen) = (sources.clone(), listen.to_vec());
    let reloader = Reloader { sources, listen, settings, passwords, handle, watch, renew_at, reloads, seen };
    let beside = [tokio::spawn(reloader.run(hangups)), tokio::spawn(systemd::watchdog(server.handle()))];
    let end = serve(server, endings).await;
    beside.iter().for_each(JoinHandle::abort);
    Ok(end)
}

/// How overload protection measures memory.
fn gauge() -> Option<mqtt_server::Gauge> {
    let gauge = Gauge::new()?;
    Some(Box::new(move || gauge.read()))
}

/// What the program measures of itself.
fn metrics(reloads: Arc<Reloads>, telemetry: Option<&Telemetry>) -> mqtt_server::metrics::Source {
    let process = process::metrics();
    let telemetry = telemetry.map(Telemetry::metrics);
    Arc::new(move || {
        let mut families = process();
        families.push(reloads.family());
        families.extend(telemetry.iter().flat_map(|metrics| metrics()));
        families
    })
}

/// The one line that says that clients can connect now, and where.
fn announce(server: &Server) {
    eprintln!("lacewing {} listening on {}", env!("CARGO_PKG_VERSION"), server.urls().join(", "));
}

/// Serves until the first signal, then drains, unless a second one comes.
async fn serve(server: Server, mut endings: Endings) -> End {
    let handle = server.handle();
    let (tell, told) = oneshot::channel();
    let mut serving = pin!(server.run(async {
        let _ = told.await; // dropped is as good as sent
    }));
    let signals = async {
        endings.next().await;
        let (clients, grace) = (handle.connections(), handle.shutdown().grace_period);
        systemd::stopping(clients, grace);
        info!("ending: {clients} connections are sent away, within {} s", grace.as_secs_f32());
        let _ = tell.send(()); // the server may be gone already
        endings.next().await
    };
    tokio::select! {
        () = &mut serving => End::Drained,
        signal = signals => {
            warn!("cut short by a second signal: {} connections are dropped", handle.connections());
            End::CutShort { signal }
        }
    }
}
