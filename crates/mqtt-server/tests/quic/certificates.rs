//! An authority, a certificate of the server and one of a client, in a directory of the test's own.

use mqtt_server::endpoint::{CertificateFiles, ClientCertificates, ClientTrust, TlsSettings};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

pub struct Certificates {
    directory: PathBuf,
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl Certificates {
    pub fn new() -> Certificates {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("quic-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&directory).unwrap();
        let certificates = Certificates { directory };
        certificates.renew();
        certificates
    }

    /// Makes all certificates anew, from another authority.
    pub fn renew(&self) {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.distinguished_name.push(DnType::CommonName, "authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(self.authority(), issuer.pem()).unwrap();
        for name in ["server", "client"] {
            let mut leaf = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
            leaf.distinguished_name.push(DnType::CommonName, name);
            leaf.not_after = date_time_ymd(2100, 1, 1);
            let key = KeyPair::generate().unwrap();
            let certificate = leaf.signed_by(&key, &issuer).unwrap();
            std::fs::write(self.path(name), format!("{}{}", key.serialize_pem(), certificate.pem())).unwrap();
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.pem"))
    }

    pub fn authority(&self) -> PathBuf {
        self.path("authority")
    }

    /// Settings of the server, with clients' certificates required or not asked for.
    pub fn settings(&self, required: bool) -> TlsSettings {
        let trust = ClientTrust { authorities: vec![self.authority()], revocation_lists: Vec::new() };
        TlsSettings {
            certificates: vec![CertificateFiles { path: self.path("server"), key_path: None, password: None }],
            clients: if required { ClientCertificates::Require(trust) } else { ClientCertificates::None },
            ..TlsSettings::default()
        }
    }

    pub fn roots(&self) -> rustls::RootCertStore {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.authority()).unwrap()).unwrap();
        roots
    }

    pub fn client(&self) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let path = self.path("client");
        (CertificateDer::from_pem_file(&path).unwrap(), PrivateKeyDer::from_pem_file(&path).unwrap())
    }
}
