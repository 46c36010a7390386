//! Configuration files as layers: TOML, YAML and JSON, told apart by their extension.
//!
//! A file is read as it is, through any symbolic links (Kubernetes mounts ConfigMaps and Secrets through `..data`), whoever owns it.

use super::entry::{Entry, Stated};
use super::error::{ConfigError, Problem};
use super::key::Key;
use super::origin::Origin;
use config::{FileFormat, Source, Value, ValueKind};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Far above any real configuration; keeps a wrong path (a disk image, /dev/zero) from filling memory.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Largest file with a secret.
const LARGEST_SECRET: u64 = 64 * 1024;

/// The configuration files of a directory, sorted by name; none if there is no such directory.
pub fn in_directory(directory: &Path, errors: &mut Vec<ConfigError>) -> Vec<PathBuf> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Vec::new();
        }
        Err(error) => {
            errors.push(whole(directory, format!("cannot list this directory: {error}")));
            return Vec::new();
        }
    };
    let visible = |path: &PathBuf| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| visible(path) && format(path).is_some())
        .collect();
    files.sort();
    files
}

/// The settings that a file holds.
pub fn entries(path: &Path, layer: usize, errors: &mut Vec<ConfigError>) -> Vec<Entry> {
    let Some((format, language)) = format(path) else {
        errors.push(whole(path, "a configuration file ends in .toml, .yaml, .yml or .json".to_owned()));
        return Vec::new();
    };
    let text = match text(path) {
        Ok(text) => text,
        Err(error) => {
            errors.push(whole(path, format!("cannot read this file: {error}")));
            return Vec::new();
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if text.trim().is_empty() {
        return Vec::new();
    }
    match config::File::from_str(text, format).collect() {
        Ok(table) => {
            let origin = Origin { layer, text: path.display().to_string() };
            let mut entries = Vec::new();
            flatten(Key::default(), &Value::new(None, ValueKind::Table(table)), &origin, &mut entries);
            entries.sort_by(|a, b| a.key.cmp(&b.key));
            entries
        }
        Err(error) => {
            errors.push(whole(path, format!("this is not {language}: {}", without_content(&error))));
            Vec::new()
        }
    }
}

/// The content of a file that holds one secret, without the line end that editors add.
pub fn secret(path: &Path) -> io::Result<String> {
    let text = within(path, LARGEST_SECRET)?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    Ok(text.to_owned())
}

/// The content of a file that is a text of reasonable size.
pub fn text(path: &Path) -> io::Result<String> {
    within(path, LARGEST)
}

fn within(path: &Path, largest: u64) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(largest + 1).read_to_string(&mut text)?;
    if text.len() as u64 > largest {
        return Err(io::Error::other(format!("it is larger than {} KiB", largest / 1024)));
    }
    Ok(text)
}

fn format(path: &Path) -> Option<(FileFormat, &'static str)> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "toml" => Some((FileFormat::Toml, "TOML")),
        "yaml" | "yml" => Some((FileFormat::Yaml, "YAML")),
        "json" => Some((FileFormat::Json, "JSON")),
        _ => None,
    }
}

fn flatten(key: Key, value: &Value, origin: &Origin, entries: &mut Vec<Entry>) {
    let value = match &value.kind {
        ValueKind::Table(table) if !table.is_empty() => {
            return table.iter().for_each(|(part, value)| flatten(key.child(part), value, origin, entries));
        }
        ValueKind::Array(array) if !array.is_empty() => {
            let items = array.iter().enumerate();
            return items.for_each(|(at, value)| flatten(key.child(at.to_string()), value, origin, entries));
        }
        ValueKind::Table(_) | ValueKind::Array(_) => Stated::Empty,
        ValueKind::Nil => Stated::Text(String::new()),
        ValueKind::String(text) => Stated::Text(text.clone()),
        other => Stated::Number(other.to_string()),
    };
    entries.push(Entry { key, value, origin: origin.clone() });
}

/// What a parser says, without the lines of the file that it shows: they may hold a secret.
fn without_content(error: &config::ConfigError) -> String {
    let root = || "its root is not a section".to_owned();
    let config::ConfigError::FileParse { cause, .. } = error else { return root() };
    let text = cause.to_string();
    // The crate shows what it found in place of a section.
    if text.ends_with("expected a map") {
        return root();
    }
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains('|')).collect();
    lines.join(": ")
}

fn whole(path: &Path, reason: String) -> ConfigError {
    ConfigError { key: String::new(), origin: String::new(), problem: Problem::File { path: path.to_owned(), reason } }
}
