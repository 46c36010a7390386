//! Any environment: it loads, or everything that is said about it is complete; and what loads can be printed and loaded again.

use crate::config::print::{Origins, print};
use crate::config::{Sources, load};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// Variables stand one a line, name and value with `=` between them; a line without one is a name with `MQTT__` before it and the value 1.
pub fn check(data: &[u8]) {
    let sources =
        Sources { environment: data.split(|byte| *byte == b'\n').filter_map(variable).collect(), ..Sources::default() };
    match load(&sources) {
        Ok(settings) => {
            let text = print(&settings, Origins::Shown);
            assert!(text.lines().all(|line| line.ends_with(':') || line.contains("  # ")), "{text}");
            assert!(!settings.data_directory.as_os_str().is_empty());
            assert_eq!(print(&load(&sources).unwrap(), Origins::Shown), text);
        }
        Err(errors) => {
            assert!(!errors.0.is_empty());
            for error in &errors.0 {
                let origin =
                    sources.environment.iter().any(|(name, _)| error.origin.contains(&*name.to_string_lossy()));
                assert!(origin, "{error} names no variable");
            }
        }
    }
}

/// A variable, unless it would have a file read or a password hashed: one can block, the other is slow.
fn variable(line: &[u8]) -> Option<(OsString, OsString)> {
    let (name, value) = match line.iter().position(|byte| *byte == b'=') {
        Some(at) => (line[..at].to_vec(), line[at + 1..].to_vec()),
        None => ([b"MQTT__", line].concat(), b"1".to_vec()),
    };
    let folded: String = String::from_utf8_lossy(&name).to_lowercase().replace(['_', '-'], "");
    let avoid = folded.ends_with("file") || folded.contains("users") || value.starts_with(b"file://");
    (!avoid).then(|| (OsString::from_vec(name), OsString::from_vec(value)))
}
