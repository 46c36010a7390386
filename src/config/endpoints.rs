//! From the keys of an endpoint to [`Endpoint`].

use super::certificates::{self, Certificates, Files};
use super::choice::{CertificateMode, Service};
use super::document::{EndpointKeys, WebSocketKeys};
use super::key::Key;
use super::resolve::Resolver;
use super::scalar::Size;
use super::url::{Scheme, Url, everywhere};
use mqtt_server::endpoint::{
    Address, CertificateFiles, ClientCertificates, ClientTrust, Endpoint, HostPort, QuicOptions, Services, TcpOptions,
    TlsSettings, UnixPath, Versions, WebSocketOptions,
};
use std::net::IpAddr;

/// All endpoints that are switched on, by name.
pub fn resolve(resolver: &mut Resolver<'_>, certificates: &Certificates) -> Vec<Endpoint> {
    let document = resolver.document;
    let mut endpoints = Vec::new();
    for (name, keys) in &document.endpoints {
        let key = Key::of("Endpoints").child(name);
        // Net.MQTT's shipped file says of an endpoint that it does not define that it would speak MQTT.
        let only_use_mqtt = matches!(resolver.tree.names(&key)[..], ["UseMqtt"] | []);
        if only_use_mqtt || keys.enabled.is_some_and(|enabled| !enabled.0) {
            continue;
        }
        let resolved = One { resolver, key, keys, certificates }.endpoint(name);
        endpoints.extend(resolved);
    }
    endpoints
}

/// One endpoint under way.
struct One<'r, 'a> {
    resolver: &'r mut Resolver<'a>,
    key: Key,
    keys: &'a EndpointKeys,
    certificates: &'r Certificates,
}

impl One<'_, '_> {
    fn endpoint(mut self, name: &str) -> Option<Endpoint> {
        let (address, secure) = self.address()?;
        let tls = self.tls(&address, secure);
        let services = self.services(&address);
        let (keys, document) = (self.keys, self.resolver.document);
        let asks = keys.client_certificate_mode.unwrap_or_default() != CertificateMode::None;
        if asks && keys.quic.zero_rtt.is_some_and(|on| on.0) {
            let text = format!("{} has no effect: clients are asked for certificates", self.key.child("Quic:ZeroRtt"));
            self.resolver.notices.push(text);
        }
        let versions = keys.protocol_level.or(document.protocol_level).map_or_else(Versions::default, |level| level.0);
        let connections = keys.max_connections.map(|most| usize::try_from(most.0).unwrap_or(usize::MAX));
        Some(Endpoint {
            name: name.to_owned(),
            address,
            tls: tls?,
            versions,
            services: services?,
            connections,
            allow_anonymous: keys.allow_anonymous.map(|allow| allow.0),
            proxy_protocol_from: self.networks(),
            tcp: tcp(keys),
            web_socket: web_socket(&keys.web_socket, &document.web_socket),
            quic: quic(keys),
        })
    }

    /// Where it listens, and whether its URL asks for TLS. `Address` and `Port` change a URL of their own or a lower layer.
    fn address(&mut self) -> Option<(Address, bool)> {
        let keys = self.keys;
        let layer = |part: &str| self.resolver.tree.origin(&self.key.child(part)).map(|origin| origin.layer);
        let over_url = |part: &str| layer(part).is_some_and(|layer_of_part| Some(layer_of_part) >= layer("Url"));
        let host = keys.address.as_ref().filter(|_| over_url("Address")).map(|address| address.0.clone());
        let port = keys.port.filter(|_| over_url("Port")).map(|port| u16::try_from(port.0).unwrap_or_default());
        let by_parts = host.is_some() || port.is_some();
        let (mut scheme, url_host, url_port) = match &keys.url {
            Some(Url::Unix(path)) if !by_parts => {
                let (mode, owner) = (keys.unix.mode.map(|mode| mode.0), self.owner()?);
                return Some((Address::Unix(UnixPath { path: path.clone(), mode, owner }), false));
            }
            Some(Url::Network { scheme, host, port }) => (*scheme, host.clone(), *port),
            None if !by_parts => {
                self.resolver.missing(&self.key, "an endpoint needs a Url, or Address and Port");
                return None;
            }
            Some(Url::Unix(_)) | None if keys.certificate.is_some() => (Scheme::Tcps, "::".to_owned(), None),
            Some(Url::Unix(_)) | None => (Scheme::Tcp, "::".to_owned(), None),
        };
        let is = |switch: Option<super::scalar::Switch>| switch.is_some_and(|switch| switch.0);
        if is(keys.use_quic) && matches!(scheme, Scheme::Tcp | Scheme::Tcps) {
            match by_parts {
                true => scheme = Scheme::MqttQuic,
                false => {
                    let text = format!(
                        "{} has no effect beside Url: the scheme mqtt-quic asks for QUIC",
                        self.key.child("UseQuic")
                    );
                    self.resolver.notices.push(text);
                }
            }
        }
        let port = port.or(url_port).unwrap_or_else(|| scheme.port());
        if is(keys.use_mqtt) {
            scheme = match scheme {
                Scheme::Http | Scheme::Ws => Scheme::Tcp,
                Scheme::Https | Scheme::Wss => Scheme::Tcps,
                other => other,
            };
        }
        let host = match host {
            None => url_host,
            Some(address) => self.host(&address)?,
        };
        let place = HostPort { host, port };
        Some(match scheme {
            Scheme::Tcp => (Address::Tcp(place), false),
            Scheme::Tcps => (Address::Tcp(place), true),
            Scheme::Ws | Scheme::Http => (Address::Http(place), false),
            Scheme::Wss | Scheme::Https => (Address::Http(place), true),
            Scheme::MqttQuic | Scheme::Quic => (Address::Quic(place), true),
        })
    }

    /// User and group id of a socket's file; the outer `None` is an error that is noted.
    fn owner(&mut self) -> Option<Option<(u32, u32)>> {
        let Some(owner) = &self.keys.unix.owner else { return Some(None) };
        let accounts = self.resolver.accounts;
        let (users, groups) = (&accounts.users, &accounts.groups);
        let ids = owner.user.id("user", users).and_then(|user| Ok((user, owner.group.id("group", groups)?)));
        match ids {
            Ok(ids) => Some(Some(ids)),
            Err(allowed) => {
                // Looked at again once they change: an account may be added.
                self.resolver.files.extend([users.clone(), groups.clone()]);
                self.resolver.not_allowed(&self.key.child("Unix").child("Owner"), allowed);
                None
            }
        }
    }

    fn host(&mut self, address: &str) -> Option<String> {
        let host = address.trim().trim_start_matches('[').trim_end_matches(']');
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '_' | '%');
        if matches!(host, "*" | "+") || !host.is_empty() && host.chars().all(plain) {
            return Some(everywhere(host).to_owned());
        }
        self.resolver.not_allowed(&self.key.child("Address"), "an address or a host name");
        None
    }

    /// TLS, if the URL or a certificate asks for it; the outer `None` is an error that is noted.
    fn tls(&mut self, address: &Address, secure: bool) -> Option<Option<TlsSettings>> {
        let keys = self.keys;
        let named = keys.certificates.as_ref().is_some_and(|names| !names.is_empty());
        let mode = keys.client_certificate_mode.unwrap_or_default();
        if !secure && keys.certificate.is_none() && !named {
            if mode != CertificateMode::None {
                let text =
                    "this endpoint has no TLS: give it a Certificate, or a URL with tcps, wss, https or mqtt-quic";
                self.resolver.contradiction(&self.key.child("ClientCertificateMode"), text);
                return None;
            }
            return Some(None);
        }
        if let Address::Unix(_) = address {
            self.resolver.contradiction(&self.key, "a Unix domain socket has no TLS: leave the certificate out");
            return None;
        }
        let certificates = self.own_certificates(matches!(address, Address::Http(_)))?;
        let section = self.key.child("ClientAuthorities");
        let authorities = self.resolver.files(&section, keys.client_authorities.as_ref());
        let section = self.key.child("ClientRevocationLists");
        let revocation_lists = self.resolver.files(&section, keys.client_revocation_lists.as_ref());
        if mode != CertificateMode::None && keys.client_authorities.as_ref().is_none_or(Vec::is_empty) {
            let text = "needs the authorities whose certificates are valid, in ClientAuthorities";
            self.resolver.contradiction(&self.key.child("ClientCertificateMode"), text);
            return None;
        }
        let trust = ClientTrust { authorities, revocation_lists };
        let clients = match mode {
            CertificateMode::None => ClientCertificates::None,
            CertificateMode::Allow => ClientCertificates::Allow(trust),
            CertificateMode::Require => ClientCertificates::Require(trust),
        };
        let versions = keys.ssl_protocols.map(|protocols| protocols.0).unwrap_or_default();
        Some(Some(TlsSettings { certificates, clients, versions }))
    }

    /// The endpoint's own certificate and those it names, or the default one; empty where the broker is to make one.
    fn own_certificates(&mut self, http: bool) -> Option<Vec<CertificateFiles>> {
        let mut found = Vec::new();
        if let Some(keys) = &self.keys.certificate {
            match certificates::files(self.resolver, &self.key.child("Certificate"), keys) {
                Files::Given(files) => found.push(files),
                Files::Missing => {}
                Files::Wrong => return None,
            }
        }
        for (at, name) in self.keys.certificates.iter().flatten().enumerate() {
            match self.certificates.named(&name.0) {
                Some(files) => found.push(files.clone()),
                None => {
                    let nearest = self.certificates.nearest(&name.0).map(|name| format!(", did you mean {name}?"));
                    let allowed = format!("a name out of Certificates{}", nearest.unwrap_or_default());
                    self.resolver.not_allowed(&self.key.child("Certificates").child(at.to_string()), allowed);
                    return None;
                }
            }
        }
        if found.is_empty() {
            found.extend(self.certificates.default_for(http));
        }
        if found.is_empty() && self.resolver.document.self_signed.is_some_and(|allowed| !allowed.0) {
            let text = "needs a certificate: set Certificate:Path here, Certificates:Default:Path for all, or SelfSigned to true";
            self.resolver.missing(&self.key, text);
            return None;
        }
        Some(found)
    }

    /// What is offered here. A proxy on the same machine may bring anybody in, so its endpoint offers no more than others do.
    fn services(&mut self, address: &Address) -> Option<Services> {
        let Some(named) = &self.keys.services else {
            let (Address::Http(place), Some(Url::Network { scheme, .. })) = (address, &self.keys.url) else {
                return Some(Services::default());
            };
            let site = matches!(scheme, Scheme::Http | Scheme::Https);
            let inside = is_loopback(&place.host) && self.keys.proxy_protocol_from.as_ref().is_none_or(Vec::is_empty);
            return Some(Services { metrics: site || inside, admin: inside, ..Services::default() });
        };
        let has = |service| named.contains(&service);
        let (mqtt, health) = (has(Service::Mqtt), has(Service::Health));
        let services = Services { mqtt, health, metrics: has(Service::Metrics), admin: has(Service::Admin) };
        let key = self.key.child("Services");
        match address {
            Address::Http(_) if named.is_empty() => self.resolver.contradiction(&key, "an endpoint offers something"),
            Address::Http(_) => return Some(services),
            Address::Tcp(_) | Address::Unix(_) | Address::Quic(_) if named == &[Service::Mqtt] => {
                return Some(Services::default());
            }
            Address::Tcp(_) | Address::Unix(_) | Address::Quic(_) => {
                self.resolver
                    .contradiction(&key, "only an endpoint with http or https, ws or wss offers more than mqtt");
            }
        }
        None
    }

    /// The networks that PROXY headers come from. A single address is a network, too.
    fn networks<T: std::str::FromStr>(&mut self) -> Vec<T> {
        let mut networks = Vec::new();
        for (at, text) in self.keys.proxy_protocol_from.iter().flatten().enumerate() {
            let whole = |bits: u8| format!("{}/{bits}", text.0);
            let parsed = text.0.parse().or_else(|_| whole(if text.0.contains(':') { 128 } else { 32 }).parse());
            match parsed {
                Ok(network) => networks.push(network),
                Err(_) => {
                    let key = self.key.child("ProxyProtocolFrom").child(at.to_string());
                    self.resolver.not_allowed(&key, "a network such as 10.0.0.0/8, or an address");
                }
            }
        }
        networks
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn tcp(keys: &EndpointKeys) -> TcpOptions {
    let default = TcpOptions::default();
    TcpOptions {
        no_delay: keys.tcp.no_delay.map_or(default.no_delay, |switch| switch.0),
        keep_alive: keys.tcp.keep_alive.map_or(default.keep_alive, |span| span.0),
        user_timeout: keys.tcp.user_timeout.map_or(default.user_timeout, |span| span.0),
    }
}

fn web_socket(keys: &WebSocketKeys, broker: &WebSocketKeys) -> WebSocketOptions {
    let default = WebSocketOptions::default();
    let origins = keys.allowed_origins.as_ref().or(broker.allowed_origins.as_ref());
    WebSocketOptions {
        allowed_origins: origins
            .map_or(default.allowed_origins, |origins| origins.iter().map(|origin| origin.0.clone()).collect()),
        ping_interval: keys.ping_interval.or(broker.ping_interval).map_or(default.ping_interval, |span| span.0),
    }
}

fn quic(keys: &EndpointKeys) -> QuicOptions {
    let default = QuicOptions::default();
    QuicOptions {
        zero_rtt: keys.quic.zero_rtt.map_or(default.zero_rtt, |switch| switch.0),
        idle_timeout: keys.quic.idle_timeout.map_or(default.idle_timeout, |span| span.0),
        data_streams: keys
            .quic
            .data_streams
            .map_or(default.data_streams, |most| u8::try_from(most.0).unwrap_or(u8::MAX)),
        stream_window: window(keys.quic.stream_window).unwrap_or(default.stream_window),
        connection_window: window(keys.quic.connection_window).unwrap_or(default.connection_window),
    }
}

fn window<const MIN: u64, const MAX: u64>(size: Option<Size<MIN, MAX>>) -> Option<u32> {
    size.map(|size| u32::try_from(size.0).unwrap_or(u32::MAX))
}
