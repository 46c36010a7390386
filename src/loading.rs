//! From sources to what a server is made from, at the start and at every reload.

use crate::config::watch::{Disk, Watch};
use crate::config::{self, Settings, Sources};
use crate::memory::Gauge;
use crate::{files, own_certificates};
use mqtt_server::auth::Users;
use mqtt_server::endpoint::Endpoint;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::SystemTime;

/// What the sources come to, with all that is asked of the machine.
pub struct Loaded {
    /// What is set.
    pub settings: Settings,
    /// Where to listen, with the certificates that the broker made.
    pub endpoints: Vec<Endpoint>,
    /// When a certificate that the broker made is to be renewed.
    pub renew_at: Option<SystemTime>,
}

/// Loads everything but what endpoints read themselves; `begin` is called with what is set, before anything is made of it. Either way `watch` follows all files that were named, and `kept`, as they were before
/// anybody read them: what changes from now on shows at the next look.
///
/// # Errors
/// All that is wrong, a line each.
pub fn load(
    sources: &Sources,
    listen: &[SocketAddr],
    kept: Vec<PathBuf>,
    watch: &mut Watch,
    begin: impl FnOnce(&Settings) -> Result<(), Vec<String>>,
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
        fit_to_machine(&mut settings);
        files.extend(settings.all_files());
        begin(&settings)?;
        let provided = own_certificates::provide(&settings, now).map_err(|error| vec![format!("{error:#}")])?;
        let (endpoints, renew_at) = provided;
        Ok(Loaded { settings, endpoints, renew_at })
    });
    watch.follow(files, &Disk, now);
    loaded
}

/// Who may connect with a password.
pub fn users(settings: &Settings) -> Users {
    Users { passwords: settings.users.clone().into_iter().collect(), allow_anonymous: settings.allow_anonymous }
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

/// No more connections than the process may open files, and no more messages than it has memory for.
fn fit_to_machine(settings: &mut Settings) {
    if let Some(gauge) = Gauge::new() {
        settings.limits.fit(gauge.limit());
    }
    settings.limits.connections = settings.limits.connections.min(files::connections());
}
