//! Client certificates: good, absent, revoked, expired and foreign ones.

use crate::certificates::{Authority, Directory, ECDSA, settings};
use crate::s_client::{Transcript, connect, installed};
use crate::server::EchoServer;
use mqtt_server::endpoint::{ClientCertificates, ClientTrust, TlsSettings};
use std::path::PathBuf;

/// An authority for clients with one certificate of each kind.
struct Party<'d> {
    authority: Authority<'d>,
    server: PathBuf,
    good: PathBuf,
    revoked: PathBuf,
    expired: PathBuf,
    foreign: PathBuf,
}

const REVOKED: u64 = 66;

impl<'d> Party<'d> {
    fn new(directory: &'d Directory) -> Party<'d> {
        // The same name as our authority's, which then takes its file: it is the key that counts.
        let foreign = Authority::new(directory, "clients").certificate("foreign", &[], ECDSA, 2);
        let authority = Authority::new(directory, "clients");
        Party {
            server: Authority::new(directory, "ca").certificate("broker", &["broker.test"], ECDSA, 1),
            good: authority.certificate("good", &[], ECDSA, 2),
            revoked: authority.certificate("revoked", &[], ECDSA, REVOKED),
            expired: authority.dated_certificate("expired", &[], ECDSA, 3, 2020),
            foreign,
            authority,
        }
    }

    fn settings(&self, clients: ClientCertificates) -> TlsSettings {
        TlsSettings { clients, ..settings(&[&self.server]) }
    }

    fn trust(&self, directory: &Directory) -> ClientTrust {
        let list = directory.write("list.crl", self.authority.revocation_list(&[REVOKED]));
        ClientTrust { revocation_lists: vec![list], ..self.authority.trust() }
    }
}

fn connect_as(server: &EchoServer, version: &str, certificate: Option<&PathBuf>) -> Transcript {
    let path = certificate.map(|path| path.to_str().unwrap());
    let arguments = path.map_or(vec![version], |path| vec![version, "-cert", path, "-key", path]);
    connect(server.address, &arguments)
}

#[test]
fn only_valid_certificates_come_in_where_one_is_required() {
    if !installed() {
        return;
    }
    let directory = Directory::new();
    let party = Party::new(&directory);
    let server = EchoServer::start(&party.settings(ClientCertificates::Require(party.trust(&directory))), &[]);
    for version in ["-tls1_2", "-tls1_3"] {
        assert!(connect_as(&server, version, Some(&party.good)).echoed());
        let client = server.outcome().unwrap().client.unwrap();
        assert_eq!((client.common_name.as_deref(), client.subject.as_str()), (Some("good"), "CN=good"));
        for (certificate, reason) in [
            (None, "peer sent no certificates"),
            (Some(&party.revoked), "Revoked"),
            (Some(&party.expired), "certificate expired"),
            (Some(&party.foreign), "BadSignature"),
            (Some(&party.server), "UnknownIssuer"),
        ] {
            assert!(!connect_as(&server, version, certificate).echoed(), "{version} {certificate:?}");
            let error = server.outcome().unwrap_err();
            assert!(error.contains(reason), "{certificate:?}: {error}");
        }
    }
}

#[test]
fn where_one_is_allowed_it_is_asked_for_and_may_be_absent_but_not_wrong() {
    if !installed() {
        return;
    }
    let directory = Directory::new();
    let party = Party::new(&directory);
    let server = EchoServer::start(&party.settings(ClientCertificates::Allow(party.trust(&directory))), &[]);
    for version in ["-tls1_2", "-tls1_3"] {
        let anonymous = connect_as(&server, version, None);
        assert!(anonymous.echoed() && anonymous.says("Acceptable client certificate CA names"), "{anonymous:?}");
        assert_eq!(server.outcome().unwrap().client, None);
        assert!(connect_as(&server, version, Some(&party.good)).echoed());
        assert!(server.outcome().unwrap().client.is_some());
        for certificate in [&party.revoked, &party.expired, &party.foreign] {
            assert!(!connect_as(&server, version, Some(certificate)).echoed(), "{version} {certificate:?}");
            assert!(server.outcome().is_err());
        }
    }
}

#[test]
fn where_none_is_asked_for_none_counts() {
    if !installed() {
        return;
    }
    let directory = Directory::new();
    let party = Party::new(&directory);
    let server = EchoServer::start(&party.settings(ClientCertificates::None), &[]);
    let transcript = connect_as(&server, "-tls1_3", Some(&party.foreign));
    assert!(transcript.echoed() && transcript.says("No client certificate CA names sent"));
    assert_eq!(server.outcome().unwrap().client, None);
}

#[test]
fn a_revoked_client_does_not_come_back_by_its_ticket() {
    if !installed() {
        return;
    }
    let directory = Directory::new();
    let party = Party::new(&directory);
    let server = EchoServer::start(&party.settings(ClientCertificates::Require(party.authority.trust())), &[]);
    let path = party.revoked.to_str().unwrap();
    let session = |version: &str| directory.path(&format!("session{version}")).to_str().unwrap().to_owned();
    for version in ["-tls1_2", "-tls1_3"] {
        let arguments = |option| vec![version, "-cert", path, "-key", path, option];
        connect(server.address, &[arguments("-sess_out"), vec![&session(version)]].concat());
        assert!(!server.outcome().unwrap().resumed);
        connect(server.address, &[arguments("-sess_in"), vec![&session(version)]].concat());
        let resumed = server.outcome().unwrap();
        assert!(resumed.resumed && resumed.client.unwrap().common_name.as_deref() == Some("revoked"), "{version}");
    }
    server.replace(&party.settings(ClientCertificates::Require(party.trust(&directory))));
    for version in ["-tls1_2", "-tls1_3"] {
        let refused = connect(server.address, &[version, "-cert", path, "-key", path, "-sess_in", &session(version)]);
        assert!(!refused.echoed(), "{version}");
        assert!(server.outcome().unwrap_err().contains("Revoked"));
    }
}

#[test]
fn an_authority_without_a_list_revokes_nothing() {
    if !installed() {
        return;
    }
    let directory = Directory::new();
    let party = Party::new(&directory);
    let other = Authority::new(&directory, "other");
    let mut trust = party.trust(&directory);
    trust.authorities.push(other.path.clone());
    let server = EchoServer::start(&party.settings(ClientCertificates::Require(trust)), &[]);
    // The serial number alone is not what is revoked.
    let certificate = other.certificate("unlisted", &[], ECDSA, REVOKED);
    assert!(connect_as(&server, "-tls1_3", Some(&certificate)).echoed());
    assert!(!connect_as(&server, "-tls1_3", Some(&party.revoked)).echoed());
}

#[test]
fn lists_and_authorities_that_are_none_are_named() {
    let directory = Directory::new();
    let party = Party::new(&directory);
    let load = |trust| {
        let settings = party.settings(ClientCertificates::Require(trust));
        mqtt_server::tls::load(&settings, &[], &mqtt_server::tls::Tickets::new().unwrap())
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    let list = |path| ClientTrust { revocation_lists: vec![path], ..party.authority.trust() };
    let authority = |path| ClientTrust { authorities: vec![path], revocation_lists: Vec::new() };
    assert!(load(ClientTrust::default()).contains("no authority is named"));
    for (trust, said) in [
        (authority(directory.write("text", "text")), "text holds no certificate"),
        (authority(directory.path("absent.pem")), "absent.pem cannot be read"),
        (list(party.good.clone()), "good.pem holds no revocation list"),
        (list(directory.write("damaged.crl", b"0\x82garbage")), "damaged.crl should hold a revocation list"),
    ] {
        let error = load(trust);
        assert!(error.contains(said), "{error}");
    }
}
