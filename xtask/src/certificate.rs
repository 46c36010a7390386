//! The certificate that both brokers show under load, and the TLS of the clients that trust it.
//!
//! One version, one suite and one group, so that both brokers do the same work: TLS 1.3, AES-256-GCM, X25519, ECDSA P-256.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use quinn::crypto::rustls::QuicClientConfig;
use rcgen::{CertificateParams, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider, kx_group};
use rustls::{ClientConfig, RootCertStore};

/// A certificate for 127.0.0.1.
#[derive(Debug)]
pub struct Certificate {
    /// The certificate in PEM.
    pub file: PathBuf,
    /// Its private key in PEM.
    pub key_file: PathBuf,
    /// For clients; every handshake is a full one.
    pub client: Arc<ClientConfig>,
}

impl Certificate {
    /// Makes one; its files go into `folder`.
    pub fn new(folder: &Path) -> Result<Self> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).context("private key")?;
        let mut parameters = CertificateParams::new(["127.0.0.1".to_owned()]).context("certificate")?;
        parameters.is_ca = IsCa::ExplicitNoCa;
        let certificate = parameters.self_signed(&key).context("certificate")?;
        let (file, key_file) = (folder.join("certificate.pem"), folder.join("key.pem"));
        fs::write(&file, certificate.pem()).with_context(|| format!("{}", file.display()))?;
        fs::write(&key_file, key.serialize_pem()).with_context(|| format!("{}", key_file.display()))?;

        let mut roots = RootCertStore::empty();
        roots.add(certificate.der().clone()).context("certificate")?;
        let mut provider = default_provider();
        provider.cipher_suites = vec![cipher_suite::TLS13_AES_256_GCM_SHA384];
        provider.kx_groups = vec![kx_group::X25519];
        let mut client = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .context("TLS 1.3")?
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.resumption = Resumption::disabled();
        Ok(Self { file, key_file, client: Arc::new(client) })
    }

    /// The same for QUIC. Its first packets are bound to AES-128-GCM; what follows has the suite of TLS.
    pub fn quic(&self) -> Result<quinn::ClientConfig> {
        let mut client = (*self.client).clone();
        client.alpn_protocols = vec![b"mqtt".to_vec()];
        let first = cipher_suite::TLS13_AES_128_GCM_SHA256.tls13().and_then(|suite| suite.quic_suite());
        let first = first.context("TLS has no suite for QUIC")?;
        let client = QuicClientConfig::with_initial(Arc::new(client), first).context("QUIC")?;
        Ok(quinn::ClientConfig::new(Arc::new(client)))
    }
}
