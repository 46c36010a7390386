//! Which certificates there are, and which one an endpoint gets that names none.

use super::document::CertificateKeys;
use super::key::Key;
use super::nearest;
use super::net_mqtt::KESTREL_DEFAULT;
use super::resolve::Resolver;
use mqtt_server::endpoint::CertificateFiles;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The certificates of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificates {
    named: BTreeMap<String, CertificateFiles>,
    /// The one that `GENERATE_SSL_CERTIFICATE` makes.
    generated: Option<PathBuf>,
}

impl Certificates {
    /// Those that the keys describe.
    pub fn resolve(resolver: &mut Resolver<'_>, generated: Option<PathBuf>) -> Certificates {
        let section = Key::of("Certificates");
        let mut named = BTreeMap::new();
        for (name, keys) in &resolver.document.certificates {
            let key = section.child(name);
            match files(resolver, &key, keys) {
                Files::Given(files) => drop(named.insert(name.clone(), files)),
                Files::Missing => resolver.missing(&key, "a certificate needs a Path"),
                Files::Wrong => {}
            }
        }
        Certificates { named, generated }
    }

    /// The default for HTTP endpoints, or for all others.
    pub fn default_for(&self, http: bool) -> Option<CertificateFiles> {
        let order = if http { [KESTREL_DEFAULT, "Default"] } else { ["Default", KESTREL_DEFAULT] };
        let generated = || Some(CertificateFiles { path: self.generated.clone()?, key_path: None, password: None });
        order.iter().find_map(|name| self.named(name)).cloned().or_else(generated)
    }

    /// The certificate of a name.
    pub fn named(&self, name: &str) -> Option<&CertificateFiles> {
        let same = |(known, files): (&String, _)| (known.to_lowercase() == name.to_lowercase()).then_some(files);
        self.named.iter().find_map(|(known, files)| same((known, files)))
    }

    /// The name that is nearest to one that there is not.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        nearest::name(name, &self.named.keys().map(String::as_str).collect::<Vec<_>>())
    }
}

/// What a certificate's keys give.
pub enum Files {
    /// Files.
    Given(CertificateFiles),
    /// No path.
    Missing,
    /// An error, which is noted.
    Wrong,
}

/// The files of one certificate.
pub fn files(resolver: &mut Resolver<'_>, key: &Key, keys: &CertificateKeys) -> Files {
    if keys.subject.is_some() {
        resolver.contradiction(
            &key.child("Subject"),
            "there is no certificate store to search: give the files in Path and KeyPath",
        );
        return Files::Wrong;
    }
    for (name, set) in [
        ("Store", keys.store.is_some()),
        ("Location", keys.location.is_some()),
        ("AllowInvalid", keys.allow_invalid.is_some()),
    ] {
        if set {
            resolver.notices.push(format!("{} has no effect: there is no certificate store", key.child(name)));
        }
    }
    let Some(path) = &keys.path else {
        let alone = [("KeyPath", keys.key_path.is_some()), ("Password", keys.password.is_some())];
        return match alone.iter().find(|(_, set)| *set) {
            Some((name, _)) => {
                resolver.missing(key, &format!("{name} needs a Path beside it"));
                Files::Wrong
            }
            None => Files::Missing,
        };
    };
    let path = resolver.file(&key.child("Path"), path);
    let key_path = keys.key_path.as_ref().map(|path| resolver.file(&key.child("KeyPath"), path));
    let password = keys.password.as_ref().map(|password| password.expose().to_owned());
    match (path, key_path) {
        (Some(path), None) => Files::Given(CertificateFiles { path, key_path: None, password }),
        (Some(path), Some(Some(key_path))) => {
            Files::Given(CertificateFiles { path, key_path: Some(key_path), password })
        }
        _ => Files::Wrong,
    }
}
