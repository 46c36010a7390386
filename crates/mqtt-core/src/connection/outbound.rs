//! What goes to the client: exchanges to send again, retained messages it asked for, deliveries from its inbox. Each as far as the output's
//! budget and the client's Receive Maximum allow.

use super::Context;
use super::handshake::LARGEST_PACKET;
use super::online::Online;
use crate::delivery::Origin;
use crate::slot::Rest;
use crate::window::InFlight;
use crate::{CONTROL, Counter, Delivery, Event, Source, policy};
use mqtt_wire::{Ack, Outgoing, Packet, PacketId, PacketType, QoS, ReasonCode};
use std::task::Waker;
use std::time::Duration;

/// Deliveries taken from the inbox under one lock.
const BATCH: usize = 64;

/// Retained messages taken from the store under one lock.
const REPLAY_BATCH: usize = 64;

/// Messages up to here fit every packet of a client without Maximum Packet Size: the size need not be computed.
const SURELY_SMALL: usize = 64 * 1024 * 1024;

/// Whether a PUBLISH is sent for the first time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attempt {
    First,
    Again,
}

impl Online {
    /// Fills the output up to some `budget` bytes and registers `waker`; returns whether more could be sent once the output is written.
    pub(super) fn pull(&mut self, budget: usize, waker: &Waker, cx: &mut Context<'_>) -> bool {
        if self.resends.is_some() {
            self.resend(budget, cx);
        }
        // New messages wait until the old ones are out: order [MQTT-4.6.0-6].
        let resending = self.resends.is_some();
        let replaying = !resending && self.session.replays.is_some() && self.replay(budget / 2, cx);
        let mut batch = std::mem::take(&mut cx.scratch.deliveries);
        let rest = loop {
            let wanted = if resending || cx.is_full(budget) { 0 } else { BATCH };
            let room = self.session.window.room(self.quota);
            let balance = self.session.window.take_balance();
            self.report_under_way(cx);
            let rest = self.session.slot.take(wanted, room, balance, waker, cx.broker.budget(), &mut batch);
            let took = !batch.is_empty();
            for mut delivery in batch.drain(..) {
                delivery.retain &= policy::knows_retain_as_published(self.version);
                self.send(delivery, Source::Published, cx);
            }
            // What was dropped left its place in the window to what comes behind it.
            let room_left = took && self.session.window.room(self.quota) > 0;
            match rest {
                Rest::More => {}
                Rest::Blocked if wanted > 0 && room_left => {}
                Rest::Blocked | Rest::Empty => {
                    if rest == Rest::Blocked && wanted > 0 {
                        cx.broker.counters.count(Counter::InFlightReached);
                    }
                    break rest;
                }
            }
        };
        cx.scratch.deliveries = batch;
        self.report_under_way(cx);
        match self.session.window.take_balance() {
            0 => {}
            balance => self.session.slot.settle(balance, cx.broker.budget()), // something was dropped on its way out
        }
        replaying || (rest == Rest::Blocked && cx.is_full(budget))
    }

    fn report_under_way(&mut self, cx: &Context<'_>) {
        match self.session.window.take_under_way() {
            0 => {}
            change => cx.broker.counters.shift(Counter::UnderWay, change),
        }
    }

    /// Sends one delivery for the first time, unless it expired [MQTT-3.3.2-5].
    fn send(&mut self, mut delivery: Delivery, source: Source, cx: &mut Context<'_>) {
        if delivery.message.is_expired(cx.now) {
            cx.broker.dropped(&self.session.slot, &delivery.message, Counter::DroppedExpired);
            if delivery.qos > QoS::AtMostOnce {
                self.session.window.drop_counted(&delivery);
            }
            return;
        }
        if delivery.qos == QoS::AtMostOnce {
            if self.put_publish(&delivery, None, Attempt::First, cx) {
                cx.broker.counters.count(Counter::DeliveredAtMostOnce);
                self.tell_sent(&delivery, None, source, cx);
            }
            return;
        }
        delivery.sent = cx.now.as_millis() as u32;
        // The exchange is opened first: what is too large for the client counts as delivered [MQTT-3.1.2-25].
        let id = self.session.window.open_next(delivery.clone());
        match self.put_publish(&delivery, Some(id), Attempt::First, cx) {
            true => self.tell_sent(&delivery, Some(id), source, cx),
            false => self.session.window.abandon(id),
        }
    }

    fn tell_sent(&self, delivery: &Delivery, packet_id: Option<PacketId>, source: Source, cx: &Context<'_>) {
        let Some(trace) = delivery.message.trace() else { return };
        let Some(observer) = cx.broker.watch.observer() else { return };
        let waited = cx.now.as_millis().saturating_sub(delivery.message.received().as_millis());
        observer.on_event(&Event::Sent {
            trace,
            client_id: self.session.client_id(),
            message: &delivery.message,
            qos: delivery.qos,
            packet_id,
            source,
            share: delivery.origin.share(),
            waited: Duration::from_millis(waited),
        });
    }

    /// Appends a PUBLISH; `false` if it is too large for the client.
    fn put_publish(
        &mut self,
        delivery: &Delivery,
        id: Option<PacketId>,
        attempt: Attempt,
        cx: &mut Context<'_>,
    ) -> bool {
        let message = &delivery.message;
        // Lanes overtake one another: an alias may be used only behind the packet that gave it.
        let aliases = self.aliases_sent.as_mut().filter(|_| delivery.lane == CONTROL);
        let alias = aliases.and_then(|aliases| aliases.alias(message));
        let known = alias.is_some_and(|(_, known)| known);
        let outgoing = Outgoing {
            dup: attempt == Attempt::Again, // [MQTT-3.3.1-1], [MQTT-3.3.1-3]
            qos: delivery.qos,
            retain: delivery.retain,
            topic: if known { "" } else { message.topic() },
            packet_id: id,
            topic_alias: alias.map(|(alias, _)| alias),
            message_expiry_interval: message.remaining_expiry(cx.now),
            subscription_ids: delivery.origin.ids(),
            properties: message.properties(),
            payload: message.payload(),
        };
        let bounded = self.maximum_packet_size < LARGEST_PACKET || message.footprint() > SURELY_SMALL;
        if bounded && outgoing.size(self.version) > self.maximum_packet_size as usize {
            if let (Some(aliases), Some((_, false))) = (&mut self.aliases_sent, alias) {
                aliases.forget_last();
            }
            cx.broker.dropped(&self.session.slot, message, Counter::DroppedTooLarge);
            return false; // [MQTT-3.1.2-24]
        }
        let counters = &cx.broker.counters;
        let output = cx.output_of(delivery.lane);
        let before = output.small.len();
        outgoing.encode_head(self.version, &mut output.small);
        counters.publish_sent(delivery.qos, output.small.len() - before, message.payload().len());
        output.put_payload(message);
        true
    }

    /// Sends open exchanges of an earlier connection again: PUBLISH with DUP or PUBREL, under their old identifiers [MQTT-4.4.0-1].
    fn resend(&mut self, budget: usize, cx: &mut Context<'_>) {
        let Some(mut resends) = self.resends.take() else { return };
        while let Some(&id) = resends.front().filter(|_| !cx.is_full(budget)) {
            let open = usize::from(self.session.window.open());
            let sent = open.saturating_sub(resends.len());
            match self.session.window.get(id) {
                None => {}
                Some(InFlight::Released(_)) => {
                    let pubrel = Packet::PubRel(Ack::new(id, ReasonCode::Success));
                    let before = cx.output.small.len();
                    pubrel.encode(self.version, &mut cx.output.small);
                    cx.broker.counters.sent(PacketType::PubRel, cx.output.small.len() - before);
                }
                Some(InFlight::Published(_)) if sent >= usize::from(self.quota) => break, // [MQTT-3.3.4-9]
                Some(InFlight::Published(delivery)) => {
                    let delivery = delivery.clone();
                    if !self.put_publish(&delivery, Some(id), Attempt::Again, cx) {
                        self.session.window.abandon(id);
                    }
                }
            }
            resends.pop_front();
        }
        if !resends.is_empty() {
            self.resends = Some(resends);
        }
    }

    /// Sends retained messages for subscriptions made on this or an earlier connection; returns whether more could be sent at once.
    fn replay(&mut self, budget: usize, cx: &mut Context<'_>) -> bool {
        let Some(mut replays) = self.session.replays.take() else { return false };
        let mut found = std::mem::take(&mut cx.scratch.messages);
        let mut more = false;
        while let Some(replay) = replays.front_mut() {
            let room = match replay.qos {
                QoS::AtMostOnce => REPLAY_BATCH,
                QoS::AtLeastOnce | QoS::ExactlyOnce => self.session.window.room(self.quota).min(REPLAY_BATCH),
            };
            if room == 0 || cx.is_full(budget) {
                more = room > 0; // without room the next acknowledgement goes on
                break;
            }
            let over = cx.broker.retained.walk(&replay.filter, &mut replay.position, room, cx.now, &mut found);
            let (granted, id, lane) = (replay.qos, replay.id, replay.lane);
            if over {
                replays.pop_front();
            }
            cx.broker.counters.add(Counter::CopiesMade, found.len() as u64);
            for message in found.drain(..) {
                let qos = message.qos().min(granted);
                let delivery = Delivery { message, origin: Origin::of(id), qos, retain: true, lane, sent: 0 };
                if qos > QoS::AtMostOnce {
                    self.session.window.count(&delivery);
                }
                self.send(delivery, Source::Retained, cx);
            }
        }
        cx.scratch.messages = found;
        self.session.replays = Some(replays).filter(|replays| !replays.is_empty());
        more
    }
}
