//! Which packets are traced: decided before anything is made for the trace, in a nanosecond or two where the answer is no.
//!
//! Packets with a `traceparent` are followed as it says, within a budget of their own that no flag of a publisher can overrun. Others begin a
//! trace if their client or topic is named, or by the ratio, within another budget. A parent that was not recorded is not traced, unless its
//! client or topic is named. All rules can be replaced at any time.

use super::budget::Budget;
use super::random;
use super::trace_context::{self, Context, Parent};
use crate::config::telemetry::{Propagating, Root, Sampling};
use arc_swap::ArcSwap;
use mqtt_server::Propagation;
use mqtt_wire::{Properties, TopicFilter, TopicName};
use std::cell::Cell;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What is decided about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Who sent it.
    pub client_id: &'a str,
    /// Where to, for a PUBLISH.
    pub topic: Option<&'a str>,
    /// Its properties.
    pub properties: Properties<'a>,
}

/// A packet is traced: how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Its trace.
    pub trace_id: u128,
    /// The span it comes from, 0 for none.
    pub parent_id: u64,
    /// `tracestate`.
    pub state: Option<Box<str>>,
    /// What receivers see.
    pub propagation: Propagation,
}

/// Bits of what is asked first, so that most packets touch nothing else.
mod flag {
    pub const ALWAYS: u64 = 1;
    pub const RATIO: u64 = 2;
    pub const NAMED: u64 = 4;
    pub const CONTEXT: u64 = 8;
    /// Above them the number of the rules, so that a thread notices that they are others.
    pub const NUMBER: u32 = 8;
}

struct Rules {
    sampling: Sampling,
    clients: HashSet<String>,
}

thread_local! {
    /// Packets to skip before the next one that begins a trace, and the number of the rules that this was drawn by.
    static SKIP: Cell<(u32, u64)> = const { Cell::new((0, u64::MAX)) };
}

/// The rules, and the budgets.
pub struct Sampler {
    flags: AtomicU64,
    rules: ArcSwap<Rules>,
    own: Budget,
    remote: Budget,
}

impl Sampler {
    /// Decides by these rules.
    pub fn new(sampling: &Sampling) -> Sampler {
        let (own, remote) = (Budget::new(sampling.per_second), Budget::new(sampling.per_second));
        let sampler = Sampler { flags: AtomicU64::new(0), rules: ArcSwap::new(Rules::of(sampling)), own, remote };
        sampler.set(sampling);
        sampler
    }

    /// Decides by these from now on.
    pub fn set(&self, sampling: &Sampling) {
        let root = match sampling.root {
            Root::Always => flag::ALWAYS,
            Root::Never => 0,
            Root::Ratio(_) => flag::RATIO,
        };
        let named = if sampling.clients.is_empty() && sampling.topics.is_empty() { 0 } else { flag::NAMED };
        let context = if sampling.context { flag::CONTEXT } else { 0 };
        let number = (self.flags.load(Ordering::Relaxed) >> flag::NUMBER) + 1;
        self.rules.store(Rules::of(sampling));
        self.flags.store(root | named | context | number << flag::NUMBER, Ordering::Release);
    }

    /// Whether a packet is traced. Takes from a budget if so.
    #[inline]
    pub fn decide(&self, subject: Subject<'_>) -> Option<Decision> {
        let flags = self.flags.load(Ordering::Acquire);
        let context = match subject.properties.is_empty() || flags & flag::CONTEXT == 0 {
            true => Context::Absent,
            false => trace_context::of(subject.properties),
        };
        if let Context::Parent(parent) = context {
            return self.with_parent(flags, parent, subject);
        }
        let named = flags & flag::NAMED != 0 && self.rules.load().name(subject);
        if !(named || self.root(flags)) || !self.own.take() {
            return None;
        }
        let propagation = self.rules.load().propagation(context, subject);
        Some(Decision { trace_id: random::trace_id(), parent_id: 0, state: None, propagation })
    }

    /// Takes from the budget of traces that begin here, for one that is decided on elsewhere.
    pub fn take(&self) -> bool {
        self.own.take()
    }

    /// `deliver` spans of one message.
    pub fn deliveries(&self) -> u16 {
        self.rules.load().sampling.deliveries
    }

    /// Topic Filters for names of spans.
    pub fn template(&self, topic: &str) -> Option<String> {
        self.rules.load().sampling.templates.iter().find(|filter| matches(filter, topic)).cloned()
    }

    /// Time has passed: the budgets fill.
    pub fn refill(&self, elapsed: Duration) {
        let per_second = self.rules.load().sampling.per_second;
        self.own.refill(per_second, elapsed);
        self.remote.refill(per_second, elapsed);
    }

    /// Whether a packet without parent begins a trace.
    #[inline]
    fn root(&self, flags: u64) -> bool {
        match flags & (flag::ALWAYS | flag::RATIO) {
            flag::ALWAYS => self.own.has(),
            flag::RATIO => self.hit(flags >> flag::NUMBER),
            _ => false,
        }
    }

    #[inline]
    fn hit(&self, number: u64) -> bool {
        let (left, drawn_by) = SKIP.get();
        if drawn_by == number && left > 0 {
            SKIP.set((left - 1, number));
            return false;
        }
        let Root::Ratio(ratio) = self.rules.load().sampling.root else { return false };
        let next = random::skip(ratio);
        SKIP.set((next, number));
        // Under new rules the first draw decides about this packet as well.
        drawn_by == number || random::skip(ratio) == 0
    }

    fn with_parent(&self, flags: u64, parent: Parent<'_>, subject: Subject<'_>) -> Option<Decision> {
        let rules = self.rules.load();
        let Sampling { parent_based, follow_remote, root, .. } = rules.sampling;
        let followed = match root {
            _ if parent_based && follow_remote => parent.sampled && self.remote.take(),
            _ if parent_based => self.root(flags) && self.own.take(),
            Root::Always => self.remote.take(),
            // As everybody else decides about this trace: by the last 56 bits of its identifier.
            Root::Ratio(ratio) => (parent.trace_id as u64 & TAIL) as f64 <= ratio * TAIL as f64 && self.remote.take(),
            Root::Never => false,
        };
        let traced = followed || rules.name(subject) && self.own.take();
        if !traced {
            return None;
        }
        Some(Decision {
            trace_id: parent.trace_id,
            parent_id: parent.span_id,
            state: parent.state.map(Into::into),
            propagation: rules.propagation(Context::Parent(parent), subject),
        })
    }
}

/// The bits of a trace's identifier that are random by agreement.
const TAIL: u64 = (1 << 56) - 1;

impl Rules {
    fn of(sampling: &Sampling) -> Arc<Rules> {
        Arc::new(Rules { sampling: sampling.clone(), clients: sampling.clients.iter().cloned().collect() })
    }

    /// Whether a packet's client or topic is named.
    fn name(&self, subject: Subject<'_>) -> bool {
        let topic = |topic| self.sampling.topics.iter().any(|filter| matches(filter, topic));
        self.clients.contains(subject.client_id) || subject.topic.is_some_and(topic)
    }

    fn propagation(&self, context: Context<'_>, subject: Subject<'_>) -> Propagation {
        match (&self.sampling.propagating, context) {
            _ if !self.sampling.context => Propagation::Untouched,
            (Propagating::InjectIfMissing, Context::Absent) => Propagation::Appended,
            (Propagating::Rewrite(filters), _) => {
                let rewritten = |topic| filters.iter().any(|filter| matches(filter, topic));
                match subject.topic.is_some_and(rewritten) {
                    true => Propagation::Rewritten,
                    false => Propagation::Untouched,
                }
            }
            (Propagating::PassThrough | Propagating::InjectIfMissing, _) => Propagation::Untouched,
        }
    }
}

fn matches(filter: &str, topic: &str) -> bool {
    match (TopicFilter::parse(filter), TopicName::parse(topic)) {
        (Ok(filter), Ok(topic)) => filter.matches(topic),
        _ => false,
    }
}

#[cfg(test)]
#[path = "sampler_tests.rs"]
mod tests;
