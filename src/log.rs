//! What the program says on standard error: one line for each thing that happens rarely.

use crate::config::LogLevel;
use std::fmt::Display;
use std::sync::atomic::{AtomicU8, Ordering};

static LEVEL: AtomicU8 = AtomicU8::new(LogLevel::Info as u8);

/// Says this much from now on.
pub fn set_level(level: LogLevel) {
    LEVEL.store(level as u8, Ordering::Relaxed);
}

/// Writes a line, if so much is to be said.
pub fn say(level: LogLevel, text: impl Display) {
    if level as u8 <= LEVEL.load(Ordering::Relaxed) {
        let word = match level {
            LogLevel::Error => "error: ",
            LogLevel::Warn => "warning: ",
            LogLevel::Off | LogLevel::Info | LogLevel::Debug | LogLevel::Trace => "",
        };
        eprintln!("lacewing: {word}{text}");
    }
}
