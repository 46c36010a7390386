//! Telemetry as it is configured: our keys and the standard `OTEL_*` variables, resolved into one [`Telemetry`].
//!
//! A key of ours wins over the variable of the same meaning, as it is the more deliberate of the two. All variables are read here and nowhere
//! else; one that cannot be used is an error like that of a key, naming the variable. Nothing is exported unless an endpoint is named.

mod choice;
mod endpoint;
mod keys;
mod pairs;
mod plan;
mod resolve;
mod sampling;
mod variables;

pub use choice::{Compression, Protocol, Temporality};
pub use keys::{LogFormat, LogKeys, LogTarget, TelemetryKeys};
pub use plan::{Batch, Destination, Export, Propagating, Root, Sampling, Telemetry};
pub use resolve::resolve;
