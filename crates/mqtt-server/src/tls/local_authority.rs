//! Certificates for a server that was given none: a small certificate authority in a directory of its own.
//!
//! Clients are told once to trust the authority (`ca.pem`); the server's certificate can then be renewed and its names can change without
//! them. In the directory:
//!
//! | file         | content                                    | changed                                                            |
//! |--------------|--------------------------------------------|--------------------------------------------------------------------|
//! | `ca-key.pem` | key of the authority, ECDSA P-256, PKCS#8  | never                                                              |
//! | `ca.pem`     | its certificate, 10 years                  | never                                                              |
//! | `server.pem` | key and certificate of the server, 397 days| replaced as a whole with a third of its life left, or for new names |
//!
//! All files have mode 0600 and appear whole, also if the process is killed or two of them start at once. A `server.pem` that no
//! such authority issued is somebody's own and stays as it is.

use super::identity::{Validity, validity};
use super::pem::Pem;
use super::self_signed::{self, BEFORE, LIFE, ORGANIZATION};
use super::source::read_file;
use super::{Fingerprint, HostNames, TlsError, new_file};
use crate::endpoint::CertificateFiles;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::CertificateDer;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use x509_parser::prelude::{FromDer, X509Certificate};

const AUTHORITY_LIFE: Duration = Duration::from_secs(10 * 365 * 86_400);

/// The server's certificate and the authority behind it.
#[derive(Clone, Debug)]
pub struct LocalCertificate {
    /// For [`TlsSettings::certificates`](crate::endpoint::TlsSettings).
    pub files: CertificateFiles,
    /// The certificate that clients have to trust.
    pub authority: PathBuf,
    /// SHA-256 of that certificate.
    pub authority_fingerprint: Fingerprint,
    /// What was made just now.
    pub made: Made,
    /// When [`ensure`] will have something to renew; it is to be called again then.
    pub renew_at: SystemTime,
}

/// What was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// Nothing, all was there.
    Nothing,
    /// The server's certificate.
    Certificate,
    /// An authority, and the server's certificate.
    Authority,
}

/// Sees to it that `directory` holds a certificate for `names` that is good for a while from `now` on, and makes what is missing.
///
/// # Errors
/// A file cannot be read or written, is damaged, or the authority has expired. Nothing is ever repaired by overwriting.
pub fn ensure(directory: &Path, names: &HostNames, now: SystemTime) -> Result<LocalCertificate, TlsError> {
    new_file::create_directory(directory)?;
    let (authority, authority_is_new) = Authority::ensure(directory, names, now)?;
    let path = directory.join("server.pem");
    let current = if path.exists() { Some(Leaf::read(&path)?) } else { None };
    let (renew_at, made) = match current {
        // Nobody is to renew what is not ours.
        Some(leaf) if !leaf.ours => (leaf.validity.not_after, Made::Nothing),
        Some(leaf) if leaf.issuer == authority.subject && leaf.serves(names, now) => (leaf.renew_at(), Made::Nothing),
        _ => (authority.issue(&path, names, now)?, Made::Certificate),
    };
    Ok(LocalCertificate {
        files: CertificateFiles { path, key_path: None, password: None },
        authority: authority.path,
        authority_fingerprint: Fingerprint::of(&authority.certificate),
        made: if authority_is_new { Made::Authority } else { made },
        renew_at,
    })
}

struct Authority {
    path: PathBuf,
    key: KeyPair,
    certificate: CertificateDer<'static>,
    subject: String,
    not_after: SystemTime,
}

impl Authority {
    /// Reads the authority, or makes it; says whether it made the certificate.
    fn ensure(directory: &Path, names: &HostNames, now: SystemTime) -> Result<(Authority, bool), TlsError> {
        let (key_path, path) = (directory.join("ca-key.pem"), directory.join("ca.pem"));
        if path.exists() && !key_path.exists() {
            let reason =
                "ca.pem is there without ca-key.pem; put the key back, or remove ca.pem and give clients the new one";
            return Err(broken(directory, reason));
        }
        if !key_path.exists() {
            // Somebody else's, if it came up meanwhile: read below.
            new_file::create(&key_path, self_signed::new_key()?.serialize_pem().as_bytes())?;
        }
        let key = read_key(&key_path)?;
        // Also where a process was killed between key and certificate.
        let made = !path.exists() && new_file::create(&path, certificate_of(&key, names, now)?.as_bytes())?;
        let certificate = read_certificate(&path)?;
        let (_, parsed) = X509Certificate::from_der(&certificate).map_err(|error| damaged(&path, &error))?;
        if parsed.public_key().subject_public_key.data.as_ref() != rcgen::PublicKeyData::der_bytes(&key) {
            return Err(broken(
                directory,
                "ca-key.pem is not the key of ca.pem; put the right one back, or remove both",
            ));
        }
        let (subject, not_after) = (parsed.subject().to_string(), validity(&path, &certificate)?.not_after);
        if not_after <= now {
            let reason =
                "ca.pem has expired; remove ca.pem and ca-key.pem, start again and give clients the new ca.pem";
            return Err(broken(directory, reason));
        }
        Ok((Authority { path, key, certificate, subject, not_after }, made))
    }

    /// Writes a key and a certificate for `names`; gives the time to do so again.
    fn issue(&self, path: &Path, names: &HostNames, now: SystemTime) -> Result<SystemTime, TlsError> {
        let parameters = self_signed::server_parameters(names, now, self.not_after.min(now + LIFE))?;
        let key = self_signed::new_key()?;
        let issuer = Issuer::from_ca_cert_der(&self.certificate, &self.key).map_err(TlsError::library)?;
        let certificate = parameters.signed_by(&key, &issuer).map_err(TlsError::library)?;
        new_file::replace(path, format!("{}{}", key.serialize_pem(), certificate.pem()).as_bytes())?;
        Ok(Leaf::read(path)?.renew_at())
    }
}

/// The certificate of a new authority, in PEM.
fn certificate_of(key: &KeyPair, names: &HostNames, now: SystemTime) -> Result<String, TlsError> {
    let mut parameters = CertificateParams::default();
    // Several authorities with one name would be taken for each other by clients that look up by name.
    let id: String =
        Fingerprint::of(key.public_key_raw()).as_bytes()[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    let host: String = names.first().chars().take(30).collect();
    self_signed::name_subject(&mut parameters, &format!("Authority {id} of {host}"));
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    self_signed::set_validity(&mut parameters, now, now + AUTHORITY_LIFE);
    Ok(parameters.self_signed(key).map_err(TlsError::library)?.pem())
}

/// A server certificate that is there.
struct Leaf {
    issuer: String,
    /// Whether an authority as this one issued it, be it a former one.
    ours: bool,
    names: HostNames,
    validity: Validity,
}

impl Leaf {
    fn read(path: &Path) -> Result<Leaf, TlsError> {
        let certificate = read_certificate(path)?;
        let (_, parsed) = X509Certificate::from_der(&certificate).map_err(|error| damaged(path, &error))?;
        let ours = parsed.issuer().iter_organization().any(|name| name.as_str() == Ok(ORGANIZATION));
        let (issuer, names) = (parsed.issuer().to_string(), HostNames::in_certificate(&parsed));
        Ok(Leaf { issuer, ours, names, validity: validity(path, &certificate)? })
    }

    /// Whether it can stay: for these names, and more than a third of its life is left.
    fn serves(&self, names: &HostNames, now: SystemTime) -> bool {
        self.names == *names && now >= self.validity.not_before && now < self.renew_at()
    }

    fn renew_at(&self) -> SystemTime {
        let Validity { not_before, not_after, .. } = self.validity;
        let life = not_after.duration_since(not_before).unwrap_or_default().saturating_sub(BEFORE);
        not_after - life / 3
    }
}

fn read_key(path: &Path) -> Result<KeyPair, TlsError> {
    let content = read_file(path)?;
    KeyPair::from_pem(&String::from_utf8_lossy(&content)).map_err(|error| damaged(path, &error))
}

fn read_certificate(path: &Path) -> Result<CertificateDer<'static>, TlsError> {
    let pem = Pem::parse(&read_file(path)?).map_err(|error| damaged(path, &format_args!("{error:?}")))?;
    pem.certificates.into_iter().next().ok_or_else(|| damaged(path, &"there is none"))
}

fn damaged(path: &Path, reason: &dyn std::fmt::Display) -> TlsError {
    TlsError::malformed(
        path,
        "a key and certificate of the local authority in PEM",
        format_args!("{reason}; remove the file to have it made anew"),
    )
}

fn broken(directory: &Path, reason: &str) -> TlsError {
    TlsError::Authority { directory: directory.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests;
