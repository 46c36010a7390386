//! Certificates and directories for tests.

#![allow(clippy::disallowed_methods)] // tests are told by a variable whether tools may be absent

use super::identity::Identity;
use super::source::Sources;
use crate::endpoint::CertificateFiles;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
    PKCS_ED25519, PKCS_RSA_SHA256,
};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Kinds of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rsa,
    EcdsaP256,
    EcdsaP384,
    Ed25519,
}

impl Kind {
    pub(crate) const ALL: [Kind; 4] = [Kind::Rsa, Kind::EcdsaP256, Kind::EcdsaP384, Kind::Ed25519];

    pub(crate) fn key(self) -> KeyPair {
        let algorithm = match self {
            Kind::Rsa => &PKCS_RSA_SHA256,
            Kind::EcdsaP256 => &PKCS_ECDSA_P256_SHA256,
            Kind::EcdsaP384 => &PKCS_ECDSA_P384_SHA384,
            Kind::Ed25519 => &PKCS_ED25519,
        };
        KeyPair::generate_for(algorithm).unwrap()
    }
}

/// A certificate authority.
pub(crate) struct Authority(pub(crate) CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new(name: &str) -> Authority {
        let mut parameters = parameters(name, &[]);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Authority(CertifiedIssuer::self_signed(parameters, Kind::EcdsaP256.key()).unwrap())
    }

    pub(crate) fn leaf(&self, kind: Kind, name: &str, hosts: &[&str], serial: u64) -> (Certificate, KeyPair) {
        let (mut parameters, key) = (parameters(name, hosts), kind.key());
        parameters.serial_number = Some(serial.into());
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        (parameters.signed_by(&key, &self.0).unwrap(), key)
    }
}

fn parameters(name: &str, hosts: &[&str]) -> CertificateParams {
    let mut parameters =
        CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters
}

/// A certificate with its key, by way of files.
pub(crate) fn identity(kind: Kind, hosts: &[&str]) -> Identity {
    let directory = Directory::new();
    let (certificate, key) = Authority::new("Test").leaf(kind, hosts[0], hosts, 1);
    let path = directory.write("both.pem", format!("{}{}", certificate.pem(), key.serialize_pem()));
    let sources = Sources::read(std::slice::from_ref(&path)).unwrap();
    Identity::read(&CertificateFiles { path, key_path: None, password: None }, &sources).unwrap()
}

/// A directory that goes away with the test.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Directory {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("mqtt-server-tls-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs `openssl` in `directory`; false where it is not installed, which fails where `CI` is set.
pub(crate) fn openssl(directory: &Directory, arguments: &str) -> bool {
    let output = match Command::new("openssl")
        .args(arguments.split(' ').map(|a| if a == "''" { "" } else { a }))
        .current_dir(directory.path())
        .output()
    {
        Ok(output) => output,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "openssl cannot be run: {error}");
            // Past the test runner's capture.
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                b"\nSKIPPED a test of certificate files: openssl is not installed\n",
            );
            return false;
        }
    };
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    true
}
