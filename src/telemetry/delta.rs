//! What of metrics was sent and has arrived: the base of what is new since.

use mqtt_server::metrics::{Attributes, Family, Number, Point};
use std::collections::HashMap;

/// Numbers that have arrived, by metric and attributes. As bounded as the metrics are.
#[derive(Debug, Default)]
pub struct Delta(HashMap<(&'static str, Attributes), Number>);

impl Delta {
    /// These have arrived.
    pub fn sent(&mut self, families: &[Family]) {
        for family in families {
            for point in &family.points {
                self.0.insert((family.name, point.attributes.clone()), point.value.clone());
            }
        }
    }

    /// What is new in a count. One that is lower than before has begun anew.
    pub fn whole(&self, name: &'static str, point: &Point, now: u64) -> u64 {
        match self.before(name, point) {
            Some(Number::Whole(before)) => now.checked_sub(*before).unwrap_or(now),
            _ => now,
        }
    }

    /// What is new in a distribution: counts and sum.
    pub fn distribution(
        &self,
        name: &'static str,
        point: &Point,
        now: &mqtt_server::metrics::Buckets,
    ) -> (Vec<u64>, f64) {
        match self.before(name, point) {
            Some(Number::Distribution(before, _)) if before.counts.len() == now.counts.len() => {
                let pairs = now.counts.iter().zip(&before.counts);
                let counts = pairs.map(|(now, before)| now.saturating_sub(*before)).collect();
                (counts, (now.sum - before.sum).max(0.0))
            }
            _ => (now.counts.clone(), now.sum),
        }
    }

    fn before(&self, name: &'static str, point: &Point) -> Option<&Number> {
        self.0.get(&(name, point.attributes.clone()))
    }
}
