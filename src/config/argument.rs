//! `--set key=value` as a layer, the highest one.

use super::entry::{Entry, Stated};
use super::error::{ConfigError, Problem};
use super::key::Key;
use super::origin::Origin;

/// The settings that the arguments of `--set` hold. Parts of a key are separated by `__` if there is one in it, so that parts may hold dots,
/// else by `.` or `:`.
pub fn entries(arguments: &[String], layer: usize, errors: &mut Vec<ConfigError>) -> Vec<Entry> {
    let mut entries = Vec::new();
    for argument in arguments {
        let Some((key, value)) = argument.split_once('=') else {
            let problem = Problem::Contradiction("--set takes KEY=VALUE, for example Limits.InFlight=100".to_owned());
            errors.push(ConfigError { key: argument.clone(), origin: "--set".to_owned(), problem });
            continue;
        };
        let parts: Vec<String> = match key.contains("__") {
            true => key.split("__").map(str::to_owned).collect(),
            false => key.split(['.', ':']).map(str::to_owned).collect(),
        };
        let origin = Origin { layer, text: format!("--set {key}") };
        entries.push(Entry { key: Key(parts), value: Stated::Text(value.to_owned()), origin });
    }
    entries
}
