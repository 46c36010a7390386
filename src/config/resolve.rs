//! From keys to settings: what no single value can tell, with the errors that name the keys that do not fit together.

use super::accounts::Accounts;
use super::document::Document;
use super::error::{ConfigError, MASK, Problem};
use super::key::Key;
use super::paths;
use super::scalar::FilePath;
use super::tree::Tree;
use std::ffi::OsString;
use std::path::PathBuf;

/// What resolving reads, and the errors and notices it makes.
pub struct Resolver<'a> {
    /// All keys.
    pub document: &'a Document,
    /// Their origins.
    pub tree: &'a Tree,
    /// For `%NAME%` in paths.
    pub environment: &'a [(OsString, OsString)],
    /// For names of users and groups.
    pub accounts: &'a Accounts,
    /// Files that the keys name and others will read.
    pub files: Vec<PathBuf>,
    /// What is wrong; what is wrong with single values is in here already.
    pub errors: Vec<ConfigError>,
    /// What may not be meant.
    pub notices: Vec<String>,
}

impl Resolver<'_> {
    /// Keys do not fit together.
    pub fn contradiction(&mut self, key: &Key, text: impl Into<String>) {
        let problem = Problem::Contradiction(text.into());
        self.error(key, problem);
    }

    /// Something is missing in a section. Says nothing if the section has an error already: it may be what is missing.
    pub fn missing(&mut self, section: &Key, text: &str) {
        let start = format!("{section}:").to_lowercase();
        if !self.errors.iter().any(|error| format!("{}:", error.key.to_lowercase()).contains(&start)) {
            self.contradiction(section, text);
        }
    }

    /// A value is not allowed.
    pub fn not_allowed(&mut self, key: &Key, allowed: impl Into<String>) {
        let value = self.tree.text(key).unwrap_or_default().to_owned();
        self.error(key, Problem::NotAllowed { value, allowed: allowed.into() });
    }

    /// A secret is not allowed.
    pub fn secret_not_allowed(&mut self, key: &Key, allowed: impl Into<String>) {
        self.error(key, Problem::NotAllowed { value: MASK.to_owned(), allowed: allowed.into() });
    }

    /// A path with its variables replaced; an error is noted and gives none.
    pub fn path(&mut self, key: &Key, path: &FilePath) -> Option<PathBuf> {
        match paths::expand(path, self.environment) {
            Ok(path) => Some(path),
            Err(text) => {
                self.contradiction(key, text);
                None
            }
        }
    }

    /// As [`Resolver::path`], of a file that others will read.
    pub fn file(&mut self, key: &Key, path: &FilePath) -> Option<PathBuf> {
        let path = self.path(key, path)?;
        self.files.push(path.clone());
        Some(path)
    }

    /// The files of a list.
    pub fn files(&mut self, key: &Key, paths: Option<&Vec<FilePath>>) -> Vec<PathBuf> {
        let paths = paths.into_iter().flatten().enumerate();
        paths.filter_map(|(at, path)| self.file(&key.child(at.to_string()), path)).collect()
    }

    fn error(&mut self, key: &Key, problem: Problem) {
        let origin = self.tree.origin(key).map(|origin| origin.text).unwrap_or_default();
        self.errors.push(ConfigError { key: key.to_string(), origin, problem });
    }
}
