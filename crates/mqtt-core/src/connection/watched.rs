//! A PUBLISH as the observer sees it, if it sees it at all.

use super::Scratch;
use crate::{Broker, Event, Follow, Observer, Publishing, SAMPLE, Trace};
use mqtt_wire::{Publish, ReasonCode, Version};

/// Nothing, but for a publish in the sample or while the broker is watched.
pub(super) struct Watched<'a>(Option<(&'a dyn Observer, Publishing<'a>)>);

impl<'a> Watched<'a> {
    #[inline]
    pub(super) fn new(
        client_id: &'a str,
        version: Version,
        topic: &'a str,
        publish: &Publish<'a>,
        broker: &'a Broker,
        scratch: &mut Scratch,
    ) -> Watched<'a> {
        scratch.unsampled += 1;
        let in_sample = scratch.unsampled >= SAMPLE;
        let watch = &broker.watch;
        let observer = match in_sample {
            false => watch.everything(),
            true => {
                scratch.unsampled = 0;
                watch.observer()
            }
        };
        Watched(observer.map(|observer| {
            let publishing = Publishing {
                client_id,
                version,
                topic,
                qos: publish.qos,
                retain: publish.retain,
                dup: publish.dup,
                packet_id: publish.packet_id,
                properties: publish.properties,
                payload: publish.payload.len(),
                in_sample,
            };
            (observer, publishing)
        }))
    }

    /// Whether the observer wants to follow the message.
    #[inline]
    pub(super) fn follow(&self) -> Option<Follow> {
        self.0.as_ref().and_then(|(observer, publishing)| observer.on_publish(publishing))
    }

    /// Tells what became of the message, if it is followed or in the sample.
    #[inline]
    pub(super) fn tell(&self, trace: Option<&Trace>, copies: u32, reason: ReasonCode) -> ReasonCode {
        if let Some((observer, publish)) = &self.0
            && (publish.in_sample || trace.is_some())
        {
            observer.on_event(&Event::Routed { trace, publish, copies, reason });
        }
        reason
    }
}
