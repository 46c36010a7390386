//! SUBSCRIBE and UNSUBSCRIBE (3.8, 3.10).

use super::online::Online;
use super::{Context, Next};
use crate::{Counter, Event, Limits, policy};
use mqtt_wire::{
    FilterTarget, Packet, Properties, PropertyId, QoS, ReasonCode, SubAck, Subscribe, SubscribeEntry, UnsubAck,
    Unsubscribe,
};

/// The filter is within the broker's bounds.
fn is_within(filter: &str, limits: &Limits) -> bool {
    filter.len() <= limits.topic_length && filter.split('/').count() <= limits.topic_levels
}

impl Online {
    pub(super) fn on_subscribe(&mut self, subscribe: &Subscribe<'_>, cx: &mut Context<'_>) -> Next {
        let id = subscribe.properties.number(PropertyId::SUBSCRIPTION_IDENTIFIER).unwrap_or(0);
        let mut reasons = Vec::new();
        for entry in subscribe.entries() {
            match self.subscribe(&entry, id, cx) {
                Ok(reason) => reasons.push(reason as u8),
                Err((reason, what)) => return self.refuse(reason, what, cx),
            }
        }
        if let Some(observer) = cx.broker.watch.everything() {
            let filters: Vec<&str> = subscribe.entries().map(|entry| entry.filter).collect();
            let (client_id, version) = (self.session.client_id(), self.version);
            let (properties, filters, reasons) = (subscribe.properties, &*filters, &*reasons);
            observer.on_event(&Event::Subscribed { client_id, version, properties, filters, reasons });
        }
        let suback = SubAck { packet_id: subscribe.packet_id, properties: Properties::NONE, reasons: &reasons };
        self.put(&Packet::SubAck(suback), cx)
    }

    /// One filter: the code for SUBACK, or why the connection ends.
    fn subscribe(
        &mut self,
        entry: &SubscribeEntry<'_>,
        id: u32,
        cx: &mut Context<'_>,
    ) -> Result<ReasonCode, (ReasonCode, &'static str)> {
        let broker = cx.broker;
        let target = match FilterTarget::parse(entry.filter) {
            Ok(target) => target,
            Err(error) if policy::closes_on_filter(self.version, error) => {
                return Err((ReasonCode::TopicFilterInvalid, "Topic Filter is invalid"));
            }
            Err(_) => return Ok(ReasonCode::TopicFilterInvalid),
        };
        if matches!(target, FilterTarget::Shared(..)) && entry.options.no_local {
            return Err((ReasonCode::ProtocolError, "No Local on a shared subscription")); // [MQTT-3.8.3-4]
        }
        if !is_within(entry.filter, &broker.limits()) {
            broker.counters.count(Counter::FiltersRefused);
            return Ok(ReasonCode::TopicFilterInvalid);
        }
        let bytes = self.session.subscription_bytes as usize + entry.filter.len();
        let full = self.session.subscriptions.len() >= broker.limits().subscriptions
            || bytes > broker.limits().subscription_bytes;
        if full && !broker.is_subscribed(&self.session, target) {
            broker.counters.count(Counter::SubscriptionsRefused);
            return Ok(ReasonCode::QuotaExceeded);
        }
        let lane = self.subscribing(cx.lane);
        broker.subscribe(&mut self.session, target, entry.options, id, lane);
        Ok(match entry.options.qos {
            QoS::AtMostOnce => ReasonCode::Success,
            QoS::AtLeastOnce => ReasonCode::GrantedQoS1,
            QoS::ExactlyOnce => ReasonCode::GrantedQoS2,
        })
    }

    pub(super) fn on_unsubscribe(&mut self, unsubscribe: &Unsubscribe<'_>, cx: &mut Context<'_>) -> Next {
        let mut reasons = Vec::new();
        for filter in unsubscribe.filters() {
            let reason = match FilterTarget::parse(filter) {
                Ok(target) if cx.broker.unsubscribe(&mut self.session, target) => ReasonCode::Success,
                Ok(_) => ReasonCode::NoSubscriptionExisted,
                Err(error) if policy::closes_on_filter(self.version, error) => {
                    return self.refuse(ReasonCode::TopicFilterInvalid, "Topic Filter is invalid", cx);
                }
                Err(_) => ReasonCode::TopicFilterInvalid,
            };
            reasons.push(reason as u8);
        }
        if let Some(observer) = cx.broker.watch.everything() {
            let filters: Vec<&str> = unsubscribe.filters().collect();
            let (client_id, version) = (self.session.client_id(), self.version);
            let (properties, filters, reasons) = (unsubscribe.properties, &*filters, &*reasons);
            observer.on_event(&Event::Unsubscribed { client_id, version, properties, filters, reasons });
        }
        let unsuback = UnsubAck { packet_id: unsubscribe.packet_id, properties: Properties::NONE, reasons: &reasons };
        self.put(&Packet::UnsubAck(unsuback), cx)
    }
}
