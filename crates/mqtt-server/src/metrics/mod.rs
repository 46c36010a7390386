//! The numbers of a running server, as [`Family`] values that exporters turn into their format.
//!
//! All exporters read the same list, so OTLP, Prometheus and `$SYS` never differ but in the moment of reading. Reading costs the reader:
//! the queues of all sessions are visited, the path of messages is not.

mod clients;
mod family;
mod health;
mod ledger;
mod limits;
mod traffic;

pub use family::{Attributes, Exemplar, Family, Kind, Number, Point};
pub(crate) use ledger::reason;
pub use mqtt_core::Buckets;

use crate::hub::Hub;
use mqtt_core::Load;
use std::sync::Arc;

/// More metrics, of whoever embeds the server. Called for every reading, on the reader's thread.
pub type Source = Arc<dyn Fn() -> Vec<Family> + Send + Sync>;

/// Which step of overload protection is in force.
fn overload(hub: &Hub) -> Family {
    let family = Family::new(
        "mqtt.server.overload",
        Kind::Gauge,
        "{step}",
        "Step of overload protection in force: 1 for that one",
    );
    Load::ALL.iter().fold(family, |family, load| {
        let on = u64::from(hub.broker.load.get() == *load);
        family.with_attributes([("step", load.name().into())], on)
    })
}

/// All metrics of the moment.
pub(crate) fn read(hub: &Hub) -> Vec<Family> {
    let mut families = traffic::families(&hub.broker.counters);
    families.extend(ledger::families(hub));
    families.push(hub.watcher.family());
    families.extend(clients::families(hub));
    families.extend(limits::families(&hub.broker.counters));
    families.push(overload(hub));
    families.extend(health::families(&hub.health));
    if let Some(source) = &hub.source {
        families.extend(source());
    }
    families
}
