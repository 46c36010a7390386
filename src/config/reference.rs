//! The reference page, made from the types of [`super::document`] and their comments.

use super::defaults;
use super::key::Key;
use super::outline::{Outline, Shape};
use std::collections::HashMap;
use std::fmt::Write;

/// What stands above the tables.
const INTRODUCTION: &str = include_str!("reference.md");

/// The page as Markdown.
pub fn page() -> String {
    let mut defaults: HashMap<String, String> =
        defaults::broker().into_iter().map(|(key, text)| (key.to_string(), text)).collect();
    let endpoint = Key::of("Endpoints:<name>");
    for (key, text) in defaults::endpoint() {
        defaults.insert(format!("{endpoint}:{key}"), text);
    }
    let mut page = INTRODUCTION.to_owned();
    let mut sections = Vec::new();
    gather(&Key::default(), Outline::document(), &mut sections);
    for (key, outline) in sections {
        section(&mut page, &key, outline, &defaults);
    }
    page
}

/// All sections below a part of the tree, the part itself first.
fn gather<'a>(key: &Key, outline: &'a Outline, sections: &mut Vec<(Key, &'a Outline)>) {
    match &outline.shape {
        Shape::Section(fields) => {
            sections.push((key.clone(), outline));
            fields.iter().for_each(|(name, outline)| gather(&key.child(name), outline, sections));
        }
        Shape::Map(below) => {
            sections.push((key.clone(), outline));
            gather(&key.child("<name>"), below, sections);
        }
        Shape::List(_) | Shape::Value => {}
    }
}

fn section(page: &mut String, key: &Key, outline: &Outline, defaults: &HashMap<String, String>) {
    let title = if key.0.is_empty() { "Broker".to_owned() } else { format!("`{key}`") };
    // Writing to a string cannot fail.
    let _ = write!(page, "\n## {title}\n\n{}\n", outline.text);
    let Shape::Section(fields) = &outline.shape else { return };
    let _ = write!(
        page,
        "\n| Key | Environment variable | Value | Default | Meaning | Change |\n|---|---|---|---|---|---|\n"
    );
    for (name, field) in fields {
        let kind = match &field.shape {
            Shape::Value => field.title.clone(),
            Shape::List(item) => format!("list of {}", item.title),
            Shape::Section(_) | Shape::Map(_) => continue,
        };
        let key = key.child(name);
        let variable = format!("MQTT__{}", key.0.join("__"));
        let variable =
            field.environment.iter().fold(format!("`{variable}`"), |text, other| format!("{text} or `{other}`"));
        let default = defaults.get(&key.to_string()).map(|text| format!("`{text}`")).unwrap_or_default();
        let change = if field.restart { "restart" } else { "reload" };
        let _ = writeln!(page, "| `{name}` | {variable} | {kind} | {default} | {} | {change} |", field.text);
    }
}
