//! A certificate with its key, as the server shows it to clients.
//!
//! Files are told apart by what is in them, not by their names: PEM (one file or two; PKCS#1, SEC1 and PKCS#8, the last also encrypted) and
//! PKCS#12. An [`Identity`] that exists has a key that is its certificate's. Whether the certificate is valid today or signed by somebody
//! known is the clients' business and not checked here; [`Validity`] lets the owner warn.

use super::pem::{DecryptError, Pem, PemError};
use super::pkcs12::{Pkcs12, Pkcs12Error};
use super::source::Sources;
use super::{TlsError, provider};
use crate::endpoint::CertificateFiles;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

const CERTIFICATES: &str = "certificates in PEM, or a PKCS#12 file";
const KEY: &str = "a private key in PEM";

/// A certificate with its key.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) certified: Arc<CertifiedKey>,
    pub(crate) validity: Validity,
}

/// When and for whom a certificate is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The file it was read from.
    pub path: PathBuf,
    /// Host names of the certificate, in lower case; `*.example.org` stands for one label.
    pub names: Vec<String>,
    /// Valid from.
    pub not_before: SystemTime,
    /// Valid until.
    pub not_after: SystemTime,
}

impl Identity {
    /// Reads a certificate and its key.
    pub(crate) fn read(files: &CertificateFiles, sources: &Sources) -> Result<Identity, TlsError> {
        let key_file = files.key_path.as_deref().map(|path| (path, sources.get(path)));
        Identity::parse(files, sources.get(&files.path), key_file)
    }

    fn parse(files: &CertificateFiles, content: &[u8], key_file: Option<(&Path, &[u8])>) -> Result<Identity, TlsError> {
        let path = &files.path;
        let password = files.password.as_deref();
        if Pem::is_pem(content) {
            return from_pem(path, content, key_file, password);
        }
        // DER begins with SEQUENCE; certificates in DER do too.
        match content {
            [0x30, ..] if X509Certificate::from_der(content).is_ok() => {
                let convert = format!(
                    "it is a certificate in DER, convert it with `openssl x509 -inform der -in {}`",
                    path.display()
                );
                Err(TlsError::malformed(path, CERTIFICATES, convert))
            }
            [0x30, ..] if key_file.is_some() => Err(TlsError::malformed(
                path,
                CERTIFICATES,
                "it is PKCS#12, which has the key inside: leave out the key file",
            )),
            [0x30, ..] => from_pkcs12(path, content, password),
            [] => Err(TlsError::malformed(path, CERTIFICATES, "it is empty")),
            _ => Err(TlsError::malformed(path, CERTIFICATES, "it is neither")),
        }
    }
}

fn from_pem(
    path: &Path,
    content: &[u8],
    key_file: Option<(&Path, &[u8])>,
    password: Option<&str>,
) -> Result<Identity, TlsError> {
    let pem = parse_pem(path, CERTIFICATES, content)?;
    let (key_path, key) = match key_file {
        None => (path, pem_key(path, &pem, password)?),
        Some((key_path, _)) if key_path == path => (path, pem_key(path, &pem, password)?),
        Some((key_path, key)) => (key_path, pem_key(key_path, &parse_pem(key_path, KEY, key)?, password)?),
    };
    if pem.certificates.is_empty() {
        return Err(TlsError::missing(path, "certificate (no section BEGIN CERTIFICATE)"));
    }
    certify(path, pem.certificates, key_path, key)
}

fn parse_pem(path: &Path, expected: &'static str, content: &[u8]) -> Result<Pem, TlsError> {
    if !Pem::is_pem(content) {
        return Err(TlsError::malformed(path, expected, "it is not PEM (no line begins with -----BEGIN)"));
    }
    Pem::parse(content).map_err(|error| match error {
        PemError::Damaged(reason) => TlsError::malformed(path, expected, reason),
        PemError::OldEncryption => TlsError::Encryption { path: path.to_owned() },
    })
}

fn pem_key(path: &Path, pem: &Pem, password: Option<&str>) -> Result<PrivateKeyDer<'static>, TlsError> {
    if let Some(key) = pem.keys.first() {
        return Ok(key.clone_key());
    }
    let key =
        pem.encrypted_keys.first().ok_or_else(|| TlsError::missing(path, "private key; name the file that does"))?;
    let password = password.ok_or_else(|| TlsError::PasswordMissing { path: path.to_owned() })?;
    key.decrypt(password).map_err(|error| match error {
        DecryptError::Unsupported => TlsError::Encryption { path: path.to_owned() },
        DecryptError::Password => TlsError::PasswordWrong { path: path.to_owned() },
    })
}

fn from_pkcs12(path: &Path, content: &[u8], password: Option<&str>) -> Result<Identity, TlsError> {
    let file = Pkcs12::parse(content, password.unwrap_or("")).map_err(|error| match error {
        Pkcs12Error::Password if password.is_none() => TlsError::PasswordMissing { path: path.to_owned() },
        Pkcs12Error::Password => TlsError::PasswordWrong { path: path.to_owned() },
        Pkcs12Error::Malformed(reason) => {
            let convert = format!(
                "{reason}; if OpenSSL reads it, convert it with `openssl pkcs12 -nodes -in {}`",
                path.display()
            );
            TlsError::malformed(path, CERTIFICATES, convert)
        }
    })?;
    // Nearly always one key and its chain; the error that is shown is that of the last pair.
    let mut outcome = Err(TlsError::missing(path, "private key with its certificate"));
    for key in file.keys() {
        for chain in file.chains() {
            outcome = certify(path, chain, path, key.clone_key());
            if outcome.is_ok() {
                return outcome;
            }
        }
    }
    outcome
}

fn certify(
    path: &Path,
    chain: Vec<CertificateDer<'static>>,
    key_path: &Path,
    key: PrivateKeyDer<'static>,
) -> Result<Identity, TlsError> {
    let leaf = chain.first().ok_or_else(|| TlsError::missing(path, "certificate"))?;
    let validity = validity(path, leaf)?;
    let key = provider()
        .key_provider
        .load_private_key(key)
        .map_err(|error| TlsError::malformed(key_path, "an RSA, ECDSA or Ed25519 key", error))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) => Ok(Identity { certified: Arc::new(certified), validity }),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(TlsError::KeyMismatch { certificate: path.to_owned(), key: key_path.to_owned() })
        }
        Err(error) => Err(TlsError::malformed(path, "a certificate of X.509 version 3", error)),
    }
}

/// Names and dates of a certificate.
pub(crate) fn validity(path: &Path, certificate: &CertificateDer<'_>) -> Result<Validity, TlsError> {
    let malformed =
        |reason: &dyn std::fmt::Display| TlsError::malformed(path, "a certificate of X.509 version 3", reason);
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|error| malformed(&error))?;
    let names = parsed.subject_alternative_name().map_err(|error| malformed(&error))?;
    let names = names.into_iter().flat_map(|names| &names.value.general_names).filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.trim_end_matches('.').to_ascii_lowercase()),
        _ => None,
    });
    Ok(Validity {
        path: path.to_owned(),
        names: names.collect(),
        not_before: time(parsed.validity().not_before.timestamp()),
        not_after: time(parsed.validity().not_after.timestamp()),
    })
}

/// Seconds since 1970 as a time; what lies before is 1970.
fn time(seconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

#[cfg(test)]
mod tests;
