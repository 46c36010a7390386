//! Who a client certificate says the client is.

use super::Fingerprint;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// A client certificate that was checked in the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The whole subject, for example `CN=sensor-7, O=Example`.
    pub subject: String,
    /// The common name of the subject; of several the last one, which is the most specific.
    pub common_name: Option<String>,
    /// DNS names, e-mail addresses and URIs of the subject alternative name.
    pub alternative_names: Vec<String>,
    /// Serial number in upper-case hexadecimal, as OpenSSL prints it.
    pub serial_number: String,
    /// SHA-256 of the certificate.
    pub fingerprint: Fingerprint,
}

impl ClientCertificate {
    /// The first certificate of the chain that a client sent (`ServerConnection::peer_certificates`); `None` without one.
    ///
    /// Control characters in names are replaced, as names end up in logs and in file names of policies.
    pub fn of(chain: &[CertificateDer<'_>]) -> Option<ClientCertificate> {
        let der = chain.first()?;
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let common_name = certificate.subject().iter_common_name().last().and_then(|name| name.as_str().ok());
        let names = certificate.subject_alternative_name().ok().flatten();
        let names = names.into_iter().flat_map(|names| &names.value.general_names).filter_map(|name| match name {
            GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
                Some(printable(name))
            }
            _ => None,
        });
        Some(ClientCertificate {
            subject: printable(&certificate.subject().to_string()),
            common_name: common_name.map(printable),
            alternative_names: names.collect(),
            serial_number: certificate
                .raw_serial()
                .iter()
                .skip_while(|byte| **byte == 0)
                .map(|byte| format!("{byte:02X}"))
                .collect(),
            fingerprint: Fingerprint::of(der),
        })
    }
}

fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Authority, Kind};
    use super::*;

    #[test]
    fn names_and_serial_number_are_read() {
        let (leaf, _) = Authority::new("Test").leaf(Kind::EcdsaP256, "sensor-7", &["sensor-7.test"], 0x0A1B);
        let certificate = ClientCertificate::of(&[leaf.der().clone()]).unwrap();
        assert_eq!(certificate.common_name.as_deref(), Some("sensor-7"));
        assert_eq!(certificate.subject, "CN=sensor-7");
        assert_eq!(certificate.alternative_names, ["sensor-7.test"]);
        assert_eq!(certificate.serial_number, "0A1B");
        assert_eq!(certificate.fingerprint, Fingerprint::of(leaf.der()));
    }

    #[test]
    fn no_certificate_is_nobody() {
        assert_eq!(ClientCertificate::of(&[]), None);
        assert_eq!(ClientCertificate::of(&[CertificateDer::from(&b"garbage"[..])]), None);
    }

    #[test]
    fn control_characters_do_not_reach_logs() {
        let (leaf, _) = Authority::new("Test").leaf(Kind::EcdsaP256, "a\nb\0c", &[], 1);
        let name = ClientCertificate::of(&[leaf.der().clone()]).unwrap().common_name.unwrap();
        assert_eq!(name, "a\u{fffd}b\u{fffd}c");
    }
}
