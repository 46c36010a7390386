//! Limits reached and other rare events, by name of their counter.

use super::family::{Family, Kind};
use mqtt_core::{Counter, Counters, DROPS};

/// Counters that have a metric of their own.
const OTHERS: [Counter; 20] = [
    Counter::MessagesRouted,
    Counter::MessagesUnmatched,
    Counter::MessagesRepeated,
    Counter::MessagesRefused,
    Counter::MessagesBorn,
    Counter::PayloadReceived,
    Counter::PayloadSent,
    Counter::CopiesMade,
    Counter::DeliveredAtMostOnce,
    Counter::DeliveredAtLeastOnce,
    Counter::DeliveredExactlyOnce,
    Counter::SessionsMade,
    Counter::Online,
    Counter::Subscriptions,
    Counter::SharedSubscriptions,
    Counter::UnderWay,
    Counter::RetainedExpired,
    Counter::AuthenticationsAccepted,
    Counter::AuthenticationsRefused,
    Counter::SessionsExpired,
];

pub(super) fn families(counters: &Counters) -> Vec<Family> {
    let limits = Family::new("mqtt.server.limits.reached", Kind::Counter, "{event}", "Events at a limit, by limit");
    let reached = Counter::ALL.iter().filter(|counter| !DROPS.contains(counter) && !OTHERS.contains(counter));
    vec![
        reached.fold(limits, |family, &counter| {
            family.with_attributes([("limit", counter.name().into())], counters.get(counter))
        }),
        Family::new("mqtt.server.sessions.expired", Kind::Counter, "{session}", "Sessions that expired")
            .with(counters.get(Counter::SessionsExpired)),
    ]
}
