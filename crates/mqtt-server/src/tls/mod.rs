//! TLS of endpoints: from files to handshakes.
//!
//! [`load`] reads everything that the settings of an endpoint name and gives a configuration that works as a whole or says why not;
//! [`Acceptor`] does handshakes with it and lets it be replaced while connections live. [`local_authority`] makes certificates for those
//! who have none yet.
//!
//! Not here: watching files and deciding when to load again (compare [`fingerprint`]), time limits of handshakes, and what a client
//! certificate is good for ([`ClientCertificate`] says whose it is). There is no early data over TCP: a CONNECT could be replayed.

mod acceptor;
mod clients;
mod error;
mod fingerprint;
mod host_names;
mod identity;
pub mod local_authority;
mod new_file;
mod peer;
mod pem;
mod pkcs12;
mod resolver;
mod self_signed;
mod source;
#[cfg(test)]
pub(crate) mod testing;
mod tickets;

pub use acceptor::Acceptor;
pub use error::TlsError;
pub use fingerprint::Fingerprint;
pub use host_names::HostNames;
pub use identity::Validity;
pub use peer::ClientCertificate;
pub use self_signed::generate_pfx;
pub use source::files;
pub use tickets::Tickets;

use crate::endpoint::{ClientCertificates, TlsSettings, TlsVersions};
use identity::Identity;
use resolver::Resolver;
use rustls::crypto::CryptoProvider;
use rustls::server::NoServerSessionStorage;
use rustls::{ServerConfig, SupportedProtocolVersion};
use source::Sources;
use std::sync::{Arc, LazyLock};

/// TLS of an endpoint, ready for handshakes.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// For [`Acceptor`], or for QUIC if TLS 1.3 is on.
    pub config: Arc<ServerConfig>,
    /// Of all files that were read.
    pub fingerprint: Fingerprint,
    /// Of the certificates, in the order of the settings.
    pub certificates: Vec<Validity>,
}

/// Reads all files of `settings` and makes a configuration of them that agrees on one of `alpn`, first is best. `tickets` outlives it.
///
/// # Errors
/// The first thing that is wrong; a configuration that is in force meanwhile is not touched.
pub fn load(settings: &TlsSettings, alpn: &[&[u8]], tickets: &Tickets) -> Result<Loaded, TlsError> {
    let versions = versions(settings.versions)?;
    if settings.certificates.is_empty() {
        return Err(TlsError::Settings("TLS is on, but no certificate is named"));
    }
    let sources = Sources::read(&files(settings))?;
    let identities =
        settings.certificates.iter().map(|files| Identity::read(files, &sources)).collect::<Result<Vec<_>, _>>()?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&versions)
        .map_err(TlsError::library)?
        .with_client_cert_verifier(clients::verifier(&settings.clients, &sources)?)
        .with_cert_resolver(Arc::new(Resolver::new(&identities)));
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    config.ticketer = tickets.bound_to(trust(&settings.clients, &sources));
    // Clients resume by tickets or not at all: a cache would hold memory for each of them.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    // One ticket does for a client with one connection; rustls sends two.
    config.send_tls13_tickets = 1;
    config.max_early_data_size = 0;
    let certificates = identities.into_iter().map(|identity| identity.validity).collect();
    Ok(Loaded { config: Arc::new(config), fingerprint: sources.fingerprint(), certificates })
}

/// Of the files that `settings` name, as they are now: [`load`] has something new to say if it differs from [`Loaded::fingerprint`].
///
/// # Errors
/// A file cannot be read.
pub fn fingerprint(settings: &TlsSettings) -> Result<Fingerprint, TlsError> {
    Ok(Sources::read(&files(settings))?.fingerprint())
}

/// The one provider of cryptography.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    PROVIDER.clone()
}

fn versions(TlsVersions { tls12, tls13 }: TlsVersions) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    let versions = [(tls13, &rustls::version::TLS13), (tls12, &rustls::version::TLS12)];
    let versions: Vec<_> = versions.into_iter().filter_map(|(on, version)| on.then_some(version)).collect();
    if versions.is_empty() {
        return Err(TlsError::Settings("TLS is on, but both TLS 1.2 and TLS 1.3 are switched off"));
    }
    Ok(versions)
}

/// Of whatever decides which client certificates are valid.
fn trust(clients: &ClientCertificates, sources: &Sources) -> Fingerprint {
    let mode: &[u8] = match clients {
        ClientCertificates::None => b"none",
        ClientCertificates::Allow(_) => b"allow",
        ClientCertificates::Require(_) => b"require",
    };
    Fingerprint::of_all([mode, sources.fingerprint_of(&source::trust_files(clients)).as_bytes()])
}
