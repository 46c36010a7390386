//! What is asked of clients, as rustls wants it.
//!
//! A certificate is valid if it leads to one of the endpoint's own authorities; those of the operating system do not count. A certificate
//! on a revocation list, or under one that is, is refused. An authority without a list revokes nothing, and a list past its date stays in
//! force: a list that was not renewed in time must not lock everybody out, and it must not let anybody back in.

use super::pem::{Pem, PemError};
use super::source::Sources;
use super::{TlsError, provider};
use crate::endpoint::{ClientCertificates, ClientTrust};
use rustls::RootCertStore;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientCertVerifierBuilder, WebPkiClientVerifier};
use std::path::Path;
use std::sync::Arc;

const AUTHORITIES: &str = "certificates of authorities in PEM";
const LIST: &str = "a revocation list in PEM or DER";

/// The verifier for these settings; a new one for each reading, so that authorities and lists always are of the same age.
pub(crate) fn verifier(
    clients: &ClientCertificates,
    sources: &Sources,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let (trust, optional) = match clients {
        ClientCertificates::None => return Ok(WebPkiClientVerifier::no_client_auth()),
        ClientCertificates::Allow(trust) => (trust, true),
        ClientCertificates::Require(trust) => (trust, false),
    };
    let roots = Arc::new(authorities(trust, sources)?);
    let mut lists = Vec::new();
    for path in &trust.revocation_lists {
        let found = revocation_lists(path, sources.get(path))?;
        // Built once for each file, as the error of the whole does not say which list it means.
        builder(&roots, found.clone()).build().map_err(|error| TlsError::malformed(path, LIST, error))?;
        lists.extend(found);
    }
    let builder = builder(&roots, lists);
    let builder = if optional { builder.allow_unauthenticated() } else { builder };
    let verifier = builder.build().map_err(TlsError::library)?;
    Ok(verifier)
}

fn builder(roots: &Arc<RootCertStore>, lists: Vec<CertificateRevocationListDer<'static>>) -> ClientCertVerifierBuilder {
    WebPkiClientVerifier::builder_with_provider(roots.clone(), provider())
        .with_crls(lists)
        .allow_unknown_revocation_status()
}

fn authorities(trust: &ClientTrust, sources: &Sources) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for path in &trust.authorities {
        let pem = parse(path, AUTHORITIES, sources.get(path))?;
        if pem.certificates.is_empty() {
            return Err(TlsError::missing(path, "certificate (no section BEGIN CERTIFICATE)"));
        }
        for certificate in pem.certificates {
            roots.add(certificate).map_err(|error| TlsError::malformed(path, AUTHORITIES, error))?;
        }
    }
    if roots.is_empty() {
        return Err(TlsError::Settings(
            "client certificates are asked for, but no authority is named that they have to come from",
        ));
    }
    Ok(roots)
}

fn revocation_lists(path: &Path, content: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    if content.first() == Some(&0x30) && !Pem::is_pem(content) {
        return Ok(vec![CertificateRevocationListDer::from(content.to_vec())]);
    }
    let pem = parse(path, LIST, content)?;
    if pem.revocation_lists.is_empty() {
        return Err(TlsError::missing(path, "revocation list (no section BEGIN X509 CRL)"));
    }
    Ok(pem.revocation_lists)
}

fn parse(path: &Path, expected: &'static str, content: &[u8]) -> Result<Pem, TlsError> {
    Pem::parse(content).map_err(|error| match error {
        PemError::Damaged(reason) => TlsError::malformed(path, expected, reason),
        PemError::OldEncryption => TlsError::malformed(path, expected, "it holds an encrypted key"),
    })
}
