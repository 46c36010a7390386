//! Deliveries that are under way: their spans end with their acknowledgement, or without one after a while or when there are too many.

use super::fan_out::WAITING;
use super::record::{Record, What};
use mqtt_wire::ReasonCode;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// How long an acknowledgement is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Deliveries under way, by the key of their acknowledgement.
#[derive(Debug, Default)]
pub struct Awaiting {
    records: HashMap<u64, Record>,
    /// Keys in the order in which they came; some may be gone from `records` already.
    order: VecDeque<(u64, u64)>,
}

impl Awaiting {
    /// Keeps a delivery. Gives back the oldest if that is one too many, or another that had the same key.
    pub fn insert(&mut self, key: u64, record: Record) -> Option<Record> {
        self.order.push_back((key, record.start));
        let other = self.records.insert(key, record);
        if other.is_none() && self.order.len() > WAITING {
            return self.oldest();
        }
        other
    }

    /// An acknowledgement ends its delivery.
    pub fn acknowledge(&mut self, key: u64, by: &'static str, reason: ReasonCode, at: u64) -> Option<Record> {
        let mut record = self.records.remove(&key)?;
        record.end = at;
        if let What::Deliver(deliver) = &mut record.what {
            deliver.acknowledged = Some((by, reason));
        }
        Some(record)
    }

    /// Deliveries that have waited long enough at `now`, in nanoseconds since the Unix epoch.
    pub fn overdue(&mut self, now: u64) -> Vec<Record> {
        let patience = u64::try_from(PATIENCE.as_nanos()).unwrap_or(u64::MAX);
        let mut overdue = Vec::new();
        while self.order.front().is_some_and(|(_, start)| start.saturating_add(patience) <= now) {
            overdue.extend(self.oldest());
        }
        overdue
    }

    /// All of them, at the end.
    pub fn drain(&mut self) -> Vec<Record> {
        self.order.clear();
        self.records.drain().map(|(_, record)| record).collect()
    }

    fn oldest(&mut self) -> Option<Record> {
        let (key, start) = self.order.pop_front()?;
        // Another one may have its key by now.
        let same = self.records.get(&key).is_some_and(|record| record.start == start);
        if same { self.records.remove(&key) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::{Deliver, Place};
    use super::*;
    use mqtt_server::Source;
    use mqtt_wire::QoS;

    fn record(key: u64, start: u64) -> Record {
        let deliver = Deliver {
            topic: "a".into(),
            qos: QoS::AtLeastOnce,
            packet_id: 1,
            size: 0,
            source: Source::Published,
            share: None,
            waited: Duration::ZERO,
            awaits: key,
            acknowledged: None,
        };
        Record { place: Place::default(), start, end: start, client_id: "c".into(), what: What::Deliver(deliver) }
    }

    fn starts(records: &[Record]) -> Vec<u64> {
        records.iter().map(|record| record.start).collect()
    }

    #[test]
    fn an_acknowledgement_ends_a_delivery_once() {
        let mut awaiting = Awaiting::default();
        assert!(awaiting.insert(7, record(7, 100)).is_none());
        let ended = awaiting.acknowledge(7, "puback", ReasonCode::Success, 250).unwrap();
        assert_eq!((ended.start, ended.end), (100, 250));
        assert!(matches!(ended.what, What::Deliver(Deliver { acknowledged: Some(("puback", _)), .. })));
        assert!(awaiting.acknowledge(7, "puback", ReasonCode::Success, 300).is_none());
        assert!(awaiting.overdue(u64::MAX).is_empty());
    }

    #[test]
    fn patience_ends_and_a_key_that_came_again_is_not_taken_for_its_elder() {
        let mut awaiting = Awaiting::default();
        let patience = PATIENCE.as_nanos() as u64;
        awaiting.insert(1, record(1, 100));
        awaiting.acknowledge(1, "puback", ReasonCode::Success, 101);
        awaiting.insert(1, record(1, 200));
        assert!(awaiting.overdue(100 + patience).is_empty());
        assert_eq!(starts(&awaiting.overdue(200 + patience)), [200]);
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut awaiting = Awaiting::default();
        let given_back: Vec<Record> =
            (1..=WAITING as u64 + 2).filter_map(|key| awaiting.insert(key, record(key, key))).collect();
        assert_eq!(starts(&given_back), [1, 2]);
        assert_eq!(awaiting.drain().len(), WAITING);
    }
}
