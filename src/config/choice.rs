//! Values that are words out of a few.

use super::scalar::{Scalar, scalar};
use mqtt_server::Wills;
use mqtt_server::endpoint::{TlsVersions, Versions};

/// How much the log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What went wrong.
    Error,
    /// And what may be about to.
    Warn,
    /// And what happens once, or rarely.
    Info,
    /// And what happens for each connection.
    Debug,
    /// And for each packet.
    Trace,
}

/// Whether clients show a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CertificateMode {
    /// They are not asked.
    #[default]
    None,
    /// They are asked, and checked if they have one.
    Allow,
    /// They must.
    Require,
}

/// Versions of MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolLevel(pub Versions);

/// Versions of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SslProtocols(pub TlsVersions);

/// Something that an HTTP endpoint offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// WebSocket.
    Mqtt,
    /// Probes.
    Health,
    /// Metrics for Prometheus.
    Metrics,
    /// Administration.
    Admin,
}

/// What becomes of will messages when the broker ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WillsAtEnd(pub Wills);

scalar!(LogLevel);
scalar!(Service);
scalar!(WillsAtEnd);
scalar!(CertificateMode);
scalar!(ProtocolLevel);
scalar!(SslProtocols);

impl Scalar for LogLevel {
    fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "off" | "none" => Ok(LogLevel::Off),
            "error" | "critical" => Ok(LogLevel::Error),
            "warn" | "warning" => Ok(LogLevel::Warn),
            "info" | "information" => Ok(LogLevel::Info),
            "debug" => Ok(LogLevel::Debug),
            "trace" => Ok(LogLevel::Trace),
            _ => Err("off, error, warn, info, debug or trace".to_owned()),
        }
    }

    fn title() -> String {
        "off, error, warn, info, debug or trace".to_owned()
    }
}

impl Scalar for Service {
    fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "mqtt" => Ok(Service::Mqtt),
            "health" => Ok(Service::Health),
            "metrics" => Ok(Service::Metrics),
            "admin" => Ok(Service::Admin),
            _ => Err(Service::title()),
        }
    }

    fn title() -> String {
        "mqtt, health, metrics or admin".to_owned()
    }
}

impl Scalar for WillsAtEnd {
    fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "publish" => Ok(WillsAtEnd(Wills::Publish)),
            "drop" => Ok(WillsAtEnd(Wills::Drop)),
            _ => Err(WillsAtEnd::title()),
        }
    }

    fn title() -> String {
        "Publish or Drop".to_owned()
    }
}

impl Scalar for CertificateMode {
    fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "nocertificate" | "none" => Ok(CertificateMode::None),
            "allowcertificate" | "allow" => Ok(CertificateMode::Allow),
            "requirecertificate" | "require" => Ok(CertificateMode::Require),
            _ => Err("NoCertificate, AllowCertificate or RequireCertificate".to_owned()),
        }
    }

    fn title() -> String {
        "NoCertificate, AllowCertificate or RequireCertificate".to_owned()
    }
}

impl Scalar for ProtocolLevel {
    fn parse(text: &str) -> Result<Self, String> {
        const ALLOWED: &str = "All, or a list of Mqtt3_1, Mqtt3_1_1, Mqtt3 (both of them) and Mqtt5";
        let mut versions = Versions { v3: false, v311: false, v5: false };
        for word in text.split([',', ';', '|']) {
            // Numbers are the flags of Net.MQTT; 5 and 6 would be taken for versions, so they are not.
            let (v3, v311, v5) = match word.trim().to_ascii_lowercase().as_str() {
                "all" | "7" => (true, true, true),
                "mqtt3" | "3" => (true, true, false),
                "mqtt3_1" | "level3" | "1" => (true, false, false),
                "mqtt3_1_1" | "level4" | "2" => (false, true, false),
                "mqtt5" | "level5" | "4" => (false, false, true),
                _ => return Err(ALLOWED.to_owned()),
            };
            versions = Versions { v3: versions.v3 || v3, v311: versions.v311 || v311, v5: versions.v5 || v5 };
        }
        Ok(ProtocolLevel(versions))
    }

    fn title() -> String {
        "All, Mqtt3_1, Mqtt3_1_1, Mqtt3, Mqtt5, or several with commas".to_owned()
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": ["integer", "string"] })
    }
}

impl Scalar for SslProtocols {
    fn parse(text: &str) -> Result<Self, String> {
        let mut versions = TlsVersions { tls12: false, tls13: false };
        for word in text.split([',', ';', '|']) {
            let (tls12, tls13) = match word.trim().to_ascii_lowercase().as_str() {
                "none" => (true, true),
                "tls12" => (true, false),
                "tls13" => (false, true),
                _ => return Err("None (which leaves the choice), Tls12, Tls13 or both with a comma".to_owned()),
            };
            versions = TlsVersions { tls12: versions.tls12 || tls12, tls13: versions.tls13 || tls13 };
        }
        Ok(SslProtocols(versions))
    }

    fn title() -> String {
        "None, Tls12, Tls13, or both with a comma".to_owned()
    }
}
