//! Filters with wildcards, as a tree of levels.
//!
//! Nodes stand in one list and are named by their place in it; the edges of all nodes stand in one hash table, keyed by parent and level. So
//! a level costs some 60 bytes, and a match asks at most two edges per node it visits: the topic's own level and `+`.

use super::route::Route;
use ahash::RandomState;
use hashbrown::HashTable;

const ROOT: u32 = 0;
const NONE: u32 = u32::MAX;

/// A level's text; up to 14 bytes stay in place.
#[derive(Debug)]
enum Level {
    Short(u8, [u8; 14]),
    Long(Box<Box<[u8]>>),
}

impl Level {
    fn new(text: &[u8]) -> Level {
        let mut bytes = [0; 14];
        match bytes.get_mut(..text.len()) {
            Some(place) => {
                place.copy_from_slice(text);
                Level::Short(text.len() as u8, bytes)
            }
            None => Level::Long(Box::new(text.into())),
        }
    }

    fn text(&self) -> &[u8] {
        match self {
            Level::Short(length, bytes) => &bytes[..*length as usize],
            Level::Long(text) => text,
        }
    }
}

#[derive(Debug)]
struct Node {
    level: Level,
    parent: u32,
    plus: u32,
    /// Children, `+` included.
    children: u32,
    /// The filter that ends here.
    exact: Option<Route>,
    /// The filter that ends here with `/#`; at the root, `#`.
    multi: Option<Route>,
}

impl Node {
    fn new(level: &[u8], parent: u32) -> Node {
        Node { level: Level::new(level), parent, plus: NONE, children: 0, exact: None, multi: None }
    }
}

/// The tree. Only filters with wildcards are in it.
#[derive(Debug)]
pub(crate) struct Trie {
    nodes: Vec<Node>,
    free: Vec<u32>,
    edges: HashTable<u32>,
    hasher: RandomState,
}

impl Default for Trie {
    fn default() -> Trie {
        Trie {
            nodes: vec![Node::new(b"", NONE)],
            free: Vec::new(),
            edges: HashTable::new(),
            hasher: RandomState::new(),
        }
    }
}

impl Trie {
    fn hash(&self, parent: u32, level: &[u8]) -> u64 {
        self.hasher.hash_one((parent, level))
    }

    fn child(&self, parent: u32, level: &[u8]) -> Option<u32> {
        let same = |&at: &u32| {
            let node = &self.nodes[at as usize];
            node.parent == parent && node.level.text() == level
        };
        self.edges.find(self.hash(parent, level), same).copied()
    }

    fn step(&self, parent: u32, level: &[u8]) -> Option<u32> {
        match level {
            b"+" => Some(self.nodes[parent as usize].plus).filter(|&at| at != NONE),
            _ => self.child(parent, level),
        }
    }

    fn add_child(&mut self, parent: u32, level: &[u8]) -> u32 {
        let node = Node::new(level, parent);
        let at = match self.free.pop() {
            Some(at) => {
                self.nodes[at as usize] = node;
                at
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() as u32 - 1
            }
        };
        self.nodes[parent as usize].children += 1;
        if level == b"+" {
            self.nodes[parent as usize].plus = at;
        } else {
            let (nodes, hasher) = (&self.nodes, &self.hasher);
            let rehash = |&at: &u32| hasher.hash_one((nodes[at as usize].parent, nodes[at as usize].level.text()));
            self.edges.insert_unique(rehash(&at), at, rehash);
        }
        at
    }

    /// The place of a filter: its node's field, made if `make`.
    fn place(&mut self, filter: &[u8], make: bool) -> Option<(u32, bool)> {
        let mut at = ROOT;
        for level in filter.split(|&byte| byte == b'/') {
            if level == b"#" {
                return Some((at, true));
            }
            at = match self.step(at, level) {
                Some(child) => child,
                None if make => self.add_child(at, level),
                None => return None,
            };
        }
        Some((at, false))
    }

    /// The route of a filter, made if there is none; the flag says so.
    pub(crate) fn get_or_insert(&mut self, filter: &str) -> (Route, bool) {
        let (at, multi) = self.place(filter.as_bytes(), true).expect("made where missing");
        let node = &mut self.nodes[at as usize];
        let place = if multi { &mut node.multi } else { &mut node.exact };
        match place {
            Some(route) => (route.clone(), false),
            None => (place.insert(Route::new(filter)).clone(), true),
        }
    }

    pub(crate) fn get(&mut self, filter: &str) -> Option<Route> {
        let (at, multi) = self.place(filter.as_bytes(), false)?;
        let node = &self.nodes[at as usize];
        if multi { node.multi.clone() } else { node.exact.clone() }
    }

    /// Removes the route of a filter and the nodes that only it needed.
    pub(crate) fn remove(&mut self, filter: &[u8]) {
        let Some((mut at, multi)) = self.place(filter, false) else { return };
        let node = &mut self.nodes[at as usize];
        *(if multi { &mut node.multi } else { &mut node.exact }) = None;
        while at != ROOT {
            let node = &self.nodes[at as usize];
            if node.children > 0 || node.exact.is_some() || node.multi.is_some() {
                return;
            }
            let parent = node.parent;
            if self.nodes[parent as usize].plus == at {
                self.nodes[parent as usize].plus = NONE;
            } else if let Ok(edge) = self.edges.find_entry(self.hash(parent, node.level.text()), |&other| other == at) {
                edge.remove();
            }
            self.nodes[parent as usize].children -= 1;
            self.free.push(at);
            at = parent;
        }
    }

    /// Appends the routes of all filters that match `topic`.
    pub(crate) fn matches(&self, topic: &[u8], found: &mut Vec<Route>) {
        // [MQTT-4.7.2-1]: a leading wildcard does not match a topic that begins with $.
        let reserved = topic.first() == Some(&b'$');
        self.walk(ROOT, Some(topic), reserved, found);
    }

    /// `rest` is what follows the node's level, `None` at the end of the topic.
    fn walk(&self, at: u32, rest: Option<&[u8]>, reserved: bool, found: &mut Vec<Route>) {
        let node = &self.nodes[at as usize];
        if !reserved {
            found.extend(node.multi.clone());
        }
        let Some(rest) = rest else {
            found.extend(node.exact.clone());
            return;
        };
        if node.children == 0 {
            return;
        }
        let (level, rest) = match memchr::memchr(b'/', rest) {
            Some(end) => (&rest[..end], Some(&rest[end + 1..])),
            None => (rest, None),
        };
        if node.plus != NONE && !reserved {
            self.walk(node.plus, rest, false, found);
        }
        if let Some(child) = self.child(at, level) {
            self.walk(child, rest, false, found);
        }
    }
}
