//! The configuration while the broker runs: changed files and SIGHUP make it new.

use crate::config::watch::{self, Changing, Disk, Watch};
use crate::config::{Settings, Sources, changes};
use crate::loading::{Loaded, load, users};
use crate::reloads::Reloads;
use crate::systemd;
use crate::watchers::Seen;
use mqtt_server::Handle;
use mqtt_server::auth::Passwords;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};
use tokio::signal::unix::Signal;
use tracing::{Instrument, error, info, info_span, warn};

/// Looks for changed files and applies what they say.
pub struct Reloader {
    /// Where settings come from.
    pub sources: Sources,
    /// Addresses of the command line.
    pub listen: Vec<SocketAddr>,
    /// What is in force.
    pub settings: Settings,
    /// The users in force.
    pub passwords: Passwords,
    /// The server.
    pub handle: Handle,
    /// The files.
    pub watch: Watch,
    /// When a certificate that the broker made is to be renewed.
    pub renew_at: Option<SystemTime>,
    /// How reloads went.
    pub reloads: Arc<Reloads>,
    /// What of log and telemetry follows the settings.
    pub seen: Seen,
}

impl Reloader {
    /// Goes on until it is aborted.
    pub async fn run(mut self, mut hangups: Signal) {
        let mut ticks = tokio::time::interval(watch::INTERVAL);
        loop {
            let asked = tokio::select! {
                _ = hangups.recv() => true,
                _ = ticks.tick() => false,
            };
            self.seen.connections.sum_up(Instant::now());
            let now = SystemTime::now();
            let changed = self.watch.changed(&Disk, now);
            let due = self.renew_at.is_some_and(|at| at <= now);
            if asked || due || !changed.is_empty() {
                let changed = self.wait_out(Changing::new(changed)).await;
                let names: Vec<String> = changed.iter().map(|path| path.display().to_string()).collect();
                systemd::reloading();
                let span = info_span!("reload", files = names.join(", "));
                self.reload(&names).instrument(span).await;
                systemd::reloaded();
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
        match self.prepare().await {
            Ok(loaded) => {
                self.reloads.applied();
                self.apply(loaded, changed).await;
            }
            Err(lines) => {
                self.reloads.refused();
                lines.iter().for_each(|why| error!("the old configuration stays in force: {why}"));
            }
        }
    }

    async fn prepare(&mut self) -> Result<Loaded, Vec<String>> {
        let loaded = load(&self.sources, &self.listen, self.settings.all_files(), &mut self.watch, |_| Ok(()))?;
        let errors = self.handle.check_endpoints(&loaded.endpoints).await;
        if errors.is_empty() { Ok(loaded) } else { Err(errors.iter().map(ToString::to_string).collect()) }
    }

    async fn apply(&mut self, Loaded { settings, endpoints, renew_at }: Loaded, changed: &[String]) {
        let news = settings.notices.iter().filter(|notice| !self.settings.notices.contains(notice));
        news.for_each(|notice| warn!("{notice}"));
        let difference = changes::diff(&self.settings, &settings);
        let (doors, errors) = self.handle.set_endpoints(&endpoints).await;
        errors.iter().for_each(|error| error!("{error}"));
        self.handle.set_limits(settings.limits.clone());
        self.handle.set_shutdown(settings.shutdown.clone());
        self.passwords.replace(users(&settings));
        self.seen.apply(&settings);
        (self.settings, self.renew_at) = (settings, renew_at);
        let paths = self.sources.paths().into_iter().chain(self.settings.all_files()).collect();
        self.watch.follow(paths, &Disk, SystemTime::now());
        let files = if changed.is_empty() { "nothing on disk".to_owned() } else { changed.join(", ") };
        let keys = if difference.keys.is_empty() { "none".to_owned() } else { difference.keys.join(", ") };
        info!("configuration loaded again: files changed: {files}; keys changed: {keys}");
        for (what, names) in [("opened", &doors.opened), ("closed", &doors.closed), ("changed", &doors.changed)] {
            if !names.is_empty() {
                info!("endpoints {what}: {}", names.join(", "));
            }
        }
        if !difference.restart.is_empty() {
            warn!("takes effect at the next start: {}", difference.restart.join(", "));
        }
    }
}
