//! Mode and owner of a Unix domain socket's file.

use super::accounts::Account;
use super::scalar::{Scalar, scalar};

/// Permission bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(pub u32);

/// User and group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub user: Account,
    /// The group.
    pub group: Account,
}

scalar!(Mode);
scalar!(Owner);

impl Scalar for Mode {
    fn parse(text: &str) -> Result<Self, String> {
        let digits = text.trim().trim_start_matches("0o");
        let mode = u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o777);
        mode.map(Mode).ok_or_else(|| "three octal digits such as 0660".to_owned())
    }

    fn title() -> String {
        "octal digits".to_owned()
    }
}

impl Scalar for Owner {
    fn parse(text: &str) -> Result<Self, String> {
        let owner = text
            .trim()
            .split_once(':')
            .and_then(|(user, group)| Some(Owner { user: Account::parse(user)?, group: Account::parse(group)? }));
        owner.ok_or_else(|| "user and group such as mqtt:mqtt or 1000:1000".to_owned())
    }

    fn title() -> String {
        "user:group".to_owned()
    }
}
