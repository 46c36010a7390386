//! What the certificates that the server makes have in common, and the one without an authority: a PKCS#12 file as Net.MQTT makes it.

use super::{HostNames, TlsError, new_file};
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Life of a server certificate. Some clients refuse more than 398 days.
pub(crate) const LIFE: Duration = Duration::from_secs(397 * 86_400);
/// How far back validity begins, for clients whose clock is behind.
pub(crate) const BEFORE: Duration = Duration::from_secs(3_600);
/// Stands in all certificates that the server makes.
pub(crate) const ORGANIZATION: &str = "mqtt-server";
/// Longer common names are not allowed (RFC 5280, ub-common-name).
const MAX_COMMON_NAME: usize = 64;

/// Makes a key and a certificate for `names` in a PKCS#12 file with an empty password, unless the file exists; says whether it did.
/// Directories above the file are made too.
///
/// Valid for 397 days and not renewed: whoever needs that is better served by [`local_authority`](super::local_authority).
///
/// # Errors
/// The file cannot be written, or a name cannot stand in a certificate.
pub fn generate_pfx(path: &Path, names: &HostNames, now: SystemTime) -> Result<bool, TlsError> {
    if path.exists() {
        return Ok(false);
    }
    let key = new_key()?;
    let certificate = server_parameters(names, now, now + LIFE)?.self_signed(&key).map_err(TlsError::library)?;
    let key = PrivateKey::from_der(key.serialized_der()).map_err(TlsError::library)?;
    let certificate = Certificate::from_der(certificate.der()).map_err(TlsError::library)?;
    let mut store = KeyStore::new();
    store.add_entry("mqtt-server", KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new(vec![1], key, [certificate])));
    let content = store.writer("").write().map_err(TlsError::library)?;
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        new_file::create_directory(parent)?;
    }
    new_file::create(path, &content)
}

pub(crate) fn new_key() -> Result<KeyPair, TlsError> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(TlsError::library)
}

/// A certificate for a server under these names.
pub(crate) fn server_parameters(
    names: &HostNames,
    now: SystemTime,
    not_after: SystemTime,
) -> Result<CertificateParams, TlsError> {
    let mut parameters = CertificateParams::default();
    parameters.subject_alt_names = names.alternative_names()?;
    let common_name: String = names.first().chars().take(MAX_COMMON_NAME).collect();
    name_subject(&mut parameters, &common_name);
    // Not an authority of its own, as Net.MQTT's is: clients by the book refuse those as servers.
    parameters.is_ca = IsCa::ExplicitNoCa;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    parameters.use_authority_key_identifier_extension = true;
    set_validity(&mut parameters, now, not_after);
    Ok(parameters)
}

pub(crate) fn name_subject(parameters: &mut CertificateParams, common_name: &str) {
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, common_name);
    parameters.distinguished_name.push(DnType::OrganizationName, ORGANIZATION);
}

pub(crate) fn set_validity(parameters: &mut CertificateParams, now: SystemTime, not_after: SystemTime) {
    let since_1970 = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    parameters.not_before = epoch + since_1970(now).saturating_sub(BEFORE);
    parameters.not_after = epoch + since_1970(not_after);
}
