//! Certificates by name, versions, ALPN, resumption, and what is no handshake at all.

use crate::certificates::{Authority, Directory, ECDSA, RSA, settings};
use crate::s_client::{connect, installed};
use crate::server::EchoServer;
use mqtt_server::endpoint::{TlsSettings, TlsVersions};
use std::io::{Read, Write};
use std::net::TcpStream;

#[test]
fn the_name_that_a_client_asks_for_picks_the_certificate() {
    if !installed() {
        return;
    }
    let directory = Directory::new();
    let ca = Authority::new(&directory, "ca");
    let first = ca.certificate("first", &["first.test"], ECDSA, 1);
    let wildcard = ca.certificate("wildcard", &["*.example.org"], ECDSA, 2);
    let exact = ca.certificate("exact", &["a.example.org"], ECDSA, 3);
    let exact_rsa = ca.certificate("exact-rsa", &["a.example.org"], RSA, 4);
    let server = EchoServer::start(&settings(&[&first, &wildcard, &exact, &exact_rsa]), &[]);
    let ca = ca.path.to_str().unwrap();
    for (name, expected) in [("a.example.org", "exact"), ("b.example.org", "wildcard"), ("first.test", "first")] {
        let transcript = connect(
            server.address,
            &["-servername", name, "-CAfile", ca, "-verify_return_error", "-verify_hostname", name],
        );
        assert_eq!(transcript.server(), expected, "{name}");
        assert!(transcript.echoed() && transcript.says("Verify return code: 0 (ok)"), "{transcript:?}");
    }
    assert_eq!(connect(server.address, &["-servername", "other.test"]).server(), "first");
    assert_eq!(connect(server.address, &["-noservername"]).server(), "first");
    for version in ["-tls1_2", "-tls1_3"] {
        let rsa_only = ["-servername", "a.example.org", "-sigalgs", "rsa_pss_rsae_sha256", version];
        assert_eq!(connect(server.address, &rsa_only).server(), "exact-rsa", "{version}");
    }
}

#[test]
fn versions_that_are_switched_off_are_refused() {
    if !installed() {
        return;
    }
    let directory = Directory::new();
    let certificate = Authority::new(&directory, "ca").certificate("broker", &["broker.test"], ECDSA, 1);
    for (tls12, tls13) in [(true, true), (true, false), (false, true)] {
        let server = EchoServer::start(
            &TlsSettings { versions: TlsVersions { tls12, tls13 }, ..settings(&[&certificate]) },
            &[],
        );
        for (version, on, name) in [("-tls1_2", tls12, "TLSv1.2"), ("-tls1_3", tls13, "TLSv1.3")] {
            let transcript = connect(server.address, &[version]);
            assert_eq!(
                (transcript.echoed(), transcript.says(&format!("New, {name}"))),
                (on, on),
                "{version}: {transcript:?}"
            );
            assert_eq!(server.outcome().is_ok(), on);
        }
        let old = connect(server.address, &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]);
        assert!(!old.echoed() && server.outcome().is_err());
    }
}

#[test]
fn a_protocol_is_agreed_on_if_the_client_offers_any() {
    if !installed() {
        return;
    }
    let directory = Directory::new();
    let certificate = Authority::new(&directory, "ca").certificate("broker", &["broker.test"], ECDSA, 1);
    let server = EchoServer::start(&settings(&[&certificate]), &[b"mqtt"]);
    assert!(connect(server.address, &["-alpn", "h2,mqtt"]).says("ALPN protocol: mqtt"));
    assert!(connect(server.address, &[]).echoed());
    assert!(!connect(server.address, &["-alpn", "h2"]).echoed());
}

#[test]
fn sessions_are_resumed_also_after_the_certificate_was_renewed() {
    if !installed() {
        return;
    }
    let directory = Directory::new();
    let ca = Authority::new(&directory, "ca");
    let certificate = ca.certificate("broker", &["broker.test"], ECDSA, 1);
    let server = EchoServer::start(&settings(&[&certificate]), &[]);
    for version in ["-tls1_2", "-tls1_3"] {
        let session = directory.path(&format!("session{version}"));
        let session = session.to_str().unwrap();
        assert!(connect(server.address, &[version, "-servername", "broker.test", "-sess_out", session]).says("New, "));
        assert!(!server.outcome().unwrap().resumed);
        let again = connect(server.address, &[version, "-servername", "broker.test", "-sess_in", session]);
        assert!(again.says("Reused, ") && again.echoed(), "{version}: {again:?}");
        assert!(server.outcome().unwrap().resumed);
        server.replace(&settings(&[&ca.certificate("renewed", &["broker.test"], ECDSA, 2)]));
        connect(server.address, &[version, "-servername", "broker.test", "-sess_in", session]);
        assert!(server.outcome().unwrap().resumed, "{version}");
    }
}

#[test]
fn what_is_no_handshake_ends_that_connection_alone() {
    let directory = Directory::new();
    let certificate = Authority::new(&directory, "ca").certificate("broker", &["broker.test"], ECDSA, 1);
    let server = EchoServer::start(&settings(&[&certificate]), &[]);
    let connect_packet = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00";
    let tls_garbage = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00";
    for bytes in [&b""[..], b"\x16", b"GET / HTTP/1.1\r\n\r\n", connect_packet, tls_garbage, &[0xff; 20_000]] {
        let mut stream = TcpStream::connect(server.address).unwrap();
        // The server may have closed in the middle of the longest one.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
        assert!(server.outcome().is_err());
    }
}
