//! Tasks to wake once a batch is done.

use std::task::Waker;

/// Wakers collected while messages are routed: a receiver is woken once per batch, after the batch.
#[derive(Debug, Default)]
pub struct Wakes(Vec<Waker>);

impl Wakes {
    /// None yet.
    pub fn new() -> Wakes {
        Wakes::default()
    }

    pub(crate) fn push(&mut self, waker: Waker) {
        self.0.push(waker);
    }

    /// Wakes all of them.
    pub fn wake_all(&mut self) {
        self.0.drain(..).for_each(Waker::wake);
    }
}
