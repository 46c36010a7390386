//! Spans of the program's own doings, such as a reload, out of `tracing`: few, long, and never on the path of messages.

use super::Telemetry;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider, Span, SpanData, SpanProcessor,
};
use std::sync::Arc;
use std::time::Duration;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, filter};

/// The processor that the spans of messages go to as well; whoever owns it ends it.
#[derive(Debug)]
struct Shared(Arc<BatchSpanProcessor>);

impl SpanProcessor for Shared {
    fn on_start(&self, span: &mut Span, context: &opentelemetry::Context) {
        self.0.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        self.0.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// What makes the program's own spans.
pub(super) fn tracer(processor: Arc<BatchSpanProcessor>, resource: Resource) -> SdkTracer {
    // All of them: there are few, and whoever asks what a reload did wants to see it.
    let provider = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(Sampler::AlwaysOn)
        .with_span_processor(Shared(processor))
        .build();
    provider.tracer("lacewing")
}

impl Telemetry {
    /// A layer that turns spans of the program's modules into spans for the collector, and gives log records within them their trace; `None`
    /// where no traces are sent.
    pub fn own_spans<S>(&self) -> Option<Box<dyn Layer<S> + Send + Sync>>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let tracer = self.own.clone()?;
        let ours = |meta: &Metadata<'_>| meta.is_span() && meta.target().starts_with("lacewing");
        let layer = tracing_opentelemetry::layer().with_tracer(tracer).with_location(false).with_threads(false);
        Some(layer.with_filter(filter::filter_fn(ours)).boxed())
    }
}
