//! Spans and metrics on standard output, one a line, for a look without a collector (`OTEL_TRACES_EXPORTER=console`). Log records are there
//! anyway.

use mqtt_server::metrics::{Family, Number};
use opentelemetry_sdk::trace::SpanData;
use std::io::Write;

/// Writes a span.
pub fn span(span: &SpanData) {
    let took = span.end_time.duration_since(span.start_time).unwrap_or_default();
    let attributes: Vec<String> =
        span.attributes.iter().map(|pair| format!("{}={:?}", pair.key, pair.value.as_str())).collect();
    let (trace, id, parent) = (span.span_context.trace_id(), span.span_context.span_id(), span.parent_span_id);
    print(&format!(
        "span {} trace={trace} span={id} parent={parent} took={took:?} {}",
        span.name,
        attributes.join(" ")
    ));
}

/// Writes a metric.
pub fn family(family: &Family) {
    for point in &family.points {
        let attributes: Vec<String> =
            point.attributes.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        let value = match &point.value {
            Number::Whole(number) => number.to_string(),
            Number::Real(number) => number.to_string(),
            Number::Distribution(buckets, _) => {
                format!("count={} sum={}", buckets.counts.iter().sum::<u64>(), buckets.sum)
            }
        };
        print(&format!("metric {} {{{}}} {value}", family.name, attributes.join(",")));
    }
}

fn print(line: &str) {
    // Nobody reads: then nobody misses it.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
