//! How hard the machine is pressed, and what the broker does about it.

use std::sync::atomic::{AtomicU8, Ordering};

/// The steps of overload protection. Each does what the ones before do, and something more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Load {
    /// Nothing is held back.
    #[default]
    Normal,
    /// Clients that publish are not read: their messages stay in their own buffers.
    Slow,
    /// CONNECT is answered with 0x89 Server busy, in 3.x with 3.
    Refuse,
    /// QoS 0 messages are dropped for receivers that are behind.
    Shed,
    /// The receivers furthest behind are disconnected with 0x97 Quota exceeded.
    Disconnect,
}

impl Load {
    /// Every step, from none to the hardest.
    pub const ALL: [Load; 5] = [Load::Normal, Load::Slow, Load::Refuse, Load::Shed, Load::Disconnect];

    /// The name for logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Load::Normal => "normal",
            Load::Slow => "slow",
            Load::Refuse => "refuse",
            Load::Shed => "shed",
            Load::Disconnect => "disconnect",
        }
    }
}

/// The step that is in force.
#[derive(Debug, Default)]
pub struct LoadGauge(AtomicU8);

impl LoadGauge {
    /// The step in force.
    #[inline]
    pub fn get(&self) -> Load {
        Load::ALL[usize::from(self.0.load(Ordering::Relaxed)).min(Load::ALL.len() - 1)]
    }

    /// Puts a step in force.
    pub fn set(&self, load: Load) {
        self.0.store(load as u8, Ordering::Relaxed);
    }
}
