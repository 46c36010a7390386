//! Mode and owner of a Unix domain socket's file.

use super::scalar::{Scalar, scalar};

/// Permission bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(pub u32);

/// User and group id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner(pub u32, pub u32);

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
        let ids = text.trim().split_once(':').and_then(|(user, group)| Some((user.parse().ok()?, group.parse().ok()?)));
        ids.map(|(user, group)| Owner(user, group)).ok_or_else(|| "user and group id such as 1000:1000".to_owned())
    }

    fn title() -> String {
        "user id:group id".to_owned()
    }
}
