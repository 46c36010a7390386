//! PKCS#12 files (`.pfx`, `.p12`): one key with its chain.
//!
//! Files are read whatever their age: encrypted as OpenSSL 3 or as Windows does it, with or without a MAC, with an empty password. The
//! certificate is found by the key, not by the identifiers that link both, since some programs leave those out.

use p12_keystore::{CertificateBag, Pkcs12Archive, PrivateKeyBag, error::Error};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// What is in a PKCS#12 file.
#[derive(Debug)]
pub(crate) struct Pkcs12 {
    archive: Pkcs12Archive,
}

/// Whether the outside is that of `PFX ::= SEQUENCE { version INTEGER {v3(3)}, ... }` (RFC 7292 section 4) in DER, and complete.
fn is_pfx(content: &[u8]) -> bool {
    let (header, length) = match content {
        [0x30, short @ 0..=0x7f, ..] => (2, usize::from(*short)),
        [0x30, 0x81, a, ..] => (3, usize::from(*a)),
        [0x30, 0x82, a, b, ..] => (4, usize::from(u16::from_be_bytes([*a, *b]))),
        _ => return false,
    };
    content.len() == header + length && content[header..].starts_with(&[0x02, 0x01, 0x03])
}

/// Why a PKCS#12 file cannot be read.
#[derive(Debug)]
pub(crate) enum Pkcs12Error {
    /// It does not open with the password, or is damaged inside.
    Password,
    /// It is something else, or encrypted in a way that is not read.
    Malformed(String),
}

impl Pkcs12 {
    /// Opens the file.
    pub(crate) fn parse(content: &[u8], password: &str) -> Result<Pkcs12, Pkcs12Error> {
        Pkcs12Archive::from_pkcs12(content, password).map(|archive| Pkcs12 { archive }).map_err(|error| match error {
            Error::MacError(_) | Error::Pkcs5Error(_) | Error::UnpadError => Pkcs12Error::Password,
            // Without a MAC, the wrong password may also show as nonsense inside.
            Error::DerError(_) | Error::X509Error(_) | Error::InvalidPrivateKey if is_pfx(content) => {
                Pkcs12Error::Password
            }
            error => Pkcs12Error::Malformed(error.to_string()),
        })
    }

    /// The keys, in the order of the file.
    pub(crate) fn keys(&self) -> impl Iterator<Item = PrivateKeyDer<'static>> + '_ {
        self.archive.keys.iter().map(|PrivateKeyBag { key, .. }| PrivatePkcs8KeyDer::from(key.as_der().to_vec()).into())
    }

    /// The chains that start at each certificate in turn: it, whoever signed it, and so on. One of them is the key's.
    pub(crate) fn chains(&self) -> impl Iterator<Item = Vec<CertificateDer<'static>>> + '_ {
        self.archive.certs.iter().map(|leaf| self.chain(leaf))
    }

    fn chain(&self, leaf: &CertificateBag) -> Vec<CertificateDer<'static>> {
        let mut chain = vec![&leaf.cert];
        while let Some(last) = chain.last().filter(|last| last.issuer() != last.subject()) {
            let issuer = self.archive.certs.iter().map(|bag| &bag.cert).find(|cert| cert.subject() == last.issuer());
            // Certificates that sign each other would go round for ever.
            let Some(issuer) = issuer.filter(|issuer| !chain.contains(issuer)) else { break };
            chain.push(issuer);
        }
        chain.into_iter().map(|cert| CertificateDer::from(cert.as_der().to_vec())).collect()
    }
}
