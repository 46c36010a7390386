//! Values of telemetry that are words out of a few, the same in keys and in variables.

use crate::config::scalar::{Scalar, scalar};

/// Makes an enum of words, which differ in case alone.
macro_rules! words {
    ($(#[doc = $doc:literal])+ $name:ident: $allowed:literal; $($(#[doc = $about:literal])+ $variant:ident = $($word:literal)|+),+ $(,)?) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[doc = $about])+ $variant),+
        }

        impl Scalar for $name {
            fn parse(text: &str) -> Result<Self, String> {
                match text.trim().to_ascii_lowercase().as_str() {
                    $($($word)|+ => Ok($name::$variant),)+
                    _ => Err($allowed.to_owned()),
                }
            }

            fn title() -> String {
                $allowed.to_owned()
            }
        }

        scalar!($name);
    };
}
pub(super) use words;

words! {
    /// How OTLP is spoken.
    Protocol: "grpc or http/protobuf";
    /// gRPC.
    Grpc = "grpc",
    /// Protocol Buffers over HTTP.
    Http = "http/protobuf" | "http",
}

words! {
    /// How requests are compressed.
    Compression: "none or gzip";
    /// Not at all.
    None = "none",
    /// gzip.
    Gzip = "gzip",
}

words! {
    /// Since when counts count.
    Temporality: "cumulative, delta or lowmemory";
    /// Since the start of the process.
    Cumulative = "cumulative",
    /// Since the last export.
    Delta = "delta",
    /// Histograms since the last export, the rest, which is read and not gathered, since the start.
    LowMemory = "lowmemory",
}

words! {
    /// Where a signal goes.
    Exporter: "otlp, console or none";
    /// By OTLP.
    Otlp = "otlp",
    /// To standard output.
    Console = "console" | "logging",
    /// Nowhere; what Prometheus reads it asks for itself.
    None = "none" | "prometheus",
}

words! {
    /// Which messages begin a trace, in the names of `OTEL_TRACES_SAMPLER`.
    Sampler: "always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or parentbased_traceidratio";
    /// All.
    AlwaysOn = "always_on",
    /// None.
    AlwaysOff = "always_off",
    /// A part.
    Ratio = "traceidratio",
    /// As the publisher says, else all.
    ParentOrAlwaysOn = "parentbased_always_on",
    /// As the publisher says, else none.
    ParentOrAlwaysOff = "parentbased_always_off",
    /// As the publisher says, else a part.
    ParentOrRatio = "parentbased_traceidratio",
}

words! {
    /// What receivers of a traced message find as its trace context.
    Propagation: "PassThrough, InjectIfMissing or Rewrite";
    /// What the publisher sent.
    PassThrough = "passthrough",
    /// The broker's own where the publisher sent none.
    InjectIfMissing = "injectifmissing",
    /// The broker's own, on some topics.
    Rewrite = "rewrite",
}

/// A part of the whole, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio(pub f64);

impl Scalar for Ratio {
    fn parse(text: &str) -> Result<Self, String> {
        let ratio = text.trim().parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        ratio.map(Ratio).ok_or_else(|| "a number from 0 to 1".to_owned())
    }

    fn title() -> String {
        "number 0..1".to_owned()
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "number", "minimum": 0, "maximum": 1 })
    }
}

scalar!(Ratio);
