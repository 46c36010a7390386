//! The ledger of messages, which must balance after every script: nothing is lost without a reason.

use mqtt_core::{Broker, Counter, DROPS};
use mqtt_wire::QoS;

/// Says what does not add up.
pub fn check(broker: &Broker) -> Result<(), String> {
    let count = |counters: &[Counter]| counters.iter().map(|&counter| broker.counters.get(counter)).sum::<u64>();
    let received: u64 =
        [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce].iter().map(|&qos| broker.counters.publishes(qos).0).sum();
    let outcomes = count(&[
        Counter::MessagesRouted,
        Counter::MessagesUnmatched,
        Counter::MessagesRepeated,
        Counter::MessagesRefused,
    ]);
    if received != outcomes {
        return Err(format!("{received} PUBLISH packets were received, but {outcomes} are accounted for"));
    }
    let made = count(&[Counter::CopiesMade]);
    let delivered =
        count(&[Counter::DeliveredAtMostOnce, Counter::DeliveredAtLeastOnce, Counter::DeliveredExactlyOnce]);
    let (dropped, under_way) = (count(&DROPS), count(&[Counter::UnderWay]).cast_signed());
    let queued: usize = broker.sessions.slots().iter().map(|slot| slot.queued()).sum();
    let accounted = (delivered + dropped + queued as u64).cast_signed() + under_way;
    if made.cast_signed() == accounted {
        return Ok(());
    }
    Err(format!(
        "{made} copies were made, but {delivered} were delivered, {dropped} dropped, {queued} are queued, {under_way} under way"
    ))
}
