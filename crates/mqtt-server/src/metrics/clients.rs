//! Connections, sessions, subscriptions: who is here, who came, who was turned away.

use super::family::{Family, Kind};
use crate::hub::Hub;
use mqtt_core::Counter;
use mqtt_wire::{ReasonCode, Version};
use std::sync::atomic::Ordering;
use std::time::SystemTime;

pub(super) fn families(hub: &Hub) -> Vec<Family> {
    let counters = &hub.broker.counters;
    let sessions = hub.broker.sessions.len() as u64;
    let online = counters.get(Counter::Online);
    let counter = |name, unit, description| Family::new(name, Kind::Counter, unit, description);
    let level = |name, unit, description| Family::new(name, Kind::UpDownCounter, unit, description);
    let mut families = endpoints(hub);
    families.extend(endings(hub));
    families.extend([
        level("mqtt.server.clients_online", "{client}", "Clients whose CONNECT was accepted and that are connected")
            .with(online),
        counter("mqtt.server.sessions", "{session}", "Sessions made").with(counters.get(Counter::SessionsMade)),
        level("mqtt.server.active_sessions", "{session}", "Sessions, online and offline").with(sessions),
        level("mqtt.server.offline_sessions", "{session}", "Sessions whose client is away")
            .with(sessions.saturating_sub(online)),
        level("mqtt.server.active_subscriptions", "{subscription}", "Subscriptions, shared ones included")
            .with(counters.get(Counter::Subscriptions)),
        level("mqtt.server.shared_subscriptions", "{subscription}", "Shared subscriptions")
            .with(counters.get(Counter::SharedSubscriptions)),
        [("accepted", Counter::AuthenticationsAccepted), ("refused", Counter::AuthenticationsRefused)]
            .into_iter()
            .fold(
                counter("mqtt.server.auth.requests", "{request}", "Authentications by result"),
                |family, (result, of)| family.with_attributes([("result", result.into())], counters.get(of)),
            ),
        Family::new("mqtt.server.tls.handshake.duration", Kind::Histogram, "s", "Duration of TLS and QUIC handshakes")
            .with(hub.handshakes.read()),
    ]);
    families
}

fn endpoints(hub: &Hub) -> Vec<Family> {
    let counter = Family::new("mqtt.server.connections", Kind::Counter, "{connection}", "Clients that came online");
    let open = Family::new("mqtt.server.active_connections", Kind::UpDownCounter, "{connection}", "Connections open");
    let expiry = Family::new(
        "mqtt.server.tls.cert.expiry",
        Kind::Gauge,
        "s",
        "Time until the first certificate of an endpoint expires, negative afterwards",
    );
    let mut families = [counter, open, expiry];
    let now = SystemTime::now();
    for (name, place) in &*hub.register.lock() {
        let [mut counter, mut open, mut expiry] = families;
        let listener = || ("mqtt.listener", name.to_string().into());
        for version in Version::ALL {
            let count = place.visitors.online[version as usize].load(Ordering::Relaxed);
            counter = counter.with_attributes([listener(), ("network.protocol.version", version.name().into())], count);
        }
        let here = place.visitors.open.load(Ordering::Relaxed);
        open = open.with_attributes([listener(), ("network.transport", place.transport.into())], here);
        if let Some(at) = place.expires {
            let left =
                at.duration_since(now).map_or_else(|past| -past.duration().as_secs_f64(), |left| left.as_secs_f64());
            expiry = expiry.with_attributes([listener()], left);
        }
        families = [counter, open, expiry];
    }
    families.into()
}

fn endings(hub: &Hub) -> Vec<Family> {
    let table = hub.endings.read();
    let word = |reason: &ReasonCode| reason.name().to_ascii_lowercase().replace(' ', "_").into();
    let refused = Family::new(
        "mqtt.server.rejected_connections",
        Kind::Counter,
        "{connection}",
        "Connections ended before their client was online, by reason",
    );
    let closed = Family::new(
        "mqtt.server.disconnects",
        Kind::Counter,
        "{connection}",
        "Clients that went offline, by reason and by who ended the connection",
    );
    vec![
        table
            .refused
            .iter()
            .fold(refused, |family, (reason, count)| family.with_attributes([("reason", word(reason))], *count)),
        table.closed.iter().fold(closed, |family, ((by, reason), count)| {
            family.with_attributes([("reason", word(reason)), ("initiator", by.name().into())], *count)
        }),
    ]
}
