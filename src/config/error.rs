//! What can be wrong with a configuration: every error names the key, the value, where it came from and the way out.
//!
//! A value of a secret never gets in here; whoever makes an error writes [`MASK`] in its place.

use std::fmt;
use std::path::PathBuf;

/// The process's exit code for a configuration that cannot be used (EX_CONFIG of sysexits.h).
pub const EXIT_CODE: u8 = 78;

/// Stands where a secret would stand.
pub const MASK: &str = "***";

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The key, with `:` between its parts; empty for a file as a whole.
    pub key: String,
    /// Where it comes from, in words; empty where nothing was set.
    pub origin: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is no such key.
    Unknown {
        /// The key that was probably meant.
        nearest: Option<String>,
        /// What may stand here.
        allowed: String,
    },
    /// The value is outside what the key takes.
    NotAllowed {
        /// The value, or [`MASK`].
        value: String,
        /// What the key takes.
        allowed: String,
    },
    /// Two spellings of one key in one layer.
    Twice {
        /// Where the other one comes from.
        other: String,
    },
    /// A file that cannot be read or understood.
    File {
        /// The file.
        path: PathBuf,
        /// Why, without its content.
        reason: String,
    },
    /// The keys do not fit together.
    Contradiction(String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ConfigError { key, origin, problem } = self;
        let from = if origin.is_empty() { String::new() } else { format!(" (from {origin})") };
        match problem {
            Problem::Unknown { nearest: Some(nearest), .. } => {
                write!(f, "unknown key {key}{from}: did you mean {nearest}?")
            }
            Problem::Unknown { nearest: None, allowed } => write!(f, "unknown key {key}{from}: {allowed}"),
            Problem::NotAllowed { value, allowed } => write!(f, "{key} = {value:?}{from}: expected {allowed}"),
            Problem::Twice { other } => write!(f, "{key} is set twice: by {other} and by {origin}"),
            Problem::File { path, reason } if key.is_empty() => write!(f, "{}: {reason}", path.display()),
            Problem::File { path, reason } => write!(f, "{key}{from}: cannot read {}: {reason}", path.display()),
            Problem::Contradiction(text) => write!(f, "{key}{from}: {text}"),
        }
    }
}

/// Everything that is wrong, in the order of layers and keys; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ConfigError::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for ConfigErrors {}
