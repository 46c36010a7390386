//! From keys as people write them to the one right spelling, by the [`Outline`].
//!
//! Field names may differ in case, `_` and `-`. Names of endpoints, certificates and users differ in case alone; the spelling that came first,
//! in the lowest layer, stays. What a layer leaves empty it does not set. Values from files (`..._FILE`, `...__FILE`, and `file://` for
//! secrets) are read here, so that every later step sees values.

use super::entry::{Entry, Stated};
use super::error::{ConfigError, MASK, Problem};
use super::file;
use super::key::{Key, fold};
use super::nearest;
use super::outline::{Outline, Shape};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Turns layers into their canonical form, lowest first.
pub struct Canonical<'a> {
    /// Spelling of the names that users choose: by section and lower-case name.
    names: HashMap<(Key, String), String>,
    /// Files with single values that were read.
    pub files: Vec<PathBuf>,
    /// Hears of each of them before it is read.
    named: &'a mut dyn FnMut(&Path),
}

/// Where the parts of a key lead.
struct Place<'a> {
    key: Key,
    outline: &'a Outline,
    /// The value is the path of a file that holds it.
    in_file: bool,
}

impl<'a> Canonical<'a> {
    /// Nothing yet; `named` hears of files before they are read.
    pub fn new(named: &'a mut dyn FnMut(&Path)) -> Canonical<'a> {
        Canonical { names: HashMap::new(), files: Vec::new(), named }
    }

    /// The settings of one layer in canonical form.
    pub fn layer(&mut self, entries: Vec<Entry>, errors: &mut Vec<ConfigError>) -> Vec<Entry> {
        let mut layer: Vec<Entry> = Vec::with_capacity(entries.len());
        let mut known: HashMap<Key, usize> = HashMap::new();
        for entry in entries {
            let placed = match self.place(&entry).and_then(|place| self.values(place, entry)) {
                Ok(placed) => placed,
                Err(error) => {
                    errors.push(error);
                    continue;
                }
            };
            for entry in placed {
                match known.get(&entry.key).map(|at| &layer[*at]) {
                    Some(other) if same(&other.value, &entry.value) => {}
                    Some(other) => {
                        let problem = Problem::Twice { other: other.origin.text.clone() };
                        errors.push(ConfigError { key: entry.key.to_string(), origin: entry.origin.text, problem });
                    }
                    None => {
                        known.insert(entry.key.clone(), layer.len());
                        layer.push(entry);
                    }
                }
            }
        }
        layer
    }

    fn place(&mut self, entry: &Entry) -> Result<Place<'static>, ConfigError> {
        let (mut key, mut outline) = (Key::default(), Outline::document());
        let parts = &entry.key.0;
        for (at, part) in parts.iter().enumerate() {
            let last = at + 1 == parts.len();
            match &outline.shape {
                Shape::Section(_) => match outline.field(part) {
                    Some((name, below)) => (key, outline) = (key.child(name), below),
                    None => match in_file(outline, part).filter(|_| last) {
                        Some((name, outline)) => return Ok(Place { key: key.child(name), outline, in_file: true }),
                        None => return Err(unknown(entry, nearest::key(outline, &key, &parts[at..]))),
                    },
                },
                Shape::Map(below) if !part.is_empty() => {
                    let known = (key.clone(), part.to_lowercase());
                    let name = self.names.entry(known).or_insert_with(|| part.clone());
                    (key, outline) = (key.child(name.clone()), below);
                }
                Shape::List(below)
                    if part.len() < 6 && part.bytes().all(|byte| byte.is_ascii_digit()) && !part.is_empty() =>
                {
                    // The same index with leading zeros is the same item.
                    let index = part.trim_start_matches('0');
                    (key, outline) = (key.child(if index.is_empty() { "0" } else { index }), below);
                }
                Shape::Value if last && fold(part) == "file" => return Ok(Place { key, outline, in_file: true }),
                Shape::Map(_) => return Err(unknown(entry, (None, format!("{key} needs a name in it")))),
                Shape::List(_) => {
                    return Err(unknown(entry, (None, format!("{key} is a list: items are numbered from 0"))));
                }
                Shape::Value => return Err(unknown(entry, (None, format!("{key} takes a single value")))),
            }
        }
        Ok(Place { key, outline, in_file: false })
    }

    /// What an entry sets: nothing, one value, or the items of a list.
    fn values(&mut self, place: Place<'_>, entry: Entry) -> Result<Vec<Entry>, ConfigError> {
        let Place { key, outline, in_file } = place;
        let not_allowed = |value: &str, allowed: &str| ConfigError {
            key: key.to_string(),
            origin: entry.origin.text.clone(),
            problem: Problem::NotAllowed { value: value.to_owned(), allowed: allowed.to_owned() },
        };
        let with = |key: Key, value: Stated| Entry { key, value, origin: entry.origin.clone() };
        let text = match (&outline.shape, &entry.value) {
            (Shape::Section(_) | Shape::Map(_) | Shape::List(_), Stated::Empty) => {
                return Ok(vec![with(key, Stated::Empty)]);
            }
            (Shape::Section(_), Stated::Text(text)) if text.is_empty() => return Ok(vec![with(key, Stated::Empty)]),
            (Shape::Value, Stated::Empty) => {
                return Err(not_allowed("", &format!("a single value, {}", outline.title)));
            }
            (_, Stated::Text(text)) if text.is_empty() => {
                return Ok(empty(&key).map(|key| with(key, Stated::Empty)).into_iter().collect());
            }
            // Not the value: it may be a password in the wrong place.
            (Shape::Section(_) | Shape::Map(_), _) => return Err(not_allowed(MASK, "a section with keys in it")),
            (Shape::Value, Stated::Number(_)) if outline.secret => {
                return Err(not_allowed(MASK, "a text: put it in quotes"));
            }
            (_, Stated::Text(text) | Stated::Number(text)) => text.clone(),
        };
        if let Shape::List(item) = &outline.shape {
            let paths = item.title == "path";
            let items = text.split(|c: char| matches!(c, ',' | ';') || !paths && c.is_whitespace());
            let items = items.map(str::trim).filter(|item| !item.is_empty()).enumerate();
            return Ok(items
                .map(|(at, item)| with(key.child(at.to_string()), Stated::Text(item.to_owned())))
                .collect());
        }
        let path = match text.strip_prefix("file://") {
            _ if in_file => Some(Path::new(&text)),
            Some(path) if outline.secret => Some(Path::new(path)),
            _ => None,
        };
        let Some(path) = path else { return Ok(vec![with(key, Stated::Text(text))]) };
        (self.named)(path);
        self.files.push(path.to_owned());
        match file::secret(path) {
            Ok(text) => {
                let mut entry = with(key, Stated::Text(text));
                entry.origin.text = format!("{}, file {}", entry.origin.text, path.display());
                Ok(vec![entry])
            }
            Err(error) => {
                let problem = Problem::File { path: path.to_owned(), reason: error.to_string() };
                Err(ConfigError { key: key.to_string(), origin: entry.origin.text, problem })
            }
        }
    }
}

/// `Password_FILE` and the like: the field whose value is in a file.
fn in_file<'a>(outline: &'a Outline, part: &str) -> Option<(&'a str, &'a Outline)> {
    let folded = fold(part);
    let (name, outline) = outline.field(folded.strip_suffix("file")?)?;
    matches!(outline.shape, Shape::Value).then_some((name, outline))
}

/// The section that an empty value still brings into being: a certificate with an empty path is how Net.MQTT asks for the default one.
fn empty(key: &Key) -> Option<Key> {
    match &key.0[..] {
        [section @ .., path] if path == "Path" && section.last().is_some_and(|last| last == "Certificate") => {
            Some(Key(section.to_vec()))
        }
        _ => None,
    }
}

fn same(one: &Stated, other: &Stated) -> bool {
    match (one, other) {
        (Stated::Empty, Stated::Empty) => true,
        (Stated::Text(one) | Stated::Number(one), Stated::Text(other) | Stated::Number(other)) => one == other,
        _ => false,
    }
}

fn unknown(entry: &Entry, (nearest, allowed): (Option<String>, String)) -> ConfigError {
    let problem = Problem::Unknown { nearest, allowed };
    ConfigError { key: entry.key.to_string(), origin: entry.origin.text.clone(), problem }
}
