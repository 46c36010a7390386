//! Control frames of a server that wait for the border of a frame and for room in the socket.

use super::frame::{CONTROL_MAX, ControlPayload, Head, Opcode};

/// At most one frame of each kind waits: a client that asks without reading costs no memory.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// The frame that is being written, and how much of it is out.
    frame: Vec<u8>,
    written: usize,
    pong: Option<ControlPayload>,
    ping: bool,
    /// A Close, with its code if it has one.
    close: Option<Option<u16>>,
}

impl Outbox {
    /// Answers a Ping. An earlier answer that still waits is replaced, which is allowed (RFC 6455, 5.5.3).
    pub(super) fn pong(&mut self, payload: ControlPayload) {
        self.pong = Some(payload);
    }

    pub(super) fn ping(&mut self) {
        self.ping = true;
    }

    /// The last frame: what waits in front of it and has not begun is dropped.
    pub(super) fn close(&mut self, code: Option<u16>) {
        (self.pong, self.ping, self.close) = (None, false, Some(code));
    }

    /// What is to be written next; empty when nothing waits.
    pub(super) fn unwritten(&mut self) -> &[u8] {
        if self.written == self.frame.len() {
            self.written = 0;
            self.frame.clear();
            if let Some(payload) = self.pong.take() {
                self.begin(Opcode::Pong, payload.as_slice());
            } else if std::mem::take(&mut self.ping) {
                self.begin(Opcode::Ping, &[]);
            } else if let Some(code) = self.close.take() {
                let code = code.map(u16::to_be_bytes);
                self.begin(Opcode::Close, code.as_ref().map_or(&[], |code| code.as_slice()));
            }
        }
        &self.frame[self.written..]
    }

    /// `count` of the bytes that were to be written are out.
    pub(super) fn on_written(&mut self, count: usize) {
        self.written += count;
    }

    fn begin(&mut self, opcode: Opcode, payload: &[u8]) {
        debug_assert!(payload.len() <= CONTROL_MAX);
        self.frame.extend_from_slice(Head::new(opcode, payload.len()).as_slice());
        self.frame.extend_from_slice(payload);
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Control, Deframer, Window};
    use super::*;

    fn payload(text: &[u8]) -> ControlPayload {
        let mut bytes = [&[0x89, 0x80 | text.len() as u8, 0, 0, 0, 0], text].concat();
        match Deframer::new().next(&mut Window::new(&mut bytes)) {
            Ok(Some(Control::Ping(payload))) => payload,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_frame_once_begun_is_finished_and_of_the_pongs_behind_it_the_last_one_counts() {
        let mut outbox = Outbox::default();
        outbox.pong(payload(b"one"));
        assert_eq!(outbox.unwritten(), b"\x8a\x03one");
        outbox.on_written(3);
        outbox.pong(payload(b"two"));
        outbox.pong(payload(b"three"));
        outbox.ping();
        assert_eq!(outbox.unwritten(), b"ne");
        outbox.on_written(2);
        assert_eq!(outbox.unwritten(), b"\x8a\x05three");
        outbox.on_written(7);
        assert_eq!(outbox.unwritten(), b"\x89\x00");
        outbox.on_written(2);
        assert_eq!(outbox.unwritten(), b"");
    }

    #[test]
    fn a_close_goes_before_everything_that_has_not_begun() {
        let mut outbox = Outbox::default();
        outbox.ping();
        outbox.pong(payload(b""));
        outbox.close(Some(1000));
        assert_eq!(outbox.unwritten(), b"\x88\x02\x03\xe8");
        outbox.on_written(4);
        assert_eq!(outbox.unwritten(), b"");
        outbox.close(None);
        assert_eq!(outbox.unwritten(), b"\x88\x00");
    }
}
