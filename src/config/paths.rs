//! Paths with `%NAME%` in them.

use super::scalar::FilePath;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// A path with the values of environment variables in place of `%NAME%`. A `%` without a second one stays.
///
/// # Errors
/// What is wrong, naming the variable.
pub fn expand(path: &FilePath, environment: &[(OsString, OsString)]) -> Result<PathBuf, String> {
    let (mut expanded, mut rest) = (OsString::new(), path.0.as_str());
    while let Some((before, after)) = rest.split_once('%') {
        let Some((name, after)) = after.split_once('%') else { break };
        let value = variable(name, environment)
            .ok_or_else(|| format!("there is no environment variable {name} for %{name}%"))?;
        expanded.push(before);
        expanded.push(value);
        rest = after;
    }
    expanded.push(rest);
    Ok(PathBuf::from(expanded))
}

/// The value of an environment variable.
pub fn variable<'a>(name: &str, environment: &'a [(OsString, OsString)]) -> Option<&'a OsStr> {
    environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_os_str())
}
