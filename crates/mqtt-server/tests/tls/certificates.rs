//! Certificate authorities, certificates and revocation lists in a directory of the test's own.

use mqtt_server::endpoint::{CertificateFiles, ClientTrust, TlsSettings};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256,
    RevokedCertParams, SignatureAlgorithm, date_time_ymd,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that goes away with the test.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Directory {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tls-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A certificate authority; its certificate is in `<name>.pem`.
pub struct Authority<'d> {
    directory: &'d Directory,
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub path: PathBuf,
}

pub const ECDSA: &SignatureAlgorithm = &PKCS_ECDSA_P256_SHA256;
pub const RSA: &SignatureAlgorithm = &PKCS_RSA_SHA256;

impl<'d> Authority<'d> {
    pub fn new(directory: &'d Directory, name: &str) -> Authority<'d> {
        let mut parameters = parameters(name, &[]);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate_for(ECDSA).unwrap()).unwrap();
        let path = directory.write(&format!("{name}.pem"), issuer.pem());
        Authority { directory, issuer, path }
    }

    /// Key and certificate in `<name>.pem`; the common name is `name`.
    pub fn certificate(
        &self,
        name: &str,
        hosts: &[&str],
        algorithm: &'static SignatureAlgorithm,
        serial: u64,
    ) -> PathBuf {
        self.dated_certificate(name, hosts, algorithm, serial, 2100)
    }

    /// The same, valid until the first day of `year`.
    pub fn dated_certificate(
        &self,
        name: &str,
        hosts: &[&str],
        algorithm: &'static SignatureAlgorithm,
        serial: u64,
        year: i32,
    ) -> PathBuf {
        let (mut parameters, key) = (parameters(name, hosts), KeyPair::generate_for(algorithm).unwrap());
        parameters.not_after = date_time_ymd(year, 1, 1);
        parameters.serial_number = Some(serial.into());
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        self.directory.write(&format!("{name}.pem"), format!("{}{}", key.serialize_pem(), certificate.pem()))
    }

    /// A list of revoked certificates in DER, out of date for years.
    pub fn revocation_list(&self, serials: &[u64]) -> Vec<u8> {
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: (*serial).into(),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let parameters = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(2020, 2, 1),
            crl_number: 1.into(),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        parameters.signed_by(&self.issuer).unwrap().der().to_vec()
    }

    /// Whose clients are valid: this authority's.
    pub fn trust(&self) -> ClientTrust {
        ClientTrust { authorities: vec![self.path.clone()], revocation_lists: Vec::new() }
    }
}

/// Settings for these certificates.
pub fn settings(certificates: &[&PathBuf]) -> TlsSettings {
    let files = |path: &&PathBuf| CertificateFiles { path: path.to_path_buf(), key_path: None, password: None };
    TlsSettings { certificates: certificates.iter().map(files).collect(), ..TlsSettings::default() }
}

fn parameters(name: &str, hosts: &[&str]) -> CertificateParams {
    let mut parameters =
        CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters
}
