//! Keys: paths through the tree of settings, and how loosely they may be written.

use std::fmt;

/// A path through the tree, for example `Endpoints`, `mqtt`, `Url`. Parts may hold dots.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub Vec<String>);

impl Key {
    /// The key with these parts, which stand in `text` with `:` between them.
    pub fn of(text: &str) -> Key {
        Key(text.split(':').map(str::to_owned).collect())
    }

    /// This key with one more part.
    pub fn child(&self, part: impl Into<String>) -> Key {
        let mut parts = self.0.clone();
        parts.push(part.into());
        Key(parts)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(":"))
    }
}

/// A field name without what may differ: case, `_` and `-`.
pub fn fold(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}
