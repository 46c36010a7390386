//! What a worker thread lends to the connection that it runs at the moment.

use mqtt_core::{Output, Scratch, Wakes};
use std::cell::RefCell;

/// Bytes read from a socket at once.
const READ: usize = 64 * 1024;

/// Buffers that connections use one after another, so that an idle connection owns none.
pub(crate) struct Worker {
    pub(crate) read: Box<[u8]>,
    pub(crate) output: Output,
    pub(crate) wakes: Wakes,
    pub(crate) scratch: Scratch,
}

thread_local! {
    static WORKER: RefCell<Worker> = RefCell::new(Worker {
        read: vec![0; READ].into(),
        output: Output::new(),
        wakes: Wakes::new(),
        scratch: Scratch::default(),
    });
}

/// Lends the thread's worker to `turn`, which is synchronous and does not call this again.
pub(crate) fn with<T>(turn: impl FnOnce(&mut Worker) -> T) -> T {
    WORKER.with_borrow_mut(turn)
}
