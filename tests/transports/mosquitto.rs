//! mosquitto_pub and mosquitto_sub over TLS, with and without client certificates.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::json;

use crate::{
    certificates::{Authority, Leaf},
    client::Kind,
    folder::Folder,
    program::Program,
    tools,
};

/// A program with one TLS endpoint, and the files around it.
struct Stage {
    folder: Folder,
    clients: Authority,
    authority: PathBuf,
    program: Program,
}

impl Stage {
    /// With this `ClientCertificateMode`; also gives the one client certificate that is revoked.
    fn new(mode: &str) -> (Self, Leaf) {
        let folder = Folder::new();
        let (servers, clients) = (Authority::new("Servers"), Authority::new("Clients"));
        let authority = folder.write("servers.pem", &servers.certificate);
        let [certificate, key] = servers.leaf("broker.test").write(&folder, "server");
        let revoked = clients.leaf("revoked");
        let endpoint = json!({
            "Url": "mqtts://127.0.0.1:0",
            "Certificate": { "Path": certificate, "KeyPath": key },
            "ClientCertificateMode": mode,
            "ClientAuthorities": [folder.write("clients.pem", &clients.certificate)],
            "ClientRevocationLists": [folder.write("clients.crl", clients.revoked(&[&revoked]))],
        });
        let file = json!({ "Endpoints": { "tls": endpoint } });
        let file = folder.write("lacewing.json", file.to_string());
        let program = Program::start(&folder, &[&file], &[]);
        (Self { folder, clients, authority, program }, revoked)
    }

    /// Whether mosquitto_pub gets a retained message in, and mosquitto_sub gets it out again.
    fn passes(&self, leaf: Option<&Leaf>) -> bool {
        let files = leaf.map(|leaf| leaf.write(&self.folder, "client"));
        let sent = self.run("mosquitto_pub", &["-r", "-q", "1", "-m", "hello"], files.as_ref());
        let got = self.run("mosquitto_sub", &["-C", "1", "-W", "10"], files.as_ref());
        assert_eq!(sent.status.success(), got.status.success(), "{sent:?} {got:?}");
        assert_eq!(got.status.success(), got.stdout == b"hello\n", "{got:?}");
        sent.status.success()
    }

    fn run(&self, program: &str, arguments: &[&str], client: Option<&[PathBuf; 2]>) -> Output {
        let mut command = Command::new(program);
        command.args(["-h", "localhost", "-p", &self.program.port("mqtts"), "-t", "a/topic", "-V", "mqttv5"]);
        command.args(arguments).arg("--cafile").arg(&self.authority);
        if let Some([certificate, key]) = client {
            command.arg("--cert").arg(certificate).arg("--key").arg(key);
        }
        command.output().unwrap_or_else(|error| panic!("{program}: {error}"))
    }
}

#[test]
fn a_server_certificate_is_enough_where_no_client_certificate_is_asked_for() {
    if tools::installed(Kind::Mosquitto) {
        let (stage, revoked) = Stage::new("NoCertificate");
        assert!(stage.passes(None), "without a certificate");
        assert!(stage.passes(Some(&revoked)), "with one that nobody asks for");
    }
}

#[test]
fn only_valid_client_certificates_come_in_where_they_are_required() {
    if tools::installed(Kind::Mosquitto) {
        let (stage, revoked) = Stage::new("RequireCertificate");
        assert!(stage.passes(Some(&stage.clients.leaf("one"))), "with");
        assert!(!stage.passes(None), "without");
        assert!(!stage.passes(Some(&Authority::new("Clients").leaf("one"))), "foreign");
        assert!(!stage.passes(Some(&revoked)), "revoked");
    }
}

#[test]
fn no_client_certificate_or_a_valid_one_comes_in_where_they_are_allowed() {
    if tools::installed(Kind::Mosquitto) {
        let (stage, revoked) = Stage::new("AllowCertificate");
        assert!(stage.passes(Some(&stage.clients.leaf("one"))), "with");
        assert!(stage.passes(None), "without");
        assert!(!stage.passes(Some(&Authority::new("Clients").leaf("one"))), "foreign");
        assert!(!stage.passes(Some(&revoked)), "revoked");
    }
}

#[test]
fn the_certificate_that_the_program_makes_is_believed_by_those_who_have_its_authority() {
    if tools::installed(Kind::Mosquitto) {
        let folder = Folder::new();
        let file = json!({ "Endpoints": { "tls": { "Url": "mqtts://127.0.0.1:0" } } });
        let file = folder.write("lacewing.json", file.to_string());
        let program = Program::start(&folder, &[&file], &[]);
        let said = program.says("made a certificate");
        let mut certificates = files_of(folder.join("data"));
        certificates.retain(|path| said.contains(&*path.to_string_lossy()));
        let [authority] = certificates.as_slice() else { panic!("the log names one file: {said} {certificates:?}") };
        let stage = Stage { authority: authority.clone(), clients: Authority::new("none"), folder, program };
        assert!(stage.passes(None));
    }
}

#[test]
fn a_revoked_client_certificate_stays_out_after_a_reload() {
    if tools::installed(Kind::Mosquitto) {
        let (stage, revoked) = Stage::new("RequireCertificate");
        let other = stage.clients.leaf("other");
        assert!(stage.passes(Some(&other)));
        stage.folder.write("clients.crl", stage.clients.revoked(&[&revoked, &other]));
        stage.program.hang_up();
        stage.program.says("configuration loaded again");
        assert!(!stage.passes(Some(&other)));
    }
}

/// The files below a folder.
fn files_of(path: PathBuf) -> Vec<PathBuf> {
    match path.read_dir() {
        Ok(entries) => entries.flatten().flat_map(|entry| files_of(entry.path())).collect(),
        Err(_) => vec![path],
    }
}
