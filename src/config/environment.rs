//! The environment as a layer. `__` separates the parts of a key; parts keep their case and may hold dots.
//!
//! Understood are `MQTT__...`, `Kestrel__...`, `KestrelMQTT__...` and `Logging__LogLevel__Default`, whatever their case, the same with the
//! prefix `MQTT_` (which makes them win over those without), and the three variables about a certificate on first start. All others are
//! none of our business. The `config` crate's own source is no help: it lower-cases names, splits at dots and knows no lists.

use super::entry::{Entry, Stated};
use super::error::{ConfigError, Problem};
use super::key::Key;
use super::origin::Origin;
use std::ffi::OsString;

/// Variables without a prefix.
const WHOLE_NAMES: [&str; 3] = ["GENERATE_SSL_CERTIFICATE", "SSL_CERTIFICATE_HOSTS", "SSL_CERTIFICATE_IP_ADDRESSES"];

/// First parts of those that are split.
const ROOTS: [&str; 3] = ["MQTT__", "KESTREL__", "KESTRELMQTT__"];

/// The one variable of Net.MQTT's logging that is understood.
const LOG_LEVEL: &str = "LOGGING__LOGLEVEL__DEFAULT";

/// Which variables to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variables {
    /// Those named as they are.
    Plain,
    /// Those with the prefix `MQTT_` before the name.
    Prefixed,
}

/// The settings that `variables` hold, in the order of their names.
pub fn entries(
    variables: &[(OsString, OsString)],
    which: Variables,
    layer: usize,
    errors: &mut Vec<ConfigError>,
) -> Vec<Entry> {
    let mut variables: Vec<_> = variables.iter().collect();
    variables.sort();
    let mut entries = Vec::new();
    for (name, value) in variables {
        let Some(parts) = parts(&name.to_string_lossy(), which) else { continue };
        let origin = Origin { layer, text: format!("environment variable {}", name.to_string_lossy()) };
        match value.to_str() {
            Some(value) => entries.push(Entry { key: Key(parts), value: Stated::Text(value.to_owned()), origin }),
            None => {
                let problem = Problem::Contradiction("the value is not UTF-8".to_owned());
                errors.push(ConfigError { key: Key(parts).to_string(), origin: origin.text, problem });
            }
        }
    }
    entries
}

/// The parts of the key that a variable of this name sets; `None` for other programs' variables.
fn parts(name: &str, which: Variables) -> Option<Vec<String>> {
    let name = match which {
        Variables::Plain => name,
        Variables::Prefixed => strip_prefix(name, "MQTT_").filter(|rest| !rest.starts_with('_'))?,
    };
    if WHOLE_NAMES.contains(&name) {
        return Some(vec![name.to_owned()]);
    }
    let split = name.eq_ignore_ascii_case(LOG_LEVEL) || ROOTS.iter().any(|root| strip_prefix(name, root).is_some());
    split.then(|| name.split("__").map(str::to_owned).collect())
}

/// The rest after a prefix of any case.
fn strip_prefix<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = name.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}
