//! How connections ended, by reason.

use crate::{Happening, Side};
use mqtt_wire::ReasonCode;
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// Connections refused and closed, by reason code; at most as many entries as there are codes and sides.
#[derive(Default)]
pub(crate) struct Endings(Mutex<Table>);

#[derive(Clone, Default)]
pub(crate) struct Table {
    /// Before the client was online.
    pub(crate) refused: BTreeMap<ReasonCode, u64>,
    /// Afterwards.
    pub(crate) closed: BTreeMap<(Side, ReasonCode), u64>,
}

impl Endings {
    pub(crate) fn count(&self, what: &Happening<'_>) {
        match *what {
            Happening::Connected { .. } => {}
            Happening::Refused { reason, .. } => *self.0.lock().refused.entry(reason).or_default() += 1,
            Happening::Closed { reason, by, .. } => *self.0.lock().closed.entry((by, reason)).or_default() += 1,
        }
    }

    pub(crate) fn read(&self) -> Table {
        self.0.lock().clone()
    }
}
