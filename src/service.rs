//! The broker as the program runs it: from settings to a server, and from changed settings to a changed server.

use crate::config::watch::{self, Changing, Disk, Watch};
use crate::config::{self, EXIT_CODE, LogLevel, Settings, Sources, changes};
use crate::log::{self, say};
use crate::{files, own_certificates, runtime, signals};
use mqtt_server::auth::{Passwords, Users};
use mqtt_server::endpoint::Endpoint;
use mqtt_server::{Cause, EndpointError, Handle, Options, Server};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;
use tokio::signal::unix::Signal;

/// Why the broker does not start: what to say, and the exit code.
struct Failure(Vec<String>, u8);

/// Runs the broker until it is told to end.
pub fn run(sources: &Sources, listen: &[SocketAddr]) -> ExitCode {
    match start(sources, listen) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(lines, code)) => {
            lines.iter().for_each(|line| say(LogLevel::Error, line));
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

fn start(sources: &Sources, listen: &[SocketAddr]) -> Result<(), Failure> {
    let mut watch = Watch::new(sources.paths(), &Disk, SystemTime::now());
    let loaded = load(sources, listen, Vec::new(), &mut watch);
    let Loaded { settings, endpoints, renew_at } = loaded.map_err(|lines| Failure(lines, EXIT_CODE))?;
    log::set_level(settings.log_level);
    settings.notices.iter().for_each(|notice| say(LogLevel::Warn, notice));
    let users = users(&settings);
    if users.is_open() && users.allow_anonymous.is_none() {
        say(
            LogLevel::Warn,
            "everybody may connect: there are no users; set AllowAnonymous to true or false to say that this is meant or not",
        );
    }
    let passwords = Passwords::new(users);
    runtime::build()?.block_on(async {
        let (shutdown, hangups) = (signals::shutdown()?, signals::hangups()?);
        let authenticator = Box::new(passwords.clone());
        let server = Server::bind(Options { endpoints, limits: settings.limits.clone(), authenticator }).await?;
        announce(&server);
        let handle = server.handle();
        let sources = sources.clone();
        let reloader = Reloader { sources, listen: listen.to_vec(), settings, passwords, handle, watch, renew_at };
        let reloading = tokio::spawn(reloader.run(hangups));
        server.run(shutdown).await;
        reloading.abort();
        Ok(())
    })
}

/// The one line that says that clients can connect now, and where.
fn announce(server: &Server) {
    eprintln!("lacewing {} listening on {}", env!("CARGO_PKG_VERSION"), server.urls().join(", "));
}

/// What the sources come to, with all that is asked of the machine.
struct Loaded {
    settings: Settings,
    endpoints: Vec<Endpoint>,
    /// When a certificate that the broker made is to be renewed.
    renew_at: Option<SystemTime>,
}

/// Loads everything but what endpoints read themselves, or says what is wrong. Either way `watch` follows all files that were named, and `kept`,
/// as they were before anybody read them: what changes from now on shows at the next look.
fn load(
    sources: &Sources,
    listen: &[SocketAddr],
    kept: Vec<PathBuf>,
    watch: &mut Watch,
) -> Result<Loaded, Vec<String>> {
    let now = SystemTime::now();
    let mut files = kept;
    files.extend(sources.paths());
    let loaded = config::load_naming(sources, &mut |path| {
        watch.note(path, &Disk, now);
        files.push(path.to_owned());
    });
    let loaded = loaded.map_err(|errors| errors.0.iter().map(ToString::to_string).collect());
    let loaded = loaded.and_then(|mut settings| {
        replace_endpoints(&mut settings, listen);
        bound_connections(&mut settings);
        files.extend(settings.all_files());
        let provided = own_certificates::provide(&settings, now).map_err(|error| vec![format!("{error:#}")])?;
        let (endpoints, renew_at) = provided;
        Ok(Loaded { settings, endpoints, renew_at })
    });
    watch.follow(files, &Disk, now);
    loaded
}

/// Addresses of the command line take the place of all endpoints.
fn replace_endpoints(settings: &mut Settings, listen: &[SocketAddr]) {
    if listen.is_empty() {
        return;
    }
    let endpoint = |(at, address): (usize, &SocketAddr)| {
        Endpoint::tcp(&format!("listen{at}"), &address.ip().to_string(), address.port())
    };
    settings.endpoints = listen.iter().enumerate().map(endpoint).collect();
}

/// No more connections than the process may open files.
fn bound_connections(settings: &mut Settings) {
    settings.limits.connections = settings.limits.connections.min(files::connections());
}

fn users(settings: &Settings) -> Users {
    Users { passwords: settings.users.clone().into_iter().collect(), allow_anonymous: settings.allow_anonymous }
}

/// Looks for changed files and applies what they say.
struct Reloader {
    sources: Sources,
    listen: Vec<SocketAddr>,
    settings: Settings,
    passwords: Passwords,
    handle: Handle,
    watch: Watch,
    /// When a certificate that the broker made is to be renewed.
    renew_at: Option<SystemTime>,
}

impl Reloader {
    async fn run(mut self, mut hangups: Signal) {
        let mut ticks = tokio::time::interval(watch::INTERVAL);
        loop {
            let asked = tokio::select! {
                _ = hangups.recv() => true,
                _ = ticks.tick() => false,
            };
            let now = SystemTime::now();
            let changed = self.watch.changed(&Disk, now);
            let due = self.renew_at.is_some_and(|at| at <= now);
            if asked || due || !changed.is_empty() {
                let changed = self.wait_out(Changing::new(changed)).await;
                let names: Vec<String> = changed.iter().map(|path| path.display().to_string()).collect();
                self.reload(&names).await;
            }
        }
    }

    async fn wait_out(&mut self, mut changing: Changing) -> Vec<PathBuf> {
        loop {
            tokio::time::sleep(watch::LULL).await;
            if let Some(changed) = changing.after(self.watch.changed(&Disk, SystemTime::now())) {
                return changed;
            }
        }
    }

    /// Loads everything anew; what is wrong leaves what is in force. Files that wrong settings name are watched with those in force: mending one
    /// of them is enough.
    async fn reload(&mut self, changed: &[String]) {
        let refused = |why: &str| say(LogLevel::Error, format_args!("the old configuration stays in force: {why}"));
        let loaded = load(&self.sources, &self.listen, self.settings.all_files(), &mut self.watch);
        let Loaded { settings, endpoints, renew_at } = match loaded {
            Ok(loaded) => loaded,
            Err(lines) => return lines.iter().for_each(|line| refused(line)),
        };
        let errors = self.handle.check_endpoints(&endpoints).await;
        if !errors.is_empty() {
            return errors.iter().for_each(|error| refused(&error.to_string()));
        }
        let news = settings.notices.iter().filter(|notice| !self.settings.notices.contains(notice));
        news.for_each(|notice| say(LogLevel::Warn, notice));
        let difference = changes::diff(&self.settings, &settings);
        let (doors, errors) = self.handle.set_endpoints(&endpoints).await;
        errors.iter().for_each(|error| say(LogLevel::Error, error));
        self.handle.set_limits(settings.limits.clone());
        self.passwords.replace(users(&settings));
        log::set_level(settings.log_level);
        (self.settings, self.renew_at) = (settings, renew_at);
        let paths = self.sources.paths().into_iter().chain(self.settings.all_files()).collect();
        self.watch.follow(paths, &Disk, SystemTime::now());
        let files = if changed.is_empty() { "nothing on disk".to_owned() } else { changed.join(", ") };
        let keys = if difference.keys.is_empty() { "none".to_owned() } else { difference.keys.join(", ") };
        say(LogLevel::Info, format_args!("configuration loaded again: files changed: {files}; keys changed: {keys}"));
        for (what, names) in [("opened", &doors.opened), ("closed", &doors.closed), ("changed", &doors.changed)] {
            if !names.is_empty() {
                say(LogLevel::Info, format_args!("endpoints {what}: {}", names.join(", ")));
            }
        }
        if !difference.restart.is_empty() {
            say(LogLevel::Warn, format_args!("takes effect at the next start: {}", difference.restart.join(", ")));
        }
    }
}
