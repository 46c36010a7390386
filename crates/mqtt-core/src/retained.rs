//! Retained messages (3.3.1.3), ordered by topic, level by level.
//!
//! In that order everything below a topic stands together, so a filter is answered by walking forward and jumping over what cannot match: a
//! store without nodes, at eight bytes a message beside the message itself, that prunes like a tree. A walk can stop anywhere and go on later
//! from a key, which is how large answers are paced by the socket of whoever asked.

use crate::{Limits, Message, Timestamp};
use parking_lot::RwLock;
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Bound;

/// Topics in level order: `/` sorts before every other byte, so that `a/b` follows `a` directly.
trait Topic {
    fn topic(&self) -> &[u8];
}

impl PartialEq for dyn Topic + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.topic() == other.topic()
    }
}

impl Eq for dyn Topic + '_ {}

impl PartialOrd for dyn Topic + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for dyn Topic + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        level_order(self.topic(), other.topic())
    }
}

fn level_order(a: &[u8], b: &[u8]) -> Ordering {
    let rank = |byte: u8| if byte == b'/' { 0 } else { byte }; // topics hold no U+0000
    match a.iter().zip(b).find(|(x, y)| x != y) {
        Some((&x, &y)) => rank(x).cmp(&rank(y)),
        None => a.len().cmp(&b.len()),
    }
}

#[derive(Debug)]
struct Entry(Message);

impl Topic for Entry {
    fn topic(&self) -> &[u8] {
        self.0.topic_bytes()
    }
}

struct Key<'a>(&'a [u8]);

impl Topic for Key<'_> {
    fn topic(&self) -> &[u8] {
        self.0
    }
}

impl<'a> Borrow<dyn Topic + 'a> for Entry {
    fn borrow(&self) -> &(dyn Topic + 'a) {
        self
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.topic() == other.topic()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> Ordering {
        level_order(self.topic(), other.topic())
    }
}

/// Where a walk goes on: the first topic not looked at, in level order.
#[derive(Clone, Debug, Default)]
pub struct Position(Vec<u8>);

/// Entries looked at before a walk pauses, so that no walk holds the lock for long.
const STEPS: usize = 2048;

/// The retained messages of a broker.
#[derive(Debug, Default)]
pub struct Retained {
    store: RwLock<Store>,
}

#[derive(Debug, Default)]
struct Store {
    messages: BTreeSet<Entry>,
    bytes: usize,
    /// Where the search for expired messages goes on.
    swept: Position,
}

/// The store is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Retained {
    /// Keeps `message` for its topic in place of any earlier one; an empty payload removes that [MQTT-3.3.1-5] [MQTT-3.3.1-6].
    ///
    /// # Errors
    /// `Full` at `Limits::retained_messages` or `Limits::retained_bytes`; the earlier message then stays.
    pub fn set(&self, message: &Message, limits: &Limits) -> Result<(), Full> {
        let mut store = self.store.write();
        let key: &dyn Topic = &Key(message.topic_bytes());
        let earlier = store.messages.get(key).map_or(0, |entry| entry.0.footprint());
        if message.payload().is_empty() {
            store.messages.remove(key);
            store.bytes -= earlier;
            return Ok(());
        }
        let bytes = store.bytes - earlier + message.footprint();
        let one_more = earlier == 0 && store.messages.len() >= limits.retained_messages;
        if one_more || bytes > limits.retained_bytes {
            return Err(Full);
        }
        store.messages.replace(Entry(message.clone()));
        store.bytes = bytes;
        Ok(())
    }

    /// Messages kept.
    pub fn len(&self) -> usize {
        self.store.read().messages.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes kept.
    pub fn bytes(&self) -> usize {
        self.store.read().bytes
    }

    /// Appends up to `count` unexpired messages that match `filter`, from `position` on, which is moved; returns whether the walk is over.
    pub fn walk(
        &self,
        filter: &str,
        position: &mut Position,
        count: usize,
        now: Timestamp,
        found: &mut Vec<Message>,
    ) -> bool {
        let store = self.store.read();
        let filter = filter.as_bytes();
        if position.0.is_empty() {
            position.0 = literal_prefix(filter).to_vec();
        }
        let enough = found.len() + count;
        let mut steps = 0;
        'seek: loop {
            let from: Bound<&dyn Topic> = Bound::Included(&Key(&position.0));
            for Entry(message) in store.messages.range::<dyn Topic, _>((from, Bound::Unbounded)) {
                let topic = message.topic_bytes();
                if found.len() >= enough || steps >= STEPS {
                    position.0 = topic.to_vec();
                    return false;
                }
                steps += 1;
                match judge(filter, topic) {
                    Verdict::Match if !message.is_expired(now) => found.push(message.clone()),
                    Verdict::Match | Verdict::Next => {}
                    Verdict::Seek(key) => {
                        position.0 = key;
                        continue 'seek;
                    }
                    Verdict::Over => return true,
                }
            }
            return true;
        }
    }

    /// Removes expired messages among the next [`STEPS`] ones; returns how many.
    pub(crate) fn sweep(&self, now: Timestamp) -> usize {
        let mut expired = Vec::new();
        let mut next = Position::default();
        {
            let store = self.store.read();
            let from: Bound<&dyn Topic> = Bound::Included(&Key(&store.swept.0));
            let mut range = store.messages.range::<dyn Topic, _>((from, Bound::Unbounded));
            expired.extend(
                range.by_ref().take(STEPS).filter(|entry| entry.0.is_expired(now)).map(|entry| entry.0.clone()),
            );
            if let Some(entry) = range.next() {
                next.0 = entry.topic().to_vec();
            }
        }
        let mut store = self.store.write();
        store.swept = next;
        let mut removed = 0;
        for message in expired {
            let key: &dyn Topic = &Key(message.topic_bytes());
            // It may have been replaced in between.
            if store.messages.get(key).is_some_and(|entry| entry.0.is_same(&message)) {
                store.messages.remove(key);
                store.bytes -= message.footprint();
                removed += 1;
            }
        }
        removed
    }
}

/// The levels of a filter before its first wildcard: the first topic that can match sorts at or after them.
fn literal_prefix(filter: &[u8]) -> &[u8] {
    let end = memchr::memchr2(b'+', b'#', filter).unwrap_or(filter.len());
    filter[..end].strip_suffix(b"/").unwrap_or(&filter[..end])
}

enum Verdict {
    Match,
    /// No match; the next topic may be one.
    Next,
    /// No match before this key.
    Seek(Vec<u8>),
    /// No match any more.
    Over,
}

/// Compares level by level, and where they part says how far the walk may jump.
fn judge(filter: &[u8], topic: &[u8]) -> Verdict {
    if topic.first() == Some(&b'$') && matches!(filter.first(), Some(b'+' | b'#')) {
        return Verdict::Next; // [MQTT-4.7.2-1]
    }
    // Where the topic's next level begins, and where the last one ended that a + stood for: that one the walk can still vary.
    let (mut next, mut varied) = (Some(0), None);
    for level in filter.split(|&byte| byte == b'/') {
        if level == b"#" {
            return Verdict::Match;
        }
        let Some(start) = next else {
            return if level == b"+" { Verdict::Next } else { Verdict::Seek([topic, b"/", level].concat()) };
        };
        let end = memchr::memchr(b'/', &topic[start..]).map_or(topic.len(), |length| start + length);
        next = (end < topic.len()).then_some(end + 1);
        if level == b"+" {
            varied = Some(end);
            continue;
        }
        match level_order(&topic[start..end], level) {
            Ordering::Equal => {}
            Ordering::Less => return Verdict::Seek([&topic[..start], level].concat()),
            Ordering::Greater => return varied.map_or(Verdict::Over, |end| Verdict::Seek(past(&topic[..end]))),
        }
    }
    match next {
        None => Verdict::Match,
        Some(start) => Verdict::Seek(past(&topic[..start - 1])),
    }
}

/// The first key after `topic` and everything below it.
fn past(topic: &[u8]) -> Vec<u8> {
    [topic, b"\x01"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Content;
    use mqtt_wire::{Properties, QoS, TopicFilter, TopicName};
    use proptest::prelude::*;

    fn message(topic: &str, payload: &[u8]) -> Message {
        let properties = Properties::NONE;
        let content = Content { topic, qos: QoS::AtMostOnce, retain: true, properties, payload };
        Message::new(&content, Timestamp::ZERO)
    }

    proptest! {
        #[test]
        fn a_walk_in_pieces_finds_what_matching_one_by_one_finds(
            topics in prop::collection::btree_set("[ab!0$]{0,2}(/[ab!0]{0,2}){0,3}", 0..40),
            filter in "([ab!0]{0,2}|\\+)(/([ab!0]{0,2}|\\+)){0,3}(/#)?|#",
            count in 1usize..5,
        ) {
            prop_assume!(!filter.is_empty());
            let filter = TopicFilter::parse(&filter).unwrap();
            let retained = Retained::default();
            let mut expected = Vec::new();
            for topic in topics.iter().filter(|topic| !topic.is_empty()) {
                retained.set(&message(topic, b"x"), &Limits::default()).unwrap();
                if filter.matches(TopicName::parse(topic).unwrap()) {
                    expected.push(topic.clone());
                }
            }
            let (mut position, mut found) = (Position::default(), Vec::new());
            while !retained.walk(filter.as_str(), &mut position, count, Timestamp::ZERO, &mut found) {}
            let mut found: Vec<String> = found.iter().map(|message| message.topic().to_owned()).collect();
            found.sort();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn the_store_refuses_at_its_limits_and_keeps_the_earlier_message() {
        let limits = Limits { retained_messages: 1, ..Limits::default() };
        let retained = Retained::default();
        assert_eq!(retained.set(&message("a", b"1"), &limits), Ok(()));
        assert_eq!(retained.set(&message("b", b"1"), &limits), Err(Full));
        assert_eq!(retained.set(&message("a", b"2"), &limits), Ok(()));
        let small = Limits { retained_bytes: message("a", b"2").footprint(), ..limits };
        assert_eq!(retained.set(&message("a", b"22"), &small), Err(Full));
        assert_eq!((retained.len(), retained.bytes()), (1, message("a", b"2").footprint()));
        assert_eq!(retained.set(&message("a", b""), &small), Ok(()));
        assert_eq!((retained.len(), retained.bytes()), (0, 0));
    }
}
