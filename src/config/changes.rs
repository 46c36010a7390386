//! What a reload changes.

use super::Settings;
use super::key::Key;
use super::outline::Outline;
use super::tree::Leaf;
use std::collections::BTreeMap;

/// The difference between two configurations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Names of endpoints that are new.
    pub endpoints_added: Vec<String>,
    /// Names of endpoints that are gone.
    pub endpoints_removed: Vec<String>,
    /// Names of endpoints that are there in both and not the same.
    pub endpoints_changed: Vec<String>,
    /// Whether a bound is another one.
    pub limits: bool,
    /// Whether users, their passwords, or who may connect without are others.
    pub access: bool,
    /// Whether the log says more or less.
    pub log_level: bool,
    /// Whether certificates are configured otherwise, on an endpoint or for those that the broker makes. What is *in* a file is another matter:
    /// see [`super::watch`].
    pub certificates: bool,
    /// Keys whose values differ, for the log: all of them.
    pub keys: Vec<String>,
    /// Those among them that take effect only at the next start.
    pub restart: Vec<String>,
}

/// What is different in `new`.
pub fn diff(old: &Settings, new: &Settings) -> Changes {
    let keys = keys(old, new);
    let restart = |key: &Key| Outline::document().at(&key.0).is_some_and(|outline| outline.restart);
    let mut changes = Changes {
        limits: keys.iter().any(|key| key.0.first().is_some_and(|section| section == "Limits")),
        access: old.users != new.users || old.allow_anonymous != new.allow_anonymous,
        log_level: old.log_level != new.log_level,
        certificates: old.certificates != new.certificates || old.own_certificates != new.own_certificates,
        restart: keys.iter().filter(|key| restart(key)).map(Key::to_string).collect(),
        keys: keys.iter().map(Key::to_string).collect(),
        ..Changes::default()
    };
    for endpoint in &new.endpoints {
        match old.endpoints.iter().find(|other| other.name == endpoint.name) {
            None => changes.endpoints_added.push(endpoint.name.clone()),
            Some(other) if other != endpoint => {
                changes.certificates |= other.tls != endpoint.tls;
                changes.endpoints_changed.push(endpoint.name.clone());
            }
            Some(_) => {}
        }
    }
    let gone = old.endpoints.iter().filter(|endpoint| !new.endpoints.iter().any(|other| other.name == endpoint.name));
    changes.endpoints_removed = gone.map(|endpoint| endpoint.name.clone()).collect();
    changes
}

/// Keys whose values differ, or that are there in one alone.
fn keys(old: &Settings, new: &Settings) -> Vec<Key> {
    let by_key = |settings: &Settings| -> BTreeMap<Key, Leaf> {
        settings.tree.leaves().into_iter().map(|leaf| (leaf.key.clone(), leaf)).collect()
    };
    let (old, new) = (by_key(old), by_key(new));
    let changed = old.iter().filter(|(key, leaf)| new.get(key).is_none_or(|other| !leaf.equals(other)));
    let mut keys: Vec<Key> = changed.map(|(key, _)| key.clone()).collect();
    keys.extend(new.into_keys().filter(|key| !old.contains_key(key)));
    keys.sort();
    keys
}
