//! Certificates for endpoints that need TLS and were given none.

use crate::config::Settings;
use anyhow::{Context, bail};
use mqtt_server::endpoint::Endpoint;
use mqtt_server::tls::local_authority::{self, Made};
use mqtt_server::tls::{HostNames, generate_pfx};
use std::time::SystemTime;
use tracing::info;

/// The folder of the local authority in the data directory.
const FOLDER: &str = "tls";

/// The endpoints of `settings` with a certificate for each that needs one, and when to ask again for its renewal.
///
/// # Errors
/// A certificate cannot be made or kept, or is not allowed to be made.
pub fn provide(settings: &Settings, now: SystemTime) -> anyhow::Result<(Vec<Endpoint>, Option<SystemTime>)> {
    let own = &settings.own_certificates;
    let given: Vec<String> = own.hosts.iter().cloned().chain(own.addresses.iter().map(ToString::to_string)).collect();
    let names = if given.is_empty() { HostNames::with_this_host(&[]) } else { HostNames::of(&given) };
    if let Some(path) = &own.generate
        && generate_pfx(path, &names, now)
            .context("cannot make the certificate that GENERATE_SSL_CERTIFICATE asks for")?
    {
        info!("made a self-signed certificate in {}", path.display());
    }
    let mut endpoints = settings.endpoints.clone();
    let needy = |endpoint: &Endpoint| endpoint.tls.as_ref().is_some_and(|tls| tls.certificates.is_empty());
    let Some(first) = endpoints.iter().find(|endpoint| needy(endpoint)) else { return Ok((endpoints, None)) };
    if !own.allowed {
        bail!(
            "endpoint {} needs a certificate: set Endpoints.{}.Certificate.Path or Certificates.Default.Path, or allow SelfSigned",
            first.name,
            first.name
        );
    }
    let directory = settings.data_directory.join(FOLDER);
    let made = local_authority::ensure(&directory, &names, now).with_context(|| {
        format!(
            "endpoint {} has no certificate and none can be made in the data directory (key DataDirectory)",
            first.name
        )
    })?;
    if made.made != Made::Nothing {
        let (path, fingerprint) = (made.authority.display(), &made.authority_fingerprint);
        info!("made a certificate; clients trust it through {path}, SHA-256 {fingerprint}");
    }
    for endpoint in endpoints.iter_mut().filter(|endpoint| needy(endpoint)) {
        if let Some(tls) = &mut endpoint.tls {
            tls.certificates.push(made.files.clone());
        }
    }
    Ok((endpoints, Some(made.renew_at)))
}
