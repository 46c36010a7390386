//! The known key that an unknown one probably means.

use super::key::{Key, fold};
use super::outline::{Outline, Shape};

/// The key nearest to `parts` in a section at `key`, whose first part is unknown; and what may stand in that section.
pub fn key(outline: &Outline, key: &Key, parts: &[String]) -> (Option<String>, String) {
    let Shape::Section(fields) = &outline.shape else { return (None, String::new()) };
    let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    let allowed = format!("known here are {}", names.join(", "));
    let Some((first, rest)) = parts.split_first() else { return (None, allowed) };
    let here = name(first, &names).map(|name| rest.iter().fold(key.child(name), |key, part| key.child(part)));
    let nearest = here.or_else(|| elsewhere(Outline::document(), &Key::default(), &fold(first)));
    (nearest.map(|key| key.to_string()), allowed)
}

/// The name out of `names` that is nearest to `name`, if it is near.
pub fn name<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    let name = fold(name);
    let distances = names.iter().map(|known| (strsim::damerau_levenshtein(&name, &fold(known)), *known));
    let (distance, known) = distances.min()?;
    (distance <= (name.chars().count() / 3).max(1)).then_some(known)
}

/// The first key of this name anywhere in the tree.
fn elsewhere(outline: &Outline, key: &Key, folded: &str) -> Option<Key> {
    match &outline.shape {
        Shape::Section(fields) => {
            let here = fields.iter().find(|(name, _)| fold(name) == folded).map(|(name, _)| key.child(name));
            here.or_else(|| fields.iter().find_map(|(name, below)| elsewhere(below, &key.child(name), folded)))
        }
        Shape::Map(below) => elsewhere(below, &key.child("<name>"), folded),
        Shape::List(_) | Shape::Value => None,
    }
}
