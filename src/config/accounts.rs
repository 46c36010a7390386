//! Users and groups of the system, by name: read from `/etc/passwd` and `/etc/group` themselves.
//!
//! A static binary has no name service: accounts of LDAP and the like are not found here, their numbers have to be given.

use super::file;
use std::path::{Path, PathBuf};

/// Where users and groups are looked up.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// Lines of `name:password:user id:...`.
    pub users: PathBuf,
    /// Lines of `name:password:group id:...`.
    pub groups: PathBuf,
}

impl Default for Accounts {
    fn default() -> Accounts {
        Accounts { users: PathBuf::from("/etc/passwd"), groups: PathBuf::from("/etc/group") }
    }
}

/// The number of a user or group, or its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// The number.
    Id(u32),
    /// The name.
    Name(String),
}

impl Account {
    /// Digits are a number, all else is a name.
    pub fn parse(text: &str) -> Option<Account> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            // The largest number means "leave it as it is" to the kernel.
            return text.parse().ok().filter(|id| *id != u32::MAX).map(Account::Id);
        }
        let visible = text.chars().all(|c| !c.is_whitespace() && !c.is_control() && c != ':');
        visible.then(|| Account::Name(text.to_owned()))
    }

    /// Its number by the lines of `file`, where it is not known already.
    ///
    /// # Errors
    /// What is allowed, to stand after "expected"; `kind` is the word for what was looked for.
    pub fn id(&self, kind: &str, file: &Path) -> Result<u32, String> {
        let name = match self {
            Account::Id(id) => return Ok(*id),
            Account::Name(name) => name,
        };
        let shown = file.display();
        let text = file::text(file)
            .map_err(|error| format!("the number of {kind} {name}, as {shown} cannot be read: {error}"))?;
        text.lines().find_map(|line| number(line, name)).ok_or_else(|| {
            format!("a {kind} of {shown}, which has no {name}: add it there, or give the number in its place")
        })
    }
}

/// The number in a line, if it is that of `name`.
fn number(line: &str, name: &str) -> Option<u32> {
    let mut fields = line.split(':');
    (fields.next()? == name).then_some(())?;
    fields.nth(1)?.trim().parse().ok()
}
