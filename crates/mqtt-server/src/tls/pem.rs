//! PEM: what is in a file of certificates, keys and revocation lists.
//!
//! The only place that knows `rustls-pemfile`. That crate passes over sections it does not know, so encrypted keys are found here.

use base64::prelude::{BASE64_STANDARD, Engine};
use pkcs8::{EncryptedPrivateKeyInfoRef, Error, pkcs5};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls_pemfile::Item;

const BEGIN: &str = "-----BEGIN ";
const BEGIN_ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const END_ENCRYPTED: &str = "-----END ENCRYPTED PRIVATE KEY-----";
/// Header of keys encrypted by OpenSSL's own scheme: one round of MD5 as key derivation.
const OLD_ENCRYPTION: &str = "Proc-Type: 4,ENCRYPTED";

/// The sections of a PEM file, each kind in the order of the file.
#[derive(Debug, Default)]
pub(crate) struct Pem {
    pub(crate) certificates: Vec<CertificateDer<'static>>,
    pub(crate) keys: Vec<PrivateKeyDer<'static>>,
    pub(crate) encrypted_keys: Vec<EncryptedKey>,
    pub(crate) revocation_lists: Vec<CertificateRevocationListDer<'static>>,
}

/// A key in PKCS#8 that needs a password, in DER.
#[derive(Debug)]
pub(crate) struct EncryptedKey(Vec<u8>);

/// Why an encrypted key stays closed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DecryptError {
    /// The scheme is none of those that are read.
    Unsupported,
    /// The password is wrong, or the data damaged.
    Password,
}

/// Why a PEM file cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PemError {
    /// A section is damaged.
    Damaged(String),
    /// A key is encrypted in a way from before PKCS#8.
    OldEncryption,
}

impl Pem {
    /// Whether this looks like PEM at all.
    pub(crate) fn is_pem(content: &[u8]) -> bool {
        memmem(content, BEGIN.as_bytes())
    }

    /// Reads all sections; those of other kinds are passed over.
    pub(crate) fn parse(content: &[u8]) -> Result<Pem, PemError> {
        if memmem(content, OLD_ENCRYPTION.as_bytes()) {
            return Err(PemError::OldEncryption);
        }
        let mut pem = Pem { encrypted_keys: encrypted_keys(content)?, ..Pem::default() };
        for item in rustls_pemfile::read_all(&mut &*content) {
            match item.map_err(|error| PemError::Damaged(error.to_string()))? {
                Item::X509Certificate(certificate) => pem.certificates.push(certificate),
                Item::Pkcs1Key(key) => pem.keys.push(key.into()),
                Item::Pkcs8Key(key) => pem.keys.push(key.into()),
                Item::Sec1Key(key) => pem.keys.push(key.into()),
                Item::Crl(list) => pem.revocation_lists.push(list),
                _ => {}
            }
        }
        Ok(pem)
    }
}

impl EncryptedKey {
    /// Opens the key: PBES2 with AES or 3DES, its key derived by scrypt or by PBKDF2 with SHA-1 or SHA-2. SHA-1 was OpenSSL's choice
    /// until 1.1; reading such a file makes it no weaker than it is.
    pub(crate) fn decrypt(&self, password: &str) -> Result<PrivateKeyDer<'static>, DecryptError> {
        let info = EncryptedPrivateKeyInfoRef::try_from(&*self.0).map_err(|_| DecryptError::Unsupported)?;
        let key = info.decrypt(password).map_err(|error| match error {
            // The wrong password shows in the padding, or where that happens to be right, in what is inside.
            Error::EncryptedPrivateKey(pkcs5::Error::DecryptFailed) | Error::Asn1(_) => DecryptError::Password,
            _ => DecryptError::Unsupported,
        })?;
        Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
    }
}

fn encrypted_keys(content: &[u8]) -> Result<Vec<EncryptedKey>, PemError> {
    let damaged = |what: &str| PemError::Damaged(format!("an encrypted private key {what}"));
    let text = String::from_utf8_lossy(content);
    let mut keys = Vec::new();
    let mut rest = &*text;
    while let Some((_, from_key)) = rest.split_once(BEGIN_ENCRYPTED) {
        let (body, after) = from_key.split_once(END_ENCRYPTED).ok_or_else(|| damaged("has no end"))?;
        let base64: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        keys.push(EncryptedKey(BASE64_STANDARD.decode(base64).map_err(|_| damaged("is not base64"))?));
        rest = after;
    }
    Ok(keys)
}

fn memmem(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn old_encryption_is_told_from_damage() {
        let old = b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        assert_eq!(Pem::parse(old).unwrap_err(), PemError::OldEncryption);
        assert!(matches!(Pem::parse(b"-----BEGIN CERTIFICATE-----\nAAAA\n"), Err(PemError::Damaged(_))));
        assert!(matches!(Pem::parse(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"), Err(PemError::Damaged(_))));
    }

    #[test]
    fn sections_of_other_kinds_are_passed_over() {
        let pem = Pem::parse(b"text\n-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n").unwrap();
        assert!(pem.certificates.is_empty() && pem.keys.is_empty() && pem.encrypted_keys.is_empty());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(-----BEGIN (ENCRYPTED |RSA |)(PRIVATE KEY|CERTIFICATE|X509 CRL)-----|-----END [A-Z ]{0,20}-----|[A-Za-z0-9+/=]{0,70}|\n){0,12}") {
            if let Ok(pem) = Pem::parse(text.as_bytes()) {
                for key in pem.encrypted_keys {
                    let _ = key.decrypt("secret");
                }
            }
        }
    }
}
