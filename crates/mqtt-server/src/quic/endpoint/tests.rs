use super::*;
use crate::auth::Anonymous;
use crate::endpoint::{CertificateFiles, TlsSettings};
use crate::tls::{Tickets, load, testing};
use mqtt_core::{Broker, Limits};
use quinn::crypto::rustls::QuicClientConfig;
use std::net::{Ipv4Addr, UdpSocket};
use testing::{Authority, Directory, Kind};

/// A bound endpoint, and what a client needs to trust it.
fn endpoint() -> (Quic, quinn::ClientConfig) {
    let (directory, authority) = (Directory::new(), Authority::new("Test"));
    let (certificate, key) = authority.leaf(Kind::EcdsaP256, "localhost", &["localhost"], 1);
    let path = directory.write("both.pem", format!("{}{}", certificate.pem(), key.serialize_pem()));
    let certificates = vec![CertificateFiles { path, key_path: None, password: None }];
    let settings = TlsSettings { certificates, ..TlsSettings::default() };
    let tls = load(&settings, &[b"mqtt"], &Tickets::new().unwrap()).unwrap().config;
    let hub = Hub::new(Broker::new(Limits::default()), Box::new(Anonymous), None, None);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let quic = bind(&[address], &tls, QuicOptions::default(), hub, &Resting::default()).unwrap();

    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.0.der().clone()).unwrap();
    let builder = rustls::ClientConfig::builder_with_provider(crate::tls::provider());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let mut client = builder.with_root_certificates(roots).with_no_client_auth();
    client.alpn_protocols = vec![b"mqtt".to_vec()];
    (quic, quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(client).unwrap())))
}

#[tokio::test]
async fn a_connection_has_the_address_that_its_client_has_moved_to() {
    let (mut quic, config) = endpoint();
    let address = quic.local_addr().unwrap();
    let client = quinn::Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let connecting = client.connect_with(config, address, "localhost").unwrap();
    let (there, here) = tokio::join!(connecting, async { quic.accept().await.unwrap().0.await });
    let (there, here) = (there.unwrap(), here.unwrap());
    assert_eq!(here.remote_address(), client.local_addr().unwrap());
    for round in 0..2_u8 {
        let before = here.remote_address();
        client.rebind(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).unwrap();
        let (mut send, _receive) = there.open_bi().await.unwrap();
        send.write_all(&[round]).await.unwrap();
        let (_send, mut receive) = here.accept_bi().await.unwrap();
        receive.read_exact(&mut [0]).await.unwrap();
        assert_eq!(here.remote_address(), client.local_addr().unwrap());
        assert_ne!(here.remote_address(), before);
    }
}
