//! Metrics as text: Prometheus 0.0.4 and OpenMetrics 1.0.
//!
//! Names follow OpenTelemetry's rules: dots become `_`, the unit is a suffix unless the name ends with it, counters end with `_total`; units
//! in braces are notes and leave nothing, `1` is `_ratio` on gauges. A family without points, or with a name that another one had
//! before, is left out: it would make the whole text invalid. Bounds of buckets are written alike in both formats, so that a series
//! stays the same whichever is scraped.

use crate::metrics::{Attributes, Exemplar, Family, Kind, Number};
use mqtt_core::Buckets;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::UNIX_EPOCH;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics 1.0, with exemplars.
    OpenMetrics,
}

impl Format {
    /// What a client wants most, by its Accept header.
    pub(super) fn of(accept: &str) -> Format {
        let (mut text, mut open) = (0f32, 0f32);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
            match kind {
                "application/openmetrics-text" => open = open.max(quality),
                "text/plain" | "text/*" | "*/*" => text = text.max(quality),
                _ => {}
            }
        }
        if open > 0.0 && open >= text { Format::OpenMetrics } else { Format::Text }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// All families in one text.
pub(super) fn write(families: &[Family], format: Format) -> String {
    let (mut text, mut names) = (String::with_capacity(16 * 1024), BTreeSet::new());
    for family in families.iter().filter(|family| !family.points.is_empty()) {
        let (name, unit) = name(family);
        if names.insert(name.clone()) {
            Page { text: &mut text, format }.family(family, &name, unit);
        }
    }
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

/// A family's name without `_total`, and the unit that it ends with.
fn name(family: &Family) -> (String, Option<&'static str>) {
    let mut name = legal(family.name);
    if family.kind == Kind::Counter && name.ends_with("_total") {
        name.truncate(name.len() - "_total".len());
    }
    let unit = unit(family);
    if let Some(unit) = unit
        && name.strip_suffix(unit).is_none_or(|before| !before.ends_with('_'))
    {
        name.push('_');
        name.push_str(unit);
    }
    (name, unit)
}

/// The word for a unit of UCUM.
fn unit(family: &Family) -> Option<&'static str> {
    Some(match family.unit {
        "By" => "bytes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "%" => "percent",
        "Cel" => "celsius",
        "1" if family.kind == Kind::Gauge => "ratio",
        _ => return None,
    })
}

/// A name in which whatever is not allowed is `_`.
fn legal(name: &str) -> String {
    let mut legal: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if legal.starts_with(|c: char| c.is_ascii_digit()) {
        legal.insert(0, '_');
    }
    legal
}

struct Page<'a> {
    text: &'a mut String,
    format: Format,
}

impl Page<'_> {
    fn family(&mut self, family: &Family, name: &str, unit: Option<&str>) {
        let sample = if family.kind == Kind::Counter { format!("{name}_total") } else { name.to_owned() };
        // In the older format a counter's own name has the suffix.
        let title = if self.format == Format::Text { &sample } else { name };
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::UpDownCounter | Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.line(format_args!("# HELP {title} {}", escape(family.description, self.format)));
        self.line(format_args!("# TYPE {title} {kind}"));
        if let (Format::OpenMetrics, Some(unit)) = (self.format, unit) {
            self.line(format_args!("# UNIT {title} {unit}"));
        }
        for point in &family.points {
            let labels = labels(&point.attributes);
            match &point.value {
                Number::Whole(value) => self.line(format_args!("{sample}{} {value}", braces(&labels))),
                Number::Real(value) => self.line(format_args!("{sample}{} {}", braces(&labels), real(*value))),
                Number::Distribution(buckets, exemplars) => self.buckets(name, &labels, buckets, exemplars),
            }
        }
    }

    fn buckets(&mut self, name: &str, labels: &str, buckets: &Buckets, exemplars: &[Option<Exemplar>]) {
        let bounds = buckets.bounds.iter().copied().chain([f64::INFINITY]);
        let (mut sum, comma) = (0, if labels.is_empty() { "" } else { "," });
        for (at, (bound, count)) in bounds.zip(&buckets.counts).enumerate() {
            sum += count;
            let exemplar = match (self.format, exemplars.get(at)) {
                (Format::OpenMetrics, Some(Some(exemplar))) => example(exemplar),
                _ => String::new(),
            };
            let bound = real(bound);
            self.line(format_args!("{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {sum}{exemplar}"));
        }
        self.line(format_args!("{name}_sum{} {}", braces(labels), real(buckets.sum)));
        self.line(format_args!("{name}_count{} {sum}", braces(labels)));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{line}");
    }
}

fn example(exemplar: &Exemplar) -> String {
    let Exemplar { trace_id, span_id, value, at } = exemplar;
    let at = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    format!(" # {{trace_id=\"{trace_id:032x}\",span_id=\"{span_id:016x}\"}} {} {at:.3}", real(*value))
}

fn labels(attributes: &Attributes) -> String {
    let one = |(name, value)| format!("{}=\"{}\"", legal(name), escape(value, Format::OpenMetrics));
    attributes.iter().map(|(name, value)| one((name, value))).collect::<Vec<_>>().join(",")
}

fn braces(labels: &str) -> String {
    if labels.is_empty() { String::new() } else { format!("{{{labels}}}") }
}

/// Backslashes and line ends; quotation marks too, but in descriptions of the older format, which has no escape for them.
fn escape(text: &str, format: Format) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if format == Format::OpenMetrics { text.replace('"', "\\\"") } else { text }
}

fn real(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value if value.is_nan() => "NaN".to_owned(),
        value => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests;
