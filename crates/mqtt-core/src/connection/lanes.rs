//! What each data lane of a connection has of its own.

use super::online::Online;
use crate::received::Received;
use crate::{CONTROL, alias};
use mqtt_wire::PacketId;
use std::collections::VecDeque;

/// The data lanes that were used.
#[derive(Default)]
pub(super) struct DataLanes {
    open: Vec<DataLane>,
    /// Whether a subscription was made on any, be it closed by now.
    subscribed: bool,
}

#[derive(Default)]
struct DataLane {
    number: u8,
    subscribed: bool,
    received: Received,
    aliases_received: Option<Box<alias::Received>>,
}

impl DataLanes {
    fn lane(&mut self, number: u8) -> &mut DataLane {
        let at = self.open.iter().position(|lane| lane.number == number).unwrap_or_else(|| {
            self.open.push(DataLane { number, ..DataLane::default() });
            self.open.len() - 1
        });
        &mut self.open[at]
    }
}

impl Online {
    fn data_lane(&mut self, number: u8) -> &mut DataLane {
        self.lanes.get_or_insert_default().lane(number)
    }

    /// QoS 2 messages received on a lane. Those of data lanes end with their lane.
    #[inline]
    pub(super) fn received(&mut self, lane: u8) -> &mut Received {
        match lane {
            CONTROL => &mut self.session.received,
            lane => &mut self.data_lane(lane).received,
        }
    }

    /// QoS 2 messages received and not released, on all lanes.
    pub(super) fn open_received(&self) -> usize {
        let data = self.lanes.iter().flat_map(|lanes| &lanes.open).map(|lane| lane.received.len());
        self.session.received.len() + data.sum::<usize>()
    }

    /// The client's Topic Aliases on a lane.
    #[inline]
    pub(super) fn aliases_received(&mut self, lane: u8) -> &mut Option<Box<alias::Received>> {
        match lane {
            CONTROL => &mut self.aliases_received,
            lane => &mut self.data_lane(lane).aliases_received,
        }
    }

    /// Notes that a subscription is made on `lane`, and returns it.
    pub(super) fn subscribing(&mut self, lane: u8) -> u8 {
        if lane != CONTROL {
            self.data_lane(lane).subscribed = true;
            self.lanes.get_or_insert_default().subscribed = true;
        }
        lane
    }

    /// See [`Connection::on_lane_closed`](super::Connection::on_lane_closed).
    pub(super) fn close_lane(&mut self, number: u8) -> bool {
        let recalled: Vec<PacketId> = self.session.window.recall(number);
        if !recalled.is_empty() {
            let resends: &mut VecDeque<PacketId> = self.resends.get_or_insert_default();
            resends.extend(recalled);
        }
        let Some(lanes) = &mut self.lanes else { return true };
        let Some(at) = lanes.open.iter().position(|lane| lane.number == number) else { return true };
        !lanes.open.swap_remove(at).subscribed
    }

    /// The connection is gone, and its lanes with it.
    pub(super) fn leave_lanes(&mut self) {
        let Some(lanes) = self.lanes.take() else { return };
        if lanes.subscribed && self.session.expiry > 0 {
            self.session.forget_lanes();
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::connection::{Connection, Context, Next, Scratch, Verdict};
    use crate::{Broker, Lane, Limits, Output, Timestamp, Versions, Wakes};
    use mqtt_wire::ReasonCode;
    use std::task::Waker;

    /// A client with some data lanes, and what the server sent on each lane.
    struct Client {
        core: Connection,
        outputs: Vec<Lane>,
    }

    const CONNECT: &[u8] = &[0x10, 19, 0, 4, b'M', b'Q', b'T', b'T', 5, 0, 0, 0, 5, 0x11, 0, 0, 0, 99, 0, 1];

    fn packet(first: u8, parts: &[&[u8]]) -> Vec<u8> {
        let body = parts.concat();
        [&[first, body.len() as u8], &body[..]].concat()
    }

    fn publish(first: u8, topic: &str, id: Option<u8>, properties: &[u8], payload: &str) -> Vec<u8> {
        let id: Vec<u8> = id.map_or(Vec::new(), |id| vec![0, id]);
        let head = [&[0, topic.len() as u8], topic.as_bytes(), &id, &[properties.len() as u8]].concat();
        packet(first, &[&head, properties, payload.as_bytes()])
    }

    fn subscribe(id: u8, filter: &str, options: u8) -> Vec<u8> {
        packet(0x82, &[&[0, id, 0, 0, filter.len() as u8], filter.as_bytes(), &[options]])
    }

    impl Client {
        fn with<T>(
            &mut self,
            broker: &Broker,
            lane: u8,
            act: impl FnOnce(&mut Connection, &mut Context<'_>) -> T,
        ) -> T {
            let (wakes, scratch) = (&mut Wakes::new(), &mut Scratch::default());
            let (control, lanes) = self.outputs.split_first_mut().expect("the first is the control lane");
            let output = &mut control.output;
            let mut cx = Context { broker, now: Timestamp::ZERO, lane, output, lanes, wakes, scratch };
            act(&mut self.core, &mut cx)
        }

        fn connect(broker: &Broker, lanes: u8) -> Client {
            let core = Connection::new(broker, Versions::default(), Timestamp::ZERO);
            let outputs = (0..=lanes).map(|number| Lane { number, output: Output::new() }).collect();
            let mut client = Client { core, outputs };
            let mut connect = CONNECT.to_vec();
            connect.push(b'c');
            client.with(broker, 0, |core, cx| {
                assert_eq!(core.on_bytes(&connect, cx), (connect.len(), Next::Authenticate));
                assert_eq!(core.on_verdict(Verdict::Accept(None), cx), Next::Claim);
                assert_eq!(core.claim(Waker::noop(), cx), Next::Go);
            });
            assert_eq!(client.took(0)[0], 0x20);
            client
        }

        fn send(&mut self, broker: &Broker, lane: u8, bytes: &[u8]) -> Next {
            let next = self.with(broker, lane, |core, cx| core.on_bytes(bytes, cx).1);
            self.pull(broker);
            next
        }

        fn pull(&mut self, broker: &Broker) {
            self.with(broker, 0, |core, cx| core.pull(64 * 1024, Waker::noop(), cx));
        }

        /// What was sent on a lane since the last call.
        fn took(&mut self, lane: u8) -> Vec<u8> {
            let lane = self.outputs.iter_mut().find(|other| other.number == lane).expect("an open lane");
            let bytes = lane.output.chunks(0).collect::<Vec<_>>().concat();
            lane.output.clear();
            bytes
        }

        fn close(&mut self, lane: u8) -> bool {
            self.outputs.retain(|other| other.number != lane);
            self.core.on_lane_closed(lane)
        }
    }

    fn broker() -> Broker {
        Broker::new(Limits { topic_aliases_sent: 0, ..Limits::default() })
    }

    #[test]
    fn answers_and_messages_come_on_the_lane_that_they_were_asked_for() {
        let broker = broker();
        let mut client = Client::connect(&broker, 2);
        client.send(&broker, 0, &publish(0x31, "kept", None, &[], "k"));
        client.send(&broker, 0, &subscribe(1, "a", 0));
        client.send(&broker, 1, &subscribe(1, "b", 0));
        client.send(&broker, 2, &subscribe(1, "kept", 0));
        let suback = [0x90, 4, 0, 1, 0, 0];
        assert_eq!((client.took(0), client.took(1)), (suback.to_vec(), suback.to_vec()));
        assert_eq!(client.took(2), [&suback[..], &publish(0x31, "kept", None, &[], "k")].concat());
        client.send(&broker, 2, &publish(0x32, "b", Some(9), &[], "x"));
        client.send(&broker, 1, &publish(0x32, "a", Some(9), &[], "y"));
        assert_eq!(client.took(0), publish(0x30, "a", None, &[], "y"));
        assert_eq!(client.took(1), [&publish(0x30, "b", None, &[], "x"), &[0x40, 2, 0, 9][..]].concat());
        assert_eq!(client.took(2), [0x40, 2, 0, 9]);
    }

    #[test]
    fn overlapping_subscriptions_share_one_copy_on_the_lowest_lane() {
        let broker = broker();
        let mut client = Client::connect(&broker, 2);
        client.send(&broker, 2, &subscribe(1, "a", 0));
        client.send(&broker, 1, &subscribe(1, "+", 0));
        client.send(&broker, 0, &publish(0x30, "a", None, &[], ""));
        assert_eq!(client.took(1).len(), 6 + publish(0x30, "a", None, &[], "").len());
        assert_eq!(client.took(2).len(), 6);
    }

    #[test]
    fn a_qos_2_identifier_means_another_message_on_another_lane() {
        let broker = broker();
        let mut client = Client::connect(&broker, 2);
        client.send(&broker, 0, &subscribe(1, "t", 0));
        client.took(0);
        for lane in [0, 1, 2] {
            client.send(&broker, lane, &publish(0x34, "t", Some(7), &[], "m"));
            client.send(&broker, lane, &publish(0x3C, "t", Some(7), &[], "m")); // the same again
            client.pull(&broker);
        }
        let message = publish(0x30, "t", None, &[], "m");
        let pubrec = [0x50, 2, 0, 7];
        assert_eq!(client.took(1), [pubrec, pubrec].concat());
        let control = client.took(0);
        assert_eq!(control.windows(message.len()).filter(|window| *window == message).count(), 3);
        assert!(client.close(1), "nothing names lane 1 any more");
        client.took(2);
        client.send(&broker, 2, &[0x62, 2, 0, 7]);
        assert_eq!(client.took(2), [0x70, 2, 0, 7]);
    }

    #[test]
    fn receive_maximum_counts_over_all_lanes() {
        let broker = Broker::new(Limits { receive_maximum: 2, ..Limits::default() });
        let mut client = Client::connect(&broker, 2);
        assert_eq!(client.send(&broker, 1, &publish(0x34, "t", Some(7), &[], "")), Next::Go);
        assert_eq!(client.send(&broker, 0, &publish(0x34, "t", Some(7), &[], "")), Next::Go);
        let Next::Close(close) = client.send(&broker, 2, &publish(0x34, "t", Some(7), &[], "")) else { panic!() };
        assert_eq!(close.reason, ReasonCode::ReceiveMaximumExceeded);
        assert!(client.took(2).is_empty(), "DISCONNECT goes over the control lane");
        assert!(client.took(0).ends_with(b"Maximum"));
    }

    #[test]
    fn topic_aliases_are_a_lanes_own() {
        let broker = broker();
        let mut client = Client::connect(&broker, 2);
        client.send(&broker, 1, &publish(0x30, "t", None, &[0x23, 0, 1], ""));
        assert_eq!(client.send(&broker, 1, &publish(0x30, "", None, &[0x23, 0, 1], "")), Next::Go);
        let next = client.send(&broker, 2, &publish(0x30, "", None, &[0x23, 0, 1], ""));
        assert!(matches!(next, Next::Close(_)), "{next:?}");
    }

    #[test]
    fn a_data_lane_carries_nothing_but_publications_and_subscriptions() {
        for first in [0x00, 0x10, 0xC0, 0xE0, 0xF0] {
            let broker = broker();
            let mut client = Client::connect(&broker, 1);
            let Next::Close(close) = client.send(&broker, 1, &[first]) else { panic!("{first:#x}") };
            assert_eq!(close.reason, ReasonCode::ProtocolError);
            let disconnect = client.took(0);
            assert_eq!((disconnect[0], disconnect[2]), (0xE0, 0x82));
        }
    }

    #[test]
    fn what_was_under_way_on_a_closed_lane_comes_again_on_the_control_lane() {
        let broker = broker();
        let mut client = Client::connect(&broker, 2);
        client.send(&broker, 1, &subscribe(1, "t", 2));
        client.send(&broker, 0, &publish(0x32, "t", Some(1), &[], "one"));
        client.send(&broker, 0, &publish(0x34, "t", Some(1), &[], "two"));
        client.send(&broker, 1, &[0x50, 2, 0, 2]); // PUBREC of the second
        assert!(client.took(1).ends_with(&[0x62, 2, 0, 2]));
        client.took(0);
        assert!(!client.close(1), "a subscription still names lane 1");
        client.pull(&broker);
        assert_eq!(client.took(0), [&publish(0x3A, "t", Some(1), &[], "one"), &[0x62, 2, 0, 2][..]].concat());
        client.send(&broker, 2, &publish(0x30, "t", None, &[], "three"));
        assert_eq!(client.took(0), publish(0x30, "t", None, &[], "three"));
    }

    #[test]
    fn lanes_end_with_their_connection() {
        let broker = broker();
        let mut client = Client::connect(&broker, 1);
        client.send(&broker, 1, &subscribe(1, "t", 1));
        client.send(&broker, 1, &subscribe(2, "$share/g/s", 1));
        client.send(&broker, 0, &publish(0x32, "t", Some(1), &[], "sent"));
        client.with(&broker, 0, |core, cx| core.on_bytes(&publish(0x32, "t", Some(1), &[], "waiting"), cx));
        client.with(&broker, 0, |core, cx| core.on_closed(cx));
        let mut again = Client::connect(&broker, 1);
        again.pull(&broker);
        again.send(&broker, 0, &publish(0x30, "s", None, &[], "new"));
        assert!(again.took(1).is_empty());
        let control = again.took(0);
        for payload in [&b"sent"[..], b"waiting", b"new"] {
            assert!(control.windows(payload.len()).any(|window| window == payload), "{control:x?}");
        }
    }
}
