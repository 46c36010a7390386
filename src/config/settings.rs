//! What the configuration comes to: typed, checked and complete.

use super::certificates::Certificates;
use super::choice::LogLevel;
use super::error::ConfigError;
use super::key::Key;
use super::resolve::Resolver;
use super::scalar::{Scalar, Switch, Text};
use super::telemetry::{self, LogFormat, LogTarget, Telemetry};
use super::tree::Tree;
use super::{clash, endpoints, paths, shutdown};
use mqtt_server::auth::PasswordHash;
use mqtt_server::endpoint::{CertificateFiles, ClientCertificates, Endpoint};
use mqtt_server::{Limits, Shutdown};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The settings of the broker. Nothing secret is in their `Debug`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where clients come in, by name.
    pub endpoints: Vec<Endpoint>,
    /// Bounds.
    pub limits: Limits,
    /// How the broker ends.
    pub shutdown: Shutdown,
    /// Hashed passwords by user name.
    pub users: BTreeMap<String, PasswordHash>,
    /// Whether clients without credentials may connect; unset, only while there are no users.
    pub allow_anonymous: Option<bool>,
    /// All certificates by name, and the default.
    pub certificates: Certificates,
    /// Certificates that the broker makes.
    pub own_certificates: OwnCertificates,
    /// Where the broker keeps what it has to remember.
    pub data_directory: PathBuf,
    /// Time between two values of a topic under `$SYS`; `None` publishes none.
    pub sys_interval: Option<Duration>,
    /// How much the log says.
    pub log_level: LogLevel,
    /// The form of the log, and where it goes.
    pub log: Log,
    /// What is sent to collectors.
    pub telemetry: Telemetry,
    /// What has no effect or may not be meant, for the log.
    pub notices: Vec<String>,
    /// Files that the settings were read from, those with secrets included.
    pub files: Vec<PathBuf>,
    pub(super) tree: Tree,
}

/// The log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Text or JSON.
    pub format: LogFormat,
    /// Standard output or standard error.
    pub target: LogTarget,
    /// How much modules say whose names begin so.
    pub levels: BTreeMap<String, LogLevel>,
}

/// Certificates that the broker makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnCertificates {
    /// Whether endpoints with TLS and without certificates (`TlsSettings::certificates` is empty) get one.
    pub allowed: bool,
    /// A PKCS#12 file to make at start if it is not there.
    pub generate: Option<PathBuf>,
    /// Host names to put in; empty means the machine's.
    pub hosts: Vec<String>,
    /// Addresses to put in; empty means the machine's.
    pub addresses: Vec<IpAddr>,
}

impl Settings {
    /// Settings from keys, or everything that is wrong.
    pub(super) fn resolve(resolver: &mut Resolver<'_>, files: Vec<PathBuf>) -> Result<Settings, Vec<ConfigError>> {
        let document = resolver.document;
        let own_certificates = own_certificates(resolver);
        let certificates = Certificates::resolve(resolver, own_certificates.generate.clone());
        let mut endpoints = endpoints::resolve(resolver, &certificates);
        clash::settle(resolver, &mut endpoints);
        let shutdown = shutdown::resolve(resolver);
        let users = users(resolver);
        let telemetry = telemetry::resolve(resolver);
        let log = Log {
            format: document.log.format.unwrap_or(LogFormat::Text),
            target: document.log.target.unwrap_or(LogTarget::Stdout),
            levels: document.log.levels.iter().map(|(module, level)| (module.replace('.', "::"), *level)).collect(),
        };
        let data_directory = document.data_directory.as_ref();
        let data_directory =
            data_directory.and_then(|path| resolver.path(&Key::of("DataDirectory"), path)).unwrap_or_default();
        if !resolver.errors.is_empty() {
            return Err(std::mem::take(&mut resolver.errors));
        }
        Ok(Settings {
            endpoints,
            limits: document.limits.limits(),
            shutdown,
            users,
            allow_anonymous: document.allow_anonymous.map(|allow| allow.0),
            certificates,
            own_certificates,
            data_directory,
            sys_interval: document.sys_interval.and_then(|span| span.0),
            log_level: document.log_level.unwrap_or(LogLevel::Info),
            log,
            telemetry,
            notices: std::mem::take(&mut resolver.notices),
            files,
            tree: resolver.tree.clone(),
        })
    }

    /// Every file whose content matters: those the settings were read from, certificates, keys, authorities and revocation lists.
    pub fn all_files(&self) -> Vec<PathBuf> {
        let mut files = self.files.clone();
        let mut certificate = |certificate: &CertificateFiles| {
            files.push(certificate.path.clone());
            files.extend(certificate.key_path.clone());
        };
        for tls in self.endpoints.iter().filter_map(|endpoint| endpoint.tls.as_ref()) {
            tls.certificates.iter().for_each(&mut certificate);
        }
        for tls in self.endpoints.iter().filter_map(|endpoint| endpoint.tls.as_ref()) {
            if let ClientCertificates::Allow(trust) | ClientCertificates::Require(trust) = &tls.clients {
                files.extend(trust.authorities.iter().chain(&trust.revocation_lists).cloned());
            }
        }
        files.sort();
        files.dedup();
        files
    }
}

fn own_certificates(resolver: &mut Resolver<'_>) -> OwnCertificates {
    let document = resolver.document;
    let generate = document.generate_ssl_certificate.as_ref().and_then(|text| generate(resolver, text));
    let hosts = document.ssl_certificate_hosts.iter().flatten().map(|host| host.0.clone()).collect();
    let mut addresses = Vec::new();
    for (at, text) in document.ssl_certificate_ip_addresses.iter().flatten().enumerate() {
        match text.0.parse() {
            Ok(address) => addresses.push(address),
            Err(_) => {
                resolver.not_allowed(&Key::of("SslCertificateIpAddresses").child(at.to_string()), "an IP address");
            }
        }
    }
    OwnCertificates { allowed: document.self_signed.is_none_or(|allowed| allowed.0), generate, hosts, addresses }
}

/// The file that `GENERATE_SSL_CERTIFICATE` asks for; as in Net.MQTT, a word for yes is a place below the user's configuration.
fn generate(resolver: &mut Resolver<'_>, text: &Text) -> Option<PathBuf> {
    let key = Key::of("GenerateSslCertificate");
    let home =
        |name: &str| paths::variable(name, resolver.environment).filter(|value| !value.is_empty()).map(PathBuf::from);
    match Switch::parse(&text.0) {
        Ok(Switch(false)) => None,
        Ok(Switch(true)) => match home("XDG_CONFIG_HOME").or_else(|| Some(home("HOME")?.join(".config"))) {
            Some(directory) => Some(directory.join("mqtt-server/mqtt-server.pfx")),
            None => {
                resolver
                    .contradiction(&key, "neither XDG_CONFIG_HOME nor HOME is set: give the path of the file to make");
                None
            }
        },
        Err(_) => resolver.path(&key, &super::scalar::FilePath(text.0.clone())),
    }
}

fn users(resolver: &mut Resolver<'_>) -> BTreeMap<String, PasswordHash> {
    let mut users = BTreeMap::new();
    for (name, keys) in &resolver.document.users {
        let key = Key::of("Users").child(name);
        match &keys.password {
            None => resolver.missing(&key, "a user needs a Password"),
            // Hashing is slow: not while the configuration is refused anyway.
            Some(_) if !resolver.errors.is_empty() => {}
            Some(password) => match super::users::hash(name, password) {
                Ok(hash) => drop(users.insert(name.clone(), hash)),
                Err(allowed) => resolver.secret_not_allowed(&key.child("Password"), allowed),
            },
        }
    }
    users
}
