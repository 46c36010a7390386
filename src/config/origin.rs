//! Where a value comes from, and which of two values wins.

use config::Value;
use std::fmt;

/// The origin of a value. It travels as the `origin` of the `config` crate's values, which is one string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Higher layers win.
    pub layer: usize,
    /// In words, for example `environment variable MQTT__AllowAnonymous`.
    pub text: String,
}

impl Origin {
    /// The origin that [`Origin::encode`] put into a value.
    pub fn of(value: &Value) -> Option<Origin> {
        let (layer, text) = value.origin()?.split_once('|')?;
        Some(Origin { layer: layer.parse().ok()?, text: text.to_owned() })
    }

    /// As one string.
    pub fn encode(&self) -> String {
        format!("{}|{}", self.layer, self.text)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
