//! The other packets of QoS 1 and 2 (4.3.2, 4.3.3).

use super::online::Online;
use super::{Context, Next};
use crate::window::Acked;
use crate::{Counter, Delivery, Event};
use mqtt_wire::{Ack, Packet, PacketType, ReasonCode};
use std::time::Duration;

impl Online {
    /// An unknown identifier is ignored: PUBACK has no answer to complain with.
    pub(super) fn on_puback(&mut self, ack: &Ack<'_>, cx: &mut Context<'_>) -> Next {
        if let Acked::Done(Some(delivery)) = self.session.window.on_puback(ack.packet_id) {
            self.settled(&delivery, PacketType::PubAck, ack, cx);
        }
        Next::Go
    }

    /// A delivery has come to its end, good or bad.
    fn settled(&self, delivery: &Delivery, packet: PacketType, ack: &Ack<'_>, cx: &Context<'_>) {
        let after = Duration::from_millis((cx.now.as_millis() as u32).wrapping_sub(delivery.sent).into());
        cx.broker.counters.count(match packet {
            _ if ack.reason.is_failure() => Counter::DroppedRejected,
            PacketType::PubAck => Counter::DeliveredAtLeastOnce,
            _ => Counter::DeliveredExactlyOnce,
        });
        cx.broker.acknowledgements.record(after);
        if let (Some(trace), Some(observer)) = (delivery.message.trace(), cx.broker.watch.observer()) {
            observer.on_event(&Event::Acknowledged {
                trace,
                client_id: self.session.client_id(),
                message: &delivery.message,
                packet_id: ack.packet_id,
                packet,
                reason: ack.reason,
                after,
            });
        }
    }

    pub(super) fn on_pubrec(&mut self, ack: &Ack<'_>, cx: &mut Context<'_>) -> Next {
        let reason = match self.session.window.on_pubrec(ack.packet_id, ack.reason, cx.lane) {
            Acked::Done(delivery) => {
                delivery.iter().for_each(|delivery| self.settled(delivery, PacketType::PubRec, ack, cx));
                return Next::Go;
            }
            Acked::Release(delivery) => {
                delivery.iter().for_each(|delivery| self.settled(delivery, PacketType::PubRec, ack, cx));
                ReasonCode::Success
            }
            // The client holds a message that this session does not know: it may let it go.
            Acked::Unknown if ack.reason.is_failure() => return Next::Go,
            Acked::Unknown => ReasonCode::PacketIdentifierNotFound,
        };
        self.put(&Packet::PubRel(Ack::new(ack.packet_id, reason)), cx)
    }

    pub(super) fn on_pubrel(&mut self, ack: &Ack<'_>, cx: &mut Context<'_>) -> Next {
        let reason = match self.received(cx.lane).remove(ack.packet_id) {
            true => ReasonCode::Success,
            false => ReasonCode::PacketIdentifierNotFound, // [MQTT-4.3.3-11]
        };
        self.put(&Packet::PubComp(Ack::new(ack.packet_id, reason)), cx)
    }

    pub(super) fn on_pubcomp(&mut self, ack: &Ack<'_>) -> Next {
        self.session.window.on_pubcomp(ack.packet_id);
        Next::Go
    }
}
