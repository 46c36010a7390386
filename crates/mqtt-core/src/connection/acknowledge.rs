//! The other packets of QoS 1 and 2 (4.3.2, 4.3.3).

use super::online::Online;
use super::{Context, Next};
use crate::window::Acked;
use mqtt_wire::{Ack, Packet, ReasonCode};

impl Online {
    /// An unknown identifier is ignored: PUBACK has no answer to complain with.
    pub(super) fn on_puback(&mut self, ack: &Ack<'_>) -> Next {
        self.session.window.on_puback(ack.packet_id);
        Next::Go
    }

    pub(super) fn on_pubrec(&mut self, ack: &Ack<'_>, cx: &mut Context<'_>) -> Next {
        let reason = match self.session.window.on_pubrec(ack.packet_id, ack.reason, cx.lane) {
            Acked::Done => return Next::Go,
            Acked::Release => ReasonCode::Success,
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
