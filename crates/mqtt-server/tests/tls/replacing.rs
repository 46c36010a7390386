//! New certificates under live connections.

use crate::certificates::{Authority, Directory, ECDSA, settings};
use crate::server::EchoServer;
use mqtt_server::tls::{Tickets, fingerprint, load};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A connection of a rustls client.
struct Client(BufReader<TlsStream<TcpStream>>);

impl Client {
    async fn connect(server: &EchoServer, authority: &Authority<'_>) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&authority.path).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(server.address).await.unwrap();
        let name = ServerName::try_from("broker.test").unwrap();
        Client(BufReader::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()))
    }

    fn certificate(&self) -> CertificateDer<'static> {
        self.0.get_ref().get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
    }

    async fn echo(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        self.0.read_line(&mut answer).await.unwrap();
        assert_eq!(answer, format!("echo {line}\n"));
    }
}

#[test]
fn live_connections_stay_and_the_next_one_sees_the_new_certificate() {
    let directory = Directory::new();
    let ca = Authority::new(&directory, "ca");
    let path = ca.certificate("broker", &["broker.test"], ECDSA, 1);
    let settings = settings(&[&path]);
    let server = EchoServer::start(&settings, &[]);
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let mut before = Client::connect(&server, &ca).await;
        before.echo("one").await;
        // The same file with another content, as renewals do it.
        ca.certificate("broker", &["broker.test"], ECDSA, 2);
        server.replace(&settings);
        let mut after = Client::connect(&server, &ca).await;
        assert_ne!(after.certificate(), before.certificate());
        for line in ["two", "three"] {
            before.echo(line).await;
            after.echo(line).await;
        }
    });
}

#[test]
fn the_fingerprint_tells_whether_there_is_something_new() {
    let directory = Directory::new();
    let ca = Authority::new(&directory, "ca");
    let path = ca.certificate("broker", &["broker.test"], ECDSA, 1);
    let settings = settings(&[&path]);
    let tickets = Tickets::new().unwrap();
    let loaded = load(&settings, &[], &tickets).unwrap();
    assert_eq!(fingerprint(&settings).unwrap(), loaded.fingerprint);
    ca.certificate("broker", &["broker.test"], ECDSA, 2);
    assert_ne!(fingerprint(&settings).unwrap(), loaded.fingerprint);
    // A damaged file is refused, and differs from what is in force as well.
    std::fs::write(&path, "half a fi").unwrap();
    assert!(load(&settings, &[], &tickets).is_err());
    assert_ne!(fingerprint(&settings).unwrap(), loaded.fingerprint);
}
