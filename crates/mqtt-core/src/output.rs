//! Bytes on their way to a socket.

use crate::Message;

/// Payloads from this size on are not copied behind their header but sent from the message.
const LARGE: usize = 4096;

/// What one connection has to write: small packets one after another in one buffer, large payloads by reference between them.
#[derive(Debug, Default)]
pub struct Output {
    /// Everything but the large payloads. Packets are appended here.
    pub small: Vec<u8>,
    /// Large payloads, each with the place in `small` it comes after.
    large: Vec<(usize, Message)>,
    large_bytes: usize,
}

impl Output {
    /// Nothing to write.
    pub fn new() -> Output {
        Output::default()
    }

    /// Bytes to write.
    pub fn len(&self) -> usize {
        self.small.len() + self.large_bytes
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.small.is_empty()
    }

    /// Forgets everything; the buffer's memory stays.
    pub fn clear(&mut self) {
        self.small.clear();
        self.large.clear();
        self.large_bytes = 0;
    }

    /// Appends the payload of a PUBLISH whose head has just been appended.
    pub(crate) fn put_payload(&mut self, message: &Message) {
        let payload = message.payload();
        if payload.len() < LARGE {
            self.small.extend_from_slice(payload);
        } else {
            self.large_bytes += payload.len();
            self.large.push((self.small.len(), message.clone()));
        }
    }

    /// Appends all of `other`.
    pub fn append(&mut self, other: &mut Output) {
        let before = self.small.len();
        self.small.append(&mut other.small);
        self.large.extend(other.large.drain(..).map(|(at, message)| (before + at, message)));
        self.large_bytes += std::mem::take(&mut other.large_bytes);
    }

    /// Whether everything stands in `small`.
    pub fn is_flat(&self) -> bool {
        self.large.is_empty()
    }

    /// The pieces to write, in order, without the first `skip` bytes.
    pub fn chunks(&self, mut skip: usize) -> impl Iterator<Item = &[u8]> {
        let ends = self.large.iter().map(|(at, message)| (*at, message.payload()));
        let mut start = 0;
        let pieces = ends.chain(std::iter::once((self.small.len(), &[][..]))).flat_map(move |(end, payload)| {
            let head = &self.small[start..end];
            start = end;
            [head, payload]
        });
        pieces.filter_map(move |piece| {
            let skipped = skip.min(piece.len());
            skip -= skipped;
            Some(&piece[skipped..]).filter(|piece| !piece.is_empty())
        })
    }

    /// Drops the first `written` bytes by copying what is left; large payloads stay references where nothing of them was written.
    pub fn rest(&self, written: usize) -> Output {
        let mut rest = Output::new();
        let (mut start, mut skip) = (0, written);
        for (end, message) in &self.large {
            let head = &self.small[start..*end];
            start = *end;
            rest.small.extend_from_slice(&head[skip.min(head.len())..]);
            skip -= skip.min(head.len());
            let payload = message.payload();
            if skip == 0 {
                rest.large_bytes += payload.len();
                rest.large.push((rest.small.len(), message.clone()));
            } else {
                rest.small.extend_from_slice(&payload[skip.min(payload.len())..]);
                skip -= skip.min(payload.len());
            }
        }
        let tail = &self.small[start..];
        rest.small.extend_from_slice(&tail[skip.min(tail.len())..]);
        rest
    }
}
