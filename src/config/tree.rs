//! The settings of all layers, merged: a tree of `config` values in which every value knows its origin.

use super::document::Document;
use super::entry::{Entry, Stated};
use super::error::{ConfigError, MASK, Problem};
use super::key::Key;
use super::origin::Origin;
use super::outline::{Outline, Shape};
use config::{Config, ConfigError as CrateError, Map, Source, Value, ValueKind};
use serde_path_to_error::Segment;
use std::collections::BTreeMap;
use std::fmt;

/// The merged tree; all of its keys are in canonical form.
#[derive(Clone)]
pub struct Tree {
    root: Value,
    /// Where sections were named that have nothing in them: merging drops the origins of tables.
    empty: BTreeMap<Key, Origin>,
}

/// A value of the tree, for people.
pub struct Leaf {
    /// Its key.
    pub key: Key,
    /// Its text, or [`MASK`] for a secret.
    pub shown: String,
    /// Where it comes from.
    pub origin: String,
    /// What it is compared by. Not for showing.
    text: String,
}

impl Leaf {
    /// Whether two values are the same.
    pub fn equals(&self, other: &Leaf) -> bool {
        self.text == other.text
    }
}

/// One layer for the `config` crate, which merges sections and replaces values and lists.
#[derive(Clone)]
struct Layer(Map<String, Value>);

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Layer")
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, CrateError> {
        Ok(self.0.clone())
    }
}

impl Tree {
    /// Merges layers, lowest first.
    ///
    /// # Errors
    /// None that is known: sources that are already in memory do not fail.
    pub fn merge(layers: Vec<Vec<Entry>>) -> Result<Tree, ConfigError> {
        let (mut builder, mut empty) = (Config::builder(), BTreeMap::new());
        for entries in layers {
            let mut layer = Value::new(None, Map::<String, Value>::new());
            for Entry { key, value, origin } in entries {
                let value = match value {
                    Stated::Text(text) | Stated::Number(text) => Value::new(Some(&origin.encode()), text),
                    Stated::Empty => {
                        empty.insert(key.clone(), origin);
                        Value::new(None, Map::<String, Value>::new())
                    }
                };
                put(&mut layer, &key.0, value);
            }
            lists(&mut layer, Outline::document());
            if let ValueKind::Table(table) = layer.kind {
                builder = builder.add_source(Layer(table));
            }
        }
        let whole = |error: CrateError| Problem::Contradiction(error.to_string());
        let config = builder.build().map_err(|error| ConfigError {
            key: String::new(),
            origin: String::new(),
            problem: whole(error),
        })?;
        Ok(Tree { root: config.cache, empty })
    }

    /// The typed form. What does not fit its type is an error and leaves the tree.
    pub fn read(&mut self, errors: &mut Vec<ConfigError>) -> Document {
        loop {
            let error = match serde_path_to_error::deserialize::<_, Document>(self.root.clone()) {
                Ok(document) => return document,
                Err(error) => error,
            };
            let parts = error.path().iter().filter_map(|segment| match segment {
                Segment::Map { key } => Some(key.clone()),
                Segment::Seq { index } => Some(index.to_string()),
                Segment::Enum { .. } | Segment::Unknown => None,
            });
            let key = Key(parts.collect());
            let secret = Outline::document().at(&key.0).is_none_or(|outline| outline.secret);
            let origin = self.origin(&key).map(|origin| origin.text).unwrap_or_default();
            let value = if secret { MASK.to_owned() } else { without_user(self.text(&key).unwrap_or_default()) };
            let allowed = message(error.inner());
            errors.push(ConfigError { key: key.to_string(), origin, problem: Problem::NotAllowed { value, allowed } });
            // An item of a list goes with its list: what is left must keep its numbers.
            let list = (0..key.0.len()).find(|at| {
                Outline::document().at(&key.0[..*at]).is_some_and(|outline| matches!(outline.shape, Shape::List(_)))
            });
            let key = list.map_or(key.clone(), |at| Key(key.0[..at].to_vec()));
            if take(&mut self.root, &key.0).is_none() {
                return Document::default(); // nothing to leave out: the error that was pushed ends the load anyway
            }
        }
    }

    /// The text of a value.
    pub fn text(&self, key: &Key) -> Option<&str> {
        match &find(&self.root, &key.0)?.kind {
            ValueKind::String(text) => Some(text),
            _ => None,
        }
    }

    /// Where a value, or the first value of a section, comes from.
    pub fn origin(&self, key: &Key) -> Option<Origin> {
        let emptied =
            || self.empty.iter().find(|(empty, _)| empty.0.starts_with(&key.0)).map(|(_, origin)| origin.clone());
        self.value_origin(key).or_else(emptied)
    }

    fn value_origin(&self, key: &Key) -> Option<Origin> {
        let mut value = find(&self.root, &key.0)?;
        loop {
            match (Origin::of(value), &value.kind) {
                (Some(origin), _) => return Some(origin),
                (None, ValueKind::Table(table)) => value = sorted(table).first()?.1,
                (None, ValueKind::Array(array)) => value = array.first()?,
                (None, _) => return None,
            }
        }
    }

    /// The names in a section.
    pub fn names(&self, key: &Key) -> Vec<&str> {
        match find(&self.root, &key.0).map(|value| &value.kind) {
            Some(ValueKind::Table(table)) => sorted(table).into_iter().map(|(name, _)| name).collect(),
            _ => Vec::new(),
        }
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: &Key) -> Option<(String, Origin)> {
        let value = take(&mut self.root, &key.0)?;
        let origin = Origin::of(&value)?;
        match value.kind {
            ValueKind::String(text) => Some((text, origin)),
            _ => None,
        }
    }

    /// Puts a value in, or another one in its place.
    pub fn insert(&mut self, key: &Key, text: String, origin: &Origin) {
        put(&mut self.root, &key.0, Value::new(Some(&origin.encode()), text));
    }

    /// All values, sorted by key.
    pub fn leaves(&self) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        gather(&Key::default(), &self.root, Outline::document(), &mut leaves);
        leaves
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.leaves().iter().map(|leaf| (leaf.key.to_string(), &leaf.shown))).finish()
    }
}

/// What a scalar said about itself, without what the crate wraps around it.
fn message(error: &CrateError) -> String {
    match error {
        CrateError::At { error, .. } => message(error),
        CrateError::Type { expected, .. } => (*expected).to_owned(),
        other => other.to_string(),
    }
}

/// A URL without user and password, which do not belong there but may be.
fn without_user(text: &str) -> String {
    match text.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?))) {
        Some((scheme, (_, host))) => format!("{scheme}://{MASK}@{host}"),
        None => text.to_owned(),
    }
}

fn sorted(table: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let mut fields: Vec<(&str, &Value)> = table.iter().map(|(name, value)| (name.as_str(), value)).collect();
    fields.sort_by_key(|(name, _)| *name);
    fields
}

fn find<'a>(value: &'a Value, parts: &[String]) -> Option<&'a Value> {
    let Some((first, rest)) = parts.split_first() else { return Some(value) };
    match &value.kind {
        ValueKind::Table(table) => find(table.get(first)?, rest),
        ValueKind::Array(array) => find(array.get(first.parse::<usize>().ok()?)?, rest),
        _ => None,
    }
}

fn put(value: &mut Value, parts: &[String], new: Value) {
    let Some((first, rest)) = parts.split_first() else {
        // An empty section does not undo one that has something in it.
        let empty = matches!(&new.kind, ValueKind::Table(table) if table.is_empty());
        if !(empty && matches!(value.kind, ValueKind::Table(_))) {
            *value = new;
        }
        return;
    };
    if !matches!(value.kind, ValueKind::Table(_)) {
        value.kind = ValueKind::Table(Map::<String, Value>::new());
    }
    if let ValueKind::Table(table) = &mut value.kind {
        put(table.entry(first.clone()).or_insert_with(|| Value::new(None, ValueKind::Nil)), rest, new);
    }
}

fn take(value: &mut Value, parts: &[String]) -> Option<Value> {
    let ValueKind::Table(table) = &mut value.kind else { return None };
    match parts {
        [] => None,
        [last] => table.remove(last),
        [first, rest @ ..] => take(table.get_mut(first)?, rest),
    }
}

/// Turns numbered sections into lists, in the order of their numbers.
fn lists(value: &mut Value, outline: &Outline) {
    let ValueKind::Table(table) = &mut value.kind else { return };
    for (name, value) in table.iter_mut() {
        if let Some(outline) = outline.below(name) {
            lists(value, outline);
        }
    }
    if let Shape::List(_) = outline.shape {
        let mut items: Vec<(u32, Value)> =
            std::mem::take(table).into_iter().map(|(at, item)| (at.parse().unwrap_or(u32::MAX), item)).collect();
        items.sort_by_key(|(at, _)| *at);
        value.kind = ValueKind::Array(items.into_iter().map(|(_, item)| item).collect());
    }
}

fn gather(key: &Key, value: &Value, outline: &Outline, leaves: &mut Vec<Leaf>) {
    match &value.kind {
        ValueKind::Table(table) => {
            for (name, value) in sorted(table) {
                if let Some(outline) = outline.below(name) {
                    gather(&key.child(name), value, outline, leaves);
                }
            }
        }
        ValueKind::Array(array) => {
            for (at, value) in array.iter().enumerate() {
                if let Some(outline) = outline.below("") {
                    gather(&key.child(at.to_string()), value, outline, leaves);
                }
            }
        }
        other => {
            let text = other.to_string();
            let shown = if outline.secret { MASK.to_owned() } else { without_user(&text) };
            let origin = Origin::of(value).map(|origin| origin.text).unwrap_or_default();
            leaves.push(Leaf { key: key.clone(), shown, origin, text });
        }
    }
}

/// Whether a key is that of an item of a list.
pub fn is_item(key: &Key) -> bool {
    let Some((_, list)) = key.0.split_last() else { return false };
    Outline::document().at(list).is_some_and(|outline| matches!(outline.shape, Shape::List(_)))
}
