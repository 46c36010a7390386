//! One setting as a layer states it: the form in which all layers meet.

use super::key::Key;
use super::origin::Origin;

/// A key and what a layer gives it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// As written, the root section aside.
    pub key: Key,
    /// What it is set to.
    pub value: Stated,
    /// Where.
    pub origin: Origin,
}

/// What a layer gives a key.
#[derive(Clone, PartialEq, Eq)]
pub enum Stated {
    /// A text.
    Text(String),
    /// A number or a switch of a file: its digits may not be those that were written.
    Number(String),
    /// A section or a list without anything in it.
    Empty,
}

impl std::fmt::Debug for Stated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Nobody knows here whether it is a secret.
        f.write_str(match self {
            Stated::Text(_) => "Text",
            Stated::Number(_) => "Number",
            Stated::Empty => "Empty",
        })
    }
}
