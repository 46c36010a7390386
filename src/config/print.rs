//! The resolved tree as text: every value that holds, secrets masked.

use super::Settings;

/// Whether each value's origin stands beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origins {
    /// It does.
    Shown,
    /// It does not.
    Hidden,
}

/// The tree as YAML, which can be used as a configuration file once the masked secrets are filled in.
pub fn print(settings: &Settings, origins: Origins) -> String {
    let (mut text, mut above): (String, Vec<String>) = (String::new(), Vec::new());
    for leaf in settings.tree.leaves() {
        let Some((name, sections)) = leaf.key.0.split_last() else { continue };
        let common = above.iter().zip(sections).take_while(|(one, other)| one == other).count();
        for (depth, section) in sections.iter().enumerate().skip(common) {
            text += &format!("{:indent$}{}:\n", "", quoted(section), indent = 2 * depth);
        }
        above = sections.to_vec();
        let indent = 2 * sections.len();
        // Numbered parts below a section are the items of a list.
        let item = name.bytes().all(|byte| byte.is_ascii_digit()) && super::tree::is_item(&leaf.key);
        let name = if item { "-".to_owned() } else { format!("{}:", quoted(name)) };
        let origin = match origins {
            Origins::Shown => format!("  # {}", leaf.origin),
            Origins::Hidden => String::new(),
        };
        text += &format!("{:indent$}{name} {}{origin}\n", "", quoted(&leaf.shown));
    }
    text
}

/// A text as YAML, in quotes where it would be read as something else without.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '%' | '$' | '<' | '>');
    let mut characters = text.chars();
    let first = characters.next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '/');
    let word = matches!(text.to_ascii_lowercase().as_str(), "null" | "yes" | "no" | "on" | "off");
    match first && !word && characters.all(plain) {
        true => text.to_owned(),
        false => serde_json::Value::from(text).to_string(), // JSON's strings are YAML's
    }
}
