//! The standard `OTEL_*` variables, one at a time. An empty one is one that is not set (OpenTelemetry, "Environment Variable Specification").

use crate::config::error::{ConfigError, MASK, Problem};
use crate::config::paths;
use crate::config::scalar::Scalar;
use std::ffi::OsString;
use std::time::Duration;

/// A kind of telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Numbers.
    Metrics,
    /// Log records.
    Logs,
}

impl Signal {
    /// As in names of variables.
    pub fn word(self) -> &'static str {
        match self {
            Signal::Traces => "TRACES",
            Signal::Metrics => "METRICS",
            Signal::Logs => "LOGS",
        }
    }
}

/// The process's variables, and what is wrong with those that were asked for.
pub struct Variables<'a> {
    environment: &'a [(OsString, OsString)],
    pub errors: Vec<ConfigError>,
}

/// A reader of one variable's text: the value, or what is allowed.
type Reader<T> = fn(&str) -> Result<T, String>;

impl<'a> Variables<'a> {
    /// Reads from these.
    pub fn new(environment: &'a [(OsString, OsString)]) -> Variables<'a> {
        Variables { environment, errors: Vec::new() }
    }

    /// The text of a variable that is set and not empty.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let value = paths::variable(name, self.environment)?;
        match value.to_str() {
            Some(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            None => {
                self.error(name, Problem::Contradiction("the value is not UTF-8".to_owned()));
                None
            }
        }
    }

    /// A value.
    pub fn read<T>(&mut self, name: &str, reader: Reader<T>) -> Option<T> {
        let text = self.text(name)?;
        match reader(&text) {
            Ok(value) => Some(value),
            Err(allowed) => {
                self.not_allowed(name, text, allowed);
                None
            }
        }
    }

    /// A value that is never shown.
    pub fn read_secret<T>(&mut self, name: &str, reader: Reader<T>) -> Option<T> {
        let text = self.text(name)?;
        match reader(&text) {
            Ok(value) => Some(value),
            Err(allowed) => {
                self.not_allowed(name, MASK.to_owned(), allowed);
                None
            }
        }
    }

    /// A value of the kinds that keys have.
    pub fn scalar<T: Scalar>(&mut self, name: &str) -> Option<T> {
        self.read(name, T::parse)
    }

    /// The name of the variable of one signal, or else that of all, whichever is set: `OTEL_EXPORTER_OTLP_{SIGNAL_}{what}`.
    pub fn of_signal(&mut self, signal: Signal, what: &str) -> Option<String> {
        let names = [format!("OTEL_EXPORTER_OTLP_{}_{what}", signal.word()), format!("OTEL_EXPORTER_OTLP_{what}")];
        names.into_iter().find(|name| self.text(name).is_some())
    }

    /// A value is not allowed.
    pub fn not_allowed(&mut self, name: &str, value: String, allowed: String) {
        self.error(name, Problem::NotAllowed { value, allowed });
    }

    /// Variables do not fit together.
    pub fn contradiction(&mut self, name: &str, text: &str) {
        self.error(name, Problem::Contradiction(text.to_owned()));
    }

    fn error(&mut self, name: &str, problem: Problem) {
        let error = ConfigError { key: name.to_owned(), origin: "the environment".to_owned(), problem };
        // The same variable serves several signals.
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }
}

/// `true` or `false`.
///
/// # Errors
/// What is allowed.
pub fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("true or false".to_owned()),
    }
}

/// A time in milliseconds.
///
/// # Errors
/// What is allowed.
pub fn milliseconds(text: &str) -> Result<Duration, String> {
    let number = text.parse().ok().filter(|number| (1..=86_400_000).contains(number));
    number.map(Duration::from_millis).ok_or_else(|| "a number of milliseconds from 1 to 86400000".to_owned())
}

/// A number of things that wait.
///
/// # Errors
/// What is allowed.
pub fn number(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=1_000_000).contains(number));
    number.ok_or_else(|| "a whole number from 1 to 1000000".to_owned())
}

/// Whether W3C Trace Context is among the propagators. Baggage is a user property like any other, which goes on unaltered.
///
/// # Errors
/// What is allowed.
pub fn propagators(text: &str) -> Result<bool, String> {
    let mut context = false;
    for word in text.split(',') {
        match word.trim().to_ascii_lowercase().as_str() {
            "tracecontext" => context = true,
            "baggage" | "none" | "" => {}
            _ => return Err("tracecontext, baggage, both with a comma, or none".to_owned()),
        }
    }
    Ok(context)
}
