//! Sources of a test, and what they load to.

use crate::config::{Settings, Sources, load};
use mqtt_server::endpoint::{Endpoint, HostPort};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Sources with these environment variables, which stand one a line as `NAME=value`.
pub fn environment(lines: &str) -> Sources {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    let variables = lines.map(|line| line.split_once('=').unwrap()).map(|(name, value)| (name.into(), value.into()));
    Sources { environment: variables.collect(), ..Sources::default() }
}

/// Settings with these environment variables, which must be right.
pub fn loaded(lines: &str) -> Settings {
    load(&environment(lines)).unwrap_or_else(|errors| panic!("{errors}"))
}

/// What is wrong with these environment variables.
pub fn refused(lines: &str) -> String {
    load(&environment(lines)).map(|settings| panic!("{settings:?}")).unwrap_err().to_string()
}

/// The endpoint of a name.
pub fn endpoint<'a>(settings: &'a Settings, name: &str) -> &'a Endpoint {
    settings.endpoints.iter().find(|endpoint| endpoint.name == name).unwrap_or_else(|| panic!("no endpoint {name}"))
}

/// The names of all endpoints.
pub fn names(settings: &Settings) -> Vec<&str> {
    settings.endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect()
}

/// A host and a port.
pub fn place(host: &str, port: u16) -> HostPort {
    HostPort { host: host.to_owned(), port }
}

/// A directory of one test, which is gone afterwards.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("config-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
