//! What became of messages. Two sums hold at every quiet moment:
//!
//! - `publish.messages` received = the sum of `publish.outcomes`;
//! - `copies.made` = `copies.delivered` + `messages.dropped` + `queued.messages` + `inflight.messages`.

use super::family::{Family, Kind};
use super::traffic::QOS;
use crate::hub::Hub;
use mqtt_core::{Counter, DROPS};

pub(super) fn families(hub: &Hub) -> Vec<Family> {
    let counters = &hub.broker.counters;
    let mut families = counted(hub);
    let (mut messages, mut bytes) = (0, 0);
    for slot in hub.broker.sessions.slots() {
        let backlog = slot.backlog();
        messages += backlog.messages;
        bytes += backlog.bytes;
    }
    let level = |name, unit, description| Family::new(name, Kind::UpDownCounter, unit, description);
    families.extend([
        level("mqtt.server.queued.messages", "{message}", "Copies that wait in the queues of sessions").with(messages),
        level("mqtt.server.queued.bytes", "{byte}", "Bytes of copies that wait, or are sent and unacknowledged")
            .with(bytes),
        level("mqtt.server.inflight.messages", "{message}", "Copies sent with QoS 1 or 2 and not yet acknowledged")
            .with(counters.get(Counter::UnderWay)),
        level("mqtt.server.retained.messages", "{message}", "Retained messages").with(hub.broker.retained.len()),
        level("mqtt.server.retained.bytes", "{byte}", "Bytes of retained messages").with(hub.broker.retained.bytes()),
        Family::new(
            "mqtt.server.ack.duration",
            Kind::Histogram,
            "s",
            "Time from sending a copy to its PUBACK or PUBREC",
        )
        .with(hub.broker.acknowledgements.read()),
    ]);
    families
}

fn counted(hub: &Hub) -> Vec<Family> {
    let counters = &hub.broker.counters;
    let counter = |name, unit, description| Family::new(name, Kind::Counter, unit, description);
    let outcomes = [
        ("routed", Counter::MessagesRouted),
        ("no_subscribers", Counter::MessagesUnmatched),
        ("repeated", Counter::MessagesRepeated),
        ("refused", Counter::MessagesRefused),
    ];
    let delivered = [Counter::DeliveredAtMostOnce, Counter::DeliveredAtLeastOnce, Counter::DeliveredExactlyOnce];
    vec![
        outcomes.into_iter().fold(
            counter("mqtt.server.publish.outcomes", "{message}", "What became of PUBLISH packets received"),
            |family, (outcome, of)| family.with_attributes([("outcome", outcome.into())], counters.get(of)),
        ),
        counter("mqtt.server.publish.born", "{message}", "Messages that the broker published itself: wills, $SYS")
            .with(counters.get(Counter::MessagesBorn)),
        counter("mqtt.server.copies.made", "{message}", "Copies of messages made for sessions, retained ones included")
            .with(counters.get(Counter::CopiesMade)),
        QOS.into_iter().zip(delivered).fold(
            counter("mqtt.server.copies.delivered", "{message}", "Copies sent with QoS 0, or acknowledged"),
            |family, ((_, qos), of)| family.with_attributes([("mqtt.qos", qos.into())], counters.get(of)),
        ),
        DROPS
            .into_iter()
            .fold(counter("mqtt.server.messages.dropped", "{message}", "Copies dropped, by reason"), |family, of| {
                family.with_attributes([("reason", reason(of).into())], counters.get(of))
            }),
        counter("mqtt.server.retained.expired", "{message}", "Retained messages that expired")
            .with(counters.get(Counter::RetainedExpired)),
    ]
}

/// A drop's reason without the word that all of them begin with.
pub(crate) fn reason(drop: Counter) -> &'static str {
    drop.name().strip_prefix("dropped_").unwrap_or(drop.name())
}
