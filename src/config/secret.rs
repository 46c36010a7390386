//! Values that are never shown.

use super::error::MASK;
use super::scalar::{Scalar, scalar};
use std::fmt;

/// A password. Neither `Debug` nor any error shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The password itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

scalar!(Secret);

impl Scalar for Secret {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Secret(text.to_owned()))
    }

    fn title() -> String {
        "secret".to_owned()
    }

    /// `writeOnly` is what makes a key secret for [`super::outline`], and so for everything that is printed.
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "string", "writeOnly": true })
    }
}
