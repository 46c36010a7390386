//! TLS towards collectors: the public authorities or those of a file, and our own certificate where there is one.

use crate::config::telemetry::Destination;
use anyhow::Context;
use hyper_rustls::ConfigBuilderExt;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

/// For HTTP.
///
/// # Errors
/// A file that cannot be read, by name.
pub fn for_http(destination: &Destination) -> anyhow::Result<ClientConfig> {
    let builder = match &destination.authorities {
        None => ClientConfig::builder().with_webpki_roots(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate).with_context(|| format!("{}", path.display()))?;
            }
            ClientConfig::builder().with_root_certificates(roots)
        }
    };
    let Some((certificate, key)) = &destination.identity else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates(certificate)?;
    let key_of = PrivateKeyDer::from_pem_file(key).with_context(|| format!("no private key in {}", key.display()))?;
    builder.with_client_auth_cert(chain, key_of).with_context(|| format!("{}", certificate.display()))
}

/// For gRPC.
///
/// # Errors
/// A file that cannot be read, by name.
pub fn for_grpc(destination: &Destination) -> anyhow::Result<ClientTlsConfig> {
    for_http(destination)?; // says what is wrong with the files, which tonic says at the first request
    let mut config = ClientTlsConfig::new();
    config = match &destination.authorities {
        None => config.with_webpki_roots(),
        Some(path) => config.ca_certificate(Certificate::from_pem(read(path)?)),
    };
    Ok(match &destination.identity {
        None => config,
        Some((certificate, key)) => config.identity(Identity::from_pem(read(certificate)?, read(key)?)),
    })
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let what = || format!("cannot read certificates from {}", path.display());
    let found = CertificateDer::pem_file_iter(path).with_context(what)?.collect::<Result<Vec<_>, _>>();
    found.with_context(what).and_then(|found| match found.is_empty() {
        true => anyhow::bail!("there is no certificate in {}", path.display()),
        false => Ok(found),
    })
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
