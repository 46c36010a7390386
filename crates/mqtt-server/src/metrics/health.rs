//! What probes are told, as numbers.

use super::family::{Family, Kind};
use crate::health::Health;

pub(super) fn families(health: &Health) -> Vec<Family> {
    let readiness = health.readiness();
    let failed = |names: &[&str]| readiness.iter().any(|check| check.failure.is_some() && names.contains(&check.name));
    let overloaded = failed(&["connections", "queues"]);
    let ready = readiness.iter().all(|check| check.failure.is_none());
    let gauge = |name, description| Family::new(name, Kind::Gauge, "", description);
    vec![
        gauge("mqtt.server.ready", "1 while /readyz answers 200, else 0").with(u64::from(ready)),
        gauge("mqtt.server.crowded", "1 while connections or queued messages are near their limit, else 0")
            .with(u64::from(overloaded)),
    ]
}
