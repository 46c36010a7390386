//! How often the configuration was loaded again, and how that went.

use mqtt_server::metrics::{Family, Kind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts reloads.
#[derive(Default)]
pub struct Reloads {
    applied: AtomicU64,
    refused: AtomicU64,
}

impl Reloads {
    /// A changed configuration is in force.
    pub fn applied(&self) {
        self.applied.fetch_add(1, Ordering::Relaxed);
    }

    /// Something is wrong with a changed configuration: the one before stays in force.
    pub fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts as a metric.
    pub fn family(&self) -> Family {
        let description = "Configurations loaded again, by whether they came into force";
        Family::new("mqtt.server.config.reloads", Kind::Counter, "{reload}", description)
            .with_attributes([("result", "applied".into())], self.applied.load(Ordering::Relaxed))
            .with_attributes([("result", "refused".into())], self.refused.load(Ordering::Relaxed))
    }
}
