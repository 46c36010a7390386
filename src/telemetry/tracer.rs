//! The observer that traces: asks the sampler about every packet, and hands over what is traced as records, without waiting.

use super::fan_out::{Expected, FanOut};
use super::record::{Connect, Deliver, FILTERS, Message, Place, Publish, Record, What, cut};
use super::sampler::{Decision, Sampler, Subject};
use super::signal::{Signal, Tally};
use super::{random, time};
use mqtt_server::{ConnectionEvent, Event, Follow, Happening, Peer, Publishing, Source, Trace};
use mqtt_wire::{PacketId, PacketType, Properties, ReasonCode, Version};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

/// A wait after which a delivery is no part of its publish any more: it begins a trace of its own.
const APART: Duration = Duration::from_secs(1);

/// Traces packets.
pub struct Tracer {
    /// Which ones.
    pub sampler: Sampler,
    fan_out: FanOut,
    expected: Expected,
    messages: SyncSender<Message>,
    tally: Arc<Tally>,
}

impl Tracer {
    /// Hands records over to `messages`.
    pub fn new(sampler: Sampler, messages: SyncSender<Message>, tally: Arc<Tally>) -> Tracer {
        Tracer { sampler, fan_out: FanOut::new(), expected: Expected::new(), messages, tally }
    }

    /// See [`mqtt_server::MessageObserver::on_publish`].
    #[inline]
    pub fn on_publish(&self, publish: &Publishing<'_>) -> Option<Follow> {
        let Publishing { client_id, topic, properties, .. } = *publish;
        if topic.starts_with('$') {
            return None;
        }
        let decision = self.sampler.decide(Subject { client_id, topic: Some(topic), properties })?;
        let Decision { trace_id, parent_id, state, propagation } = decision;
        let span_id = random::span_id();
        let trace = Trace { trace_id, span_id, parent_id, state, started: time::now(), marks: 0 };
        Some(Follow { trace: Box::new(trace), propagation })
    }

    /// See [`mqtt_server::MessageObserver::on_event`].
    pub fn on_event(&self, event: &Event<'_>) {
        match *event {
            Event::Routed { trace: Some(trace), publish, copies, reason } => {
                self.routed(trace, publish, copies, reason)
            }
            Event::Sent { trace, .. } if trace.trace_id != 0 => self.sent(event),
            Event::Acknowledged { trace, client_id, packet_id, packet, reason, .. } => {
                let key = key(trace, client_id, packet_id);
                if self.expected.remove(key) {
                    let by = if packet == PacketType::PubRec { "pubrec" } else { "puback" };
                    self.hand_over(Message::Acknowledged(key, by, reason, time::now()));
                }
            }
            Event::Dropped { trace, client_id, message, why } if trace.trace_id != 0 => {
                let what = What::Drop { topic: cut(message.topic()).into(), why: why.name() };
                self.dropped(trace, client_id, what);
            }
            Event::Subscribed { client_id, version, properties, filters, reasons } => {
                self.filters("subscribe", client_id, version, properties, filters, reasons);
            }
            Event::Unsubscribed { client_id, version, properties, filters, reasons } => {
                self.filters("unsubscribe", client_id, version, properties, filters, reasons);
            }
            _ => {}
        }
    }

    /// See [`mqtt_server::Observer::on_connection`]. The trace and span, if it is traced.
    pub fn on_connection(&self, event: &ConnectionEvent<'_>) -> Option<(u128, u64)> {
        let (session_present, keep_alive, authentication, refused) = match event.what {
            Happening::Connected { session_present, keep_alive, authentication } => {
                (session_present, keep_alive, authentication, None)
            }
            Happening::Refused { reason, .. } => (false, 0, Duration::ZERO, Some(reason.name())),
            Happening::Closed { .. } => return None,
        };
        // What never said who it is, such as a port scan, is for the log alone.
        let client_id = event.client_id?;
        let properties = Properties::default();
        let decision = self.sampler.decide(Subject { client_id, topic: None, properties })?;
        let now = time::now();
        let start = now.saturating_sub(u64::try_from(event.age.as_nanos()).unwrap_or(u64::MAX));
        let place = Place { trace_id: decision.trace_id, span_id: random::span_id(), ..Place::default() };
        let ids = (place.trace_id, place.span_id);
        let what = What::Connect(Connect {
            endpoint: event.endpoint.into(),
            transport: event.transport,
            peer: match event.peer {
                Peer::Address(address) => Some(address),
                Peer::Local => None,
            },
            version: event.version,
            session_present,
            keep_alive,
            authentication,
            refused,
        });
        self.record(place, start, now, client_id, what);
        Some(ids)
    }

    fn routed(&self, trace: &Trace, publish: &Publishing<'_>, copies: u32, reason: ReasonCode) {
        if trace.trace_id == 0 {
            return;
        }
        let place = Place {
            trace_id: trace.trace_id,
            span_id: trace.span_id,
            parent_id: trace.parent_id,
            state: trace.state.clone(),
            link: None,
        };
        let what = What::Publish(Publish {
            topic: cut(publish.topic).into(),
            version: publish.version,
            qos: publish.qos,
            retain: publish.retain,
            dup: publish.dup,
            packet_id: publish.packet_id.map_or(0, PacketId::get),
            size: publish.payload,
            copies,
            deliveries: self.sampler.deliveries(),
            reason,
        });
        self.record(place, trace.started, time::now(), publish.client_id, what);
    }

    fn sent(&self, event: &Event<'_>) {
        let Event::Sent { trace, client_id, message, qos, packet_id, source, share, waited } = *event else { return };
        if !self.fan_out.admit(trace.span_id, self.sampler.deliveries()) {
            return;
        }
        let place = match source == Source::Retained || waited > APART {
            false => child(trace),
            true if self.sampler.take() => {
                Place { trace_id: random::trace_id(), link: Some((trace.trace_id, trace.span_id)), ..Place::default() }
            }
            true => return,
        };
        let awaits = packet_id.map_or(0, |packet_id| key(trace, client_id, packet_id));
        let what = What::Deliver(Deliver {
            topic: cut(message.topic()).into(),
            qos,
            packet_id: packet_id.map_or(0, PacketId::get),
            size: message.payload().len(),
            source,
            share: share.map(|share| cut(share).into()),
            waited,
            awaits,
            acknowledged: None,
        });
        if awaits != 0 {
            self.expected.insert(awaits);
        }
        let now = time::now();
        self.record(place, now, now, client_id, what);
    }

    fn dropped(&self, trace: &Trace, client_id: &str, what: What) {
        if self.fan_out.admit(trace.span_id, self.sampler.deliveries()) {
            let now = time::now();
            self.record(child(trace), now, now, client_id, what);
        }
    }

    fn filters(
        &self,
        operation: &'static str,
        client_id: &str,
        version: Version,
        properties: Properties<'_>,
        filters: &[&str],
        reasons: &[u8],
    ) {
        let Some(decision) = self.sampler.decide(Subject { client_id, topic: None, properties }) else { return };
        let place = Place {
            trace_id: decision.trace_id,
            parent_id: decision.parent_id,
            state: decision.state,
            ..Place::default()
        };
        let failed = reasons.iter().copied().find(|reason| *reason >= 0x80);
        let now = time::now();
        let what = What::Filters {
            operation,
            version,
            filters: filters.iter().take(FILTERS).map(|filter| cut(filter).into()).collect(),
            number: filters.len(),
            reasons: reasons.iter().copied().take(FILTERS).collect(),
            failed: failed.map(|reason| ReasonCode::from_u8(reason).map_or("refused", ReasonCode::name)),
        };
        self.record(place, now, now, client_id, what);
    }

    fn record(&self, place: Place, start: u64, end: u64, client_id: &str, what: What) {
        let record = Record { place, start, end, client_id: cut(client_id).into(), what };
        self.hand_over(Message::Record(Box::new(record)));
    }

    fn hand_over(&self, message: Message) {
        if self.messages.try_send(message).is_err() {
            self.tally.dropped(Signal::Traces, 1);
        }
    }
}

fn child(trace: &Trace) -> Place {
    Place { trace_id: trace.trace_id, parent_id: trace.span_id, ..Place::default() }
}

/// Tells a delivery from all others, and is not 0.
fn key(trace: &Trace, client_id: &str, packet_id: PacketId) -> u64 {
    let mut hasher = DefaultHasher::new();
    (trace.span_id, client_id, packet_id.get()).hash(&mut hasher);
    hasher.finish().max(1)
}
