//! Metrics as data: what exporters of any format read.

use mqtt_core::Buckets;
use std::borrow::Cow;
use std::time::SystemTime;

/// What a metric's value does over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only rises while the process lives.
    Counter,
    /// Goes up and down, and sums over processes make sense: connections, bytes held.
    UpDownCounter,
    /// A measurement of the moment: a ratio, a time, a state.
    Gauge,
    /// A distribution.
    Histogram,
}

/// A metric with all its points.
#[derive(Clone, Debug)]
pub struct Family {
    /// Its name in OpenTelemetry's form, such as `mqtt.server.packets_received`.
    pub name: &'static str,
    /// What it does over time.
    pub kind: Kind,
    /// Its unit in UCUM, such as `By`, `s`, `{packet}`, `1`.
    pub unit: &'static str,
    /// What it counts, in a sentence.
    pub description: &'static str,
    /// One value for each set of attributes.
    pub points: Vec<Point>,
}

/// The attributes of a point, from a bounded set of values; never a client, user, topic or address.
pub type Attributes = Vec<(&'static str, Cow<'static, str>)>;

/// One value of a metric.
#[derive(Clone, Debug)]
pub struct Point {
    /// What the value belongs to.
    pub attributes: Attributes,
    /// The value.
    pub value: Number,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Number {
    /// A count.
    Whole(u64),
    /// A measurement.
    Real(f64),
    /// A distribution, in seconds, and for some of its buckets an example.
    Distribution(Buckets, Vec<Option<Exemplar>>),
}

/// A traced message whose value fell into a bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exemplar {
    /// Its trace.
    pub trace_id: u128,
    /// The span of its publish.
    pub span_id: u64,
    /// Its value, in seconds.
    pub value: f64,
    /// When.
    pub at: SystemTime,
}

impl Family {
    /// A metric without points.
    pub fn new(name: &'static str, kind: Kind, unit: &'static str, description: &'static str) -> Family {
        Family { name, kind, unit, description, points: Vec::new() }
    }

    /// Adds a point without attributes.
    pub fn with(mut self, value: impl Into<Number>) -> Family {
        self.points.push(Point { attributes: Attributes::new(), value: value.into() });
        self
    }

    /// Adds a point with attributes.
    pub fn with_attributes<const N: usize>(
        mut self,
        attributes: [(&'static str, Cow<'static, str>); N],
        value: impl Into<Number>,
    ) -> Family {
        self.points.push(Point { attributes: attributes.into(), value: value.into() });
        self
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Number {
        Number::Whole(value)
    }
}

impl From<usize> for Number {
    fn from(value: usize) -> Number {
        Number::Whole(value as u64)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Number {
        Number::Real(value)
    }
}

impl From<Buckets> for Number {
    fn from(buckets: Buckets) -> Number {
        Number::Distribution(buckets, Vec::new())
    }
}
