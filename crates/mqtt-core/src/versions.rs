//! Which protocol versions may connect.

use mqtt_wire::Version;

/// A set of protocol versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// MQTT 3.1.
    pub v3: bool,
    /// MQTT 3.1.1.
    pub v311: bool,
    /// MQTT 5.0.
    pub v5: bool,
}

impl Default for Versions {
    fn default() -> Versions {
        Versions { v3: true, v311: true, v5: true }
    }
}

impl Versions {
    /// Whether the set holds `version`.
    pub fn contains(self, version: Version) -> bool {
        match version {
            Version::V3 => self.v3,
            Version::V311 => self.v311,
            Version::V5 => self.v5,
        }
    }
}
