//! The configuration: layers of settings, merged and checked.
//!
//! Layers, lowest first: defaults, files of a directory in the order of their names, files of the command line in their order, the
//! environment, `--set`. Every layer becomes [`entry::Entry`]s, is brought below our root ([`net_mqtt`]) and to the right spelling
//! ([`canonical`]); the `config` crate merges ([`tree`]); the keys are typed ([`document`]) and then resolved against each other
//! ([`settings`]). Guaranteed: all errors are found together, each with key, value, origin and way out; no secret is in any of them, in
//! `Debug` or in what is printed; nothing is written; loading again is possible at any time and depends on the [`Sources`] alone.

mod accounts;
mod argument;
mod canonical;
mod certificates;
pub mod changes;
mod choice;
mod clash;
pub mod defaults;
mod document;
mod endpoints;
mod entry;
mod environment;
pub mod error;
mod file;
mod key;
mod limits;
mod nearest;
mod net_mqtt;
mod origin;
mod outline;
mod paths;
pub mod print;
pub mod reference;
mod resolve;
mod scalar;
pub mod schema;
mod secret;
pub mod settings;
mod shutdown;
pub mod telemetry;
mod tree;
mod unix;
mod url;
mod users;
pub mod watch;

pub use accounts::Accounts;
pub use choice::LogLevel;
pub use error::{ConfigErrors, EXIT_CODE};
pub use settings::Settings;

use canonical::Canonical;
use environment::Variables;
use error::Problem;
use resolve::Resolver;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use tree::Tree;

/// Where configuration files are looked for.
pub const DIRECTORY: &str = "/etc/lacewing";

/// Where settings come from.
#[derive(Clone, Default)]
pub struct Sources {
    /// A directory with files; it need not exist.
    pub directory: Option<PathBuf>,
    /// Files that must exist, in ascending order of precedence.
    pub files: Vec<PathBuf>,
    /// Environment variables.
    pub environment: Vec<(OsString, OsString)>,
    /// Arguments of `--set`, each `KEY=VALUE`.
    pub arguments: Vec<String>,
    /// What becomes of keys that there are not.
    pub unknown: Unknown,
    /// Where names of users and groups are looked up.
    pub accounts: Accounts,
}

/// What becomes of keys that there are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// They are errors.
    #[default]
    Refused,
    /// They are left out with a notice.
    LeftOut,
}

impl Sources {
    /// The process's environment and the default directory, with files and `--set` of the command line.
    pub fn of_process(files: Vec<PathBuf>, arguments: Vec<String>) -> Sources {
        let environment = std::env::vars_os().collect();
        let directory = Some(PathBuf::from(DIRECTORY));
        Sources { directory, files, environment, arguments, ..Sources::default() }
    }

    /// The directory, if any, and the files of the command line: what to watch even while the configuration cannot be loaded.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.directory.iter().chain(&self.files).cloned().collect()
    }
}

/// Loads the settings.
///
/// # Errors
/// Everything that is wrong with them.
pub fn load(sources: &Sources) -> Result<Settings, ConfigErrors> {
    load_naming(sources, &mut |_| {})
}

/// As [`load`]; `named` hears of each file before it is read, and at the end of those that the settings leave to others to read, such as
/// certificates. Of refused settings it hears of all that could be made out.
///
/// # Errors
/// Everything that is wrong with the settings.
pub fn load_naming(sources: &Sources, named: &mut dyn FnMut(&Path)) -> Result<Settings, ConfigErrors> {
    let (mut errors, mut notices) = (Vec::new(), Vec::new());
    let mut files = sources.directory.as_deref().map_or_else(Vec::new, |path| file::in_directory(path, &mut errors));
    files.extend(sources.files.iter().cloned());
    let mut layers = vec![defaults::entries(0)];
    for path in &files {
        named(path);
        layers.push(file::entries(path, layers.len(), &mut errors));
    }
    for which in [Variables::Plain, Variables::Prefixed] {
        layers.push(environment::entries(&sources.environment, which, layers.len(), &mut errors));
    }
    layers.push(argument::entries(&sources.arguments, layers.len(), &mut errors));

    let mut canonical = Canonical::new(named);
    let canonical_layer = |entries| {
        let entries = net_mqtt::translate(entries, &mut errors, &mut notices);
        canonical.layer(entries, &mut errors)
    };
    let layers = layers.into_iter().map(canonical_layer).collect();
    files.append(&mut canonical.files);
    if sources.unknown == Unknown::LeftOut {
        let unknown = errors.extract_if(.., |error| matches!(error.problem, Problem::Unknown { .. }));
        notices.extend(unknown.map(|error| format!("left out: {error}")));
    }

    let mut tree = Tree::merge(layers).map_err(|error| ConfigErrors(vec![error]))?;
    tree.read(&mut errors); // every key under its own name, for the errors
    net_mqtt::settle(&mut tree, &mut errors, &mut notices);
    let document = tree.read(&mut errors);
    let environment = &sources.environment;
    let accounts = &sources.accounts;
    let mut resolver =
        Resolver { document: &document, tree: &tree, environment, accounts, files: Vec::new(), errors, notices };
    let settings = Settings::resolve(&mut resolver, files).map_err(ConfigErrors);
    resolver.files.iter().for_each(|path| named(path));
    settings
}
