//! Which certificate a client gets.
//!
//! By the name it asks for (SNI): certificates with exactly that name, else those with a wildcard for it, else all in the order of the
//! settings. Among these, the first whose key makes signatures that the client can check, so that an ECDSA and an RSA certificate may
//! stand side by side under one name.

use super::identity::Identity;
use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::sync::Arc;

/// Picks among certificates.
#[derive(Debug)]
pub(crate) struct Resolver {
    all: Vec<Arc<CertifiedKey>>,
    exact: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// By what comes after `*.`.
    wildcard: HashMap<String, Vec<Arc<CertifiedKey>>>,
}

impl Resolver {
    pub(crate) fn new(identities: &[Identity]) -> Resolver {
        let all = identities.iter().map(|identity| identity.certified.clone()).collect();
        let mut resolver = Resolver { all, exact: HashMap::new(), wildcard: HashMap::new() };
        for identity in identities {
            for name in &identity.validity.names {
                let (names, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut resolver.wildcard, parent),
                    None => (&mut resolver.exact, name.as_str()),
                };
                names.entry(name.to_owned()).or_default().push(identity.certified.clone());
            }
        }
        resolver
    }

    fn pick(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let name = name.map(|name| name.trim_end_matches('.').to_ascii_lowercase());
        let exact = name.as_ref().and_then(|name| self.exact.get(name));
        let wildcard = name.as_ref().and_then(|name| self.wildcard.get(name.split_once('.')?.1));
        let candidates = exact.into_iter().chain(wildcard).flatten().chain(&self.all);
        let signs = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(schemes).is_some();
        // The first one although the client cannot check it: rustls then says what is wrong.
        candidates.into_iter().find(signs).or(self.all.first()).cloned()
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.pick(client_hello.server_name(), client_hello.signature_schemes())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Kind, identity};
    use super::*;

    const ECDSA: &[SignatureScheme] = &[SignatureScheme::ECDSA_NISTP256_SHA256];
    const RSA: &[SignatureScheme] = &[SignatureScheme::RSA_PSS_SHA256];

    fn picked(resolver: &Resolver, identities: &[Identity], name: Option<&str>, schemes: &[SignatureScheme]) -> usize {
        let key = resolver.pick(name, schemes).unwrap();
        identities.iter().position(|identity| Arc::ptr_eq(&identity.certified, &key)).unwrap()
    }

    #[test]
    fn exact_names_go_before_wildcards_and_wildcards_before_the_first() {
        let names = [&["first.test"][..], &["*.example.org", "example.org"], &["a.example.org"]];
        let identities = names.map(|names| identity(Kind::EcdsaP256, names));
        let resolver = Resolver::new(&identities);
        let pick = |name| picked(&resolver, &identities, name, ECDSA);
        assert_eq!(pick(Some("a.example.org")), 2);
        assert_eq!(pick(Some("A.Example.ORG")), 2);
        assert_eq!(pick(Some("b.example.org")), 1);
        assert_eq!(pick(Some("example.org")), 1);
        // A wildcard stands for one label.
        assert_eq!(pick(Some("b.c.example.org")), 0);
        assert_eq!(pick(Some("other.test")), 0);
        assert_eq!(pick(Some("org")), 0);
        assert_eq!(pick(None), 0);
    }

    #[test]
    fn of_two_certificates_for_a_name_the_one_that_the_client_can_check_is_taken() {
        let identities = [identity(Kind::EcdsaP256, &["a.test"]), identity(Kind::Rsa, &["a.test"])];
        let resolver = Resolver::new(&identities);
        assert_eq!(picked(&resolver, &identities, Some("a.test"), ECDSA), 0);
        assert_eq!(picked(&resolver, &identities, Some("a.test"), RSA), 1);
        assert_eq!(picked(&resolver, &identities, None, RSA), 1);
        assert_eq!(picked(&resolver, &identities, Some("a.test"), &[]), 0);
    }
}
