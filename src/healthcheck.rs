//! `lacewing healthcheck`: asks a running broker whether it is ready, for images without a shell and `curl`.
//!
//! Plain HTTP to anywhere; HTTPS to this machine alone, where the certificate is not checked: it is made out for the names that clients use,
//! and whoever could pretend to be the broker here could end it as well. The answer is there within three seconds or it is no.

use crate::config::{self, Sources};
use mqtt_server::endpoint::{Address, Endpoint};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// Time for everything.
const BOUND: Duration = Duration::from_secs(3);

/// Bytes of an answer that are read.
const LONGEST: u64 = 16 * 1024;

/// What is asked where nobody says otherwise.
const PATH: &str = "/readyz";

/// Asks once. Says on standard error why not, in a line.
pub fn run(sources: &Sources, url: Option<&str>) -> ExitCode {
    let target = match url {
        Some(url) => Target::parse(url),
        None => Target::configured(sources),
    };
    let (tell, told) = mpsc::sync_channel(1);
    let outcome = target.and_then(|target| {
        // A thread, since looking up a name has no bound of its own. It ends with the process.
        std::thread::spawn(move || tell.send(target.ask()));
        told.recv_timeout(BOUND).unwrap_or_else(|_| Err(format!("no answer within {} s", BOUND.as_secs())))
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("lacewing: unhealthy: {why}");
            ExitCode::FAILURE
        }
    }
}

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    scheme: Scheme,
    host: String,
    port: u16,
    path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Target {
    fn parse(url: &str) -> Result<Target, String> {
        let wrong = || format!("{url} is no http:// or https:// URL");
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let (scheme, default) = match scheme {
            "http" => (Scheme::Http, 80),
            "https" => (Scheme::Https, 443),
            _ => return Err(wrong()),
        };
        let (place, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let path = match path {
            "" => PATH.to_owned(),
            path if path.starts_with('/') => path.to_owned(),
            query => format!("/{query}"),
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| wrong())?),
            _ => (place, default),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() || path.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(wrong());
        }
        Ok(Target { scheme, host: host.to_owned(), port, path })
    }

    /// Where the configuration has probes: without TLS, and without PROXY headers, if there is a choice.
    fn configured(sources: &Sources) -> Result<Target, String> {
        let settings = config::load(sources).map_err(|errors| errors.to_string().replace('\n', "; "))?;
        let easy = |endpoint: &&Endpoint| (!endpoint.proxy_protocol_from.is_empty(), endpoint.tls.is_some());
        let endpoint =
            settings.endpoints.iter().filter(|endpoint| endpoint.services.health).filter_map(
                |endpoint| match &endpoint.address {
                    Address::Http(place) => Some((endpoint, place)),
                    Address::Tcp(_) | Address::Unix(_) | Address::Quic(_) => None,
                },
            );
        let (endpoint, place) = endpoint
            .min_by_key(|(endpoint, _)| easy(endpoint))
            .ok_or("no HTTP endpoint is configured that offers health; say --url")?;
        if place.port == 0 {
            return Err(format!("endpoint {} has any free port; say --url", endpoint.name));
        }
        let host = match place.host.as_str() {
            "::" | "0.0.0.0" => "localhost",
            host => host,
        };
        let scheme = if endpoint.tls.is_some() { Scheme::Https } else { Scheme::Http };
        Ok(Target { scheme, host: host.to_owned(), port: place.port, path: PATH.to_owned() })
    }

    fn ask(&self) -> Result<(), String> {
        let (stream, address) = self.connect()?;
        let answer = match self.scheme {
            Scheme::Http => self.exchange(stream),
            Scheme::Https if address.ip().to_canonical().is_loopback() => self.exchange(shake_hands(stream)?),
            Scheme::Https => return Err("https is for this machine alone, as certificates are not checked".to_owned()),
        }?;
        let code = answer.split(' ').nth(1).unwrap_or_default();
        if answer.starts_with("HTTP/1.") && code == "200" {
            return Ok(());
        }
        let said = answer.split_once("\r\n\r\n").map(|(_, body)| body.trim().replace('\n', "; ")).unwrap_or_default();
        Err(format!("{} answered {code}: {said}", self.path))
    }

    fn connect(&self) -> Result<(TcpStream, SocketAddr), String> {
        let failed = |error| format!("{}:{}: {error}", self.host, self.port);
        let named = (self.host.as_str(), self.port).to_socket_addrs().map_err(failed)?;
        // A small image may know no localhost but in IPv6.
        let local = (self.host == "localhost").then(|| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.port));
        let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
        for address in named.chain(local) {
            match TcpStream::connect(address) {
                Ok(stream) => return Ok((stream, address)),
                Err(error) => last = error,
            }
        }
        Err(failed(last))
    }

    fn exchange(&self, mut stream: impl Read + Write) -> Result<String, String> {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {host}:{}\r\nUser-Agent: lacewing-healthcheck\r\nConnection: close\r\n\r\n",
            self.path, self.port
        );
        let mut answer = Vec::new();
        let exchanged =
            stream.write_all(request.as_bytes()).and_then(|()| stream.take(LONGEST).read_to_end(&mut answer));
        match exchanged {
            // Closed without TLS's own end, after an answer, is no error here.
            Err(error) if answer.is_empty() => Err(error.to_string()),
            Ok(0) => Err("the connection was closed without an answer".to_owned()),
            _ => Ok(String::from_utf8_lossy(&answer).into_owned()),
        }
    }
}

fn shake_hands(stream: TcpStream) -> Result<StreamOwned<ClientConnection, TcpStream>, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(
            provider.signature_verification_algorithms.supported_schemes(),
        )))
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").map_err(|error| error.to_string())?;
    let connection = ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
    Ok(StreamOwned::new(connection, stream))
}

/// Takes any certificate.
#[derive(Debug)]
struct Anybody(Vec<SignatureScheme>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let target = |scheme, host: &str, port, path: &str| {
            Ok(Target { scheme, host: host.to_owned(), port, path: path.to_owned() })
        };
        assert_eq!(Target::parse("http://localhost"), target(Scheme::Http, "localhost", 80, "/readyz"));
        assert_eq!(Target::parse("https://[::1]:8/livez?verbose"), target(Scheme::Https, "::1", 8, "/livez?verbose"));
        assert_eq!(Target::parse("http://[::1]/"), target(Scheme::Http, "::1", 80, "/"));
        assert_eq!(Target::parse("http://a:1?verbose"), target(Scheme::Http, "a", 1, "/?verbose"));
        for wrong in
            ["", "localhost:8001", "ftp://a", "http://", "http://a:b", "http://:1", "http://a/ b", "http://a/\n"]
        {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
    }
}
