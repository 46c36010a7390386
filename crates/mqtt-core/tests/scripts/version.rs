//! The protocol version a client speaks.

/// MQTT 3.1, 3.1.1 or 5.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V3,
    V311,
    V5,
}

impl Version {
    /// The version that a script's word names.
    pub fn parse(word: &str) -> Option<Version> {
        match word {
            "v3.1" => Some(Version::V3),
            "v3.1.1" => Some(Version::V311),
            "v5" => Some(Version::V5),
            _ => None,
        }
    }

    /// The Protocol Name in CONNECT.
    pub fn protocol_name(self) -> &'static [u8] {
        if self == Version::V3 { b"MQIsdp" } else { b"MQTT" }
    }

    /// The Protocol Level in CONNECT.
    pub fn level(self) -> u8 {
        match self {
            Version::V3 => 3,
            Version::V311 => 4,
            Version::V5 => 5,
        }
    }

    /// Whether packets have properties and Reason Codes.
    pub fn has_properties(self) -> bool {
        self == Version::V5
    }
}
