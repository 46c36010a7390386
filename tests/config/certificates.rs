//! Which endpoint has which certificate, and whom it asks for one.

use crate::sources::{Folder, endpoint, loaded, refused};
use mqtt_server::endpoint::{CertificateFiles, ClientCertificates, ClientTrust, TlsSettings};
use std::path::PathBuf;

const TLS: &str = "MQTT__Endpoints__x__Url=tcps://[::]:5";

fn tls(lines: &str) -> TlsSettings {
    endpoint(&loaded(&format!("{TLS}\n{lines}")), "x").tls.clone().unwrap()
}

fn paths(lines: &str) -> Vec<String> {
    tls(lines).certificates.iter().map(|files| files.path.display().to_string()).collect()
}

fn files(path: &str, key_path: Option<&str>, password: Option<&str>) -> CertificateFiles {
    CertificateFiles { path: path.into(), key_path: key_path.map(Into::into), password: password.map(Into::into) }
}

#[test]
fn an_endpoint_gets_the_first_certificate_there_is() {
    let default = "MQTT__Certificates__Default__Path=/default.pfx";
    let kestrel = "Kestrel__Certificates__Default__Path=/kestrel.pfx";
    let generate = "GENERATE_SSL_CERTIFICATE=/made.pfx";
    let own = "MQTT__Endpoints__x__Certificate__Path=/own.pfx";
    assert_eq!(paths(&[default, kestrel, generate, own].join("\n")), ["/own.pfx"]);
    assert_eq!(paths(&[default, kestrel, generate].join("\n")), ["/default.pfx"]);
    assert_eq!(paths(&[kestrel, generate].join("\n")), ["/kestrel.pfx"]);
    assert_eq!(paths(generate), ["/made.pfx"]);
    assert_eq!(paths(""), [""; 0], "the broker is to make one");
    let https = loaded(&[default, kestrel, "MQTT__Endpoints__y__Url=https://*:6"].join("\n"));
    assert_eq!(endpoint(&https, "y").tls.as_ref().unwrap().certificates, [files("/kestrel.pfx", None, None)]);
}

#[test]
fn several_certificates_by_name() {
    let lines = "MQTT__Certificates__Api__Path=/api.pem
                 MQTT__Certificates__Api__KeyPath=/api.key
                 MQTT__Certificates__other.one__Path=/other.pfx
                 MQTT__Certificates__other.one__Password=secret
                 MQTT__Endpoints__x__Certificates=api, Other.One";
    assert_eq!(
        tls(lines).certificates,
        [files("/api.pem", Some("/api.key"), None), files("/other.pfx", None, Some("secret"))]
    );
}

#[test]
fn an_empty_path_asks_for_the_default_certificate() {
    let lines = "MQTT__Endpoints__y__Port=6
                 MQTT__Endpoints__y__Certificate__Path=
                 MQTT__Certificates__Default__Path=/default.pfx";
    assert_eq!(endpoint(&loaded(lines), "y").tls.as_ref().unwrap().certificates, [files("/default.pfx", None, None)]);
    let folder = Folder::new();
    let file = folder
        .file("a.json", r#"{"MQTT": {"Endpoints": {"y": {"Address": "::", "Port": 6, "Certificate": {"Path": ""}}}}}"#);
    let sources = crate::config::Sources { files: vec![file], ..Default::default() };
    let settings = crate::config::load(&sources).unwrap();
    assert_eq!(endpoint(&settings, "y").tls.as_ref().unwrap().certificates, []);
}

#[test]
fn variables_in_paths() {
    let lines = "HOME=/home/app
                 MQTT__Certificates__Default__Path=%HOME%/a%20b/%HOME%.pfx
                 MQTT__DataDirectory=%HOME%/data";
    // A name between two signs is a variable, whatever it looks like.
    assert_eq!(
        refused(lines),
        "Certificates:Default:Path (from environment variable MQTT__Certificates__Default__Path): there is no environment variable 20b/ for %20b/%"
    );
    let settings = loaded("HOME=/home/app\nMQTT__DataDirectory=%HOME%/data/100%");
    assert_eq!(settings.data_directory, PathBuf::from("/home/app/data/100%"));
}

#[test]
fn client_certificates() {
    let trust =
        ClientTrust { authorities: vec!["/a b.pem".into(), "/c.pem".into()], revocation_lists: vec!["/r.crl".into()] };
    let lists =
        "MQTT__Endpoints__x__ClientAuthorities=/a b.pem;/c.pem\nMQTT__Endpoints__x__ClientRevocationLists__0=/r.crl";
    let mode = |mode: &str| tls(&format!("{lists}\nMQTT__Endpoints__x__ClientCertificateMode={mode}")).clients;
    assert_eq!(mode("RequireCertificate"), ClientCertificates::Require(trust.clone()));
    assert_eq!(mode("allow"), ClientCertificates::Allow(trust));
    assert_eq!(mode("NoCertificate"), ClientCertificates::None);
}

#[test]
fn certificates_that_the_broker_makes() {
    let settings = loaded(
        "HOME=/home/app
         GENERATE_SSL_CERTIFICATE=True
         SSL_CERTIFICATE_HOSTS=a.example.org, b;c d
         SSL_CERTIFICATE_IP_ADDRESSES=10.0.0.1 ::1
         MQTT__SelfSigned=true",
    );
    let own = settings.own_certificates;
    assert_eq!(own.generate, Some(PathBuf::from("/home/app/.config/mqtt-server/mqtt-server.pfx")));
    assert_eq!(own.hosts, ["a.example.org", "b", "c", "d"]);
    assert_eq!(own.addresses, ["10.0.0.1".parse::<std::net::IpAddr>().unwrap(), "::1".parse().unwrap()]);
    let generate = |lines: &str| loaded(lines).own_certificates.generate;
    assert_eq!(
        generate("XDG_CONFIG_HOME=/x\nHOME=/h\nGENERATE_SSL_CERTIFICATE=1"),
        Some("/x/mqtt-server/mqtt-server.pfx".into())
    );
    assert_eq!(generate("GENERATE_SSL_CERTIFICATE=0"), None);
    assert_eq!(generate("GENERATE_SSL_CERTIFICATE=/a/b.pfx"), Some("/a/b.pfx".into()));
}
