//! Topic Aliases of one connection (3.3.2.3.4).

use crate::{Limits, Message};

/// Aliases that the client gave to topics.
#[derive(Debug, Default)]
pub(crate) struct Received(Vec<Option<Box<str>>>);

impl Received {
    /// Maps `alias`, which is within the maximum, to `topic` in place of any earlier one.
    pub(crate) fn set(&mut self, alias: u16, topic: &str) {
        let at = usize::from(alias) - 1;
        if self.0.len() <= at {
            self.0.resize(at + 1, None);
        }
        self.0[at] = Some(topic.into());
    }

    /// The topic of `alias`.
    pub(crate) fn get(&self, alias: u16) -> Option<&str> {
        self.0.get(usize::from(alias).checked_sub(1)?)?.as_deref()
    }
}

/// Aliases that the server gave to the first topics it sent that are long enough; they are not given anew.
#[derive(Debug)]
pub(crate) struct Sent {
    maximum: u16,
    shortest: usize,
    /// Copies: a message's payload is not to stay in memory for its topic.
    topics: Vec<Box<[u8]>>,
}

impl Sent {
    /// As many aliases as the client takes [MQTT-3.3.2-11] and `limits` allow.
    pub(crate) fn new(maximum: u16, limits: &Limits) -> Sent {
        let maximum = maximum.min(limits.topic_aliases_sent);
        Sent { maximum, shortest: usize::from(limits.topic_alias_length), topics: Vec::new() }
    }

    /// The alias of a message's topic, and whether the client knows it already.
    pub(crate) fn alias(&mut self, message: &Message) -> Option<(u16, bool)> {
        if message.topic_bytes().len() < self.shortest {
            return None;
        }
        if let Some(at) = self.topics.iter().position(|topic| **topic == *message.topic_bytes()) {
            return Some((at as u16 + 1, true));
        }
        (self.topics.len() < usize::from(self.maximum)).then(|| {
            self.topics.push(message.topic_bytes().into());
            (self.topics.len() as u16, false)
        })
    }

    /// Takes the last new alias back: the packet that would have introduced it was not sent.
    pub(crate) fn forget_last(&mut self) {
        self.topics.pop();
    }
}
