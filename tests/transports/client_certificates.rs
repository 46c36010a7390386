//! Client certificates on endpoints that mosquitto does not reach: WebSocket and QUIC.

use serde_json::{Value, json};

use crate::{
    certificates::{Authority, Leaf},
    folder::Folder,
    program::Program,
    script::Script,
};

#[test]
fn only_valid_client_certificates_come_in_over_web_socket_and_quic() {
    let Some(mut links) = Script::links() else { return };
    let folder = Folder::new();
    let (servers, clients) = (Authority::new("Servers"), Authority::new("Clients"));
    let authority = folder.write("servers.pem", &servers.certificate);
    let [certificate, key] = servers.leaf("broker.test").write(&folder, "server");
    let revoked = clients.leaf("revoked");
    let authorities = folder.write("clients.pem", &clients.certificate);
    let lists = folder.write("clients.crl", clients.revoked(&[&revoked]));
    let endpoint = |url: &str| {
        json!({
            "Url": url,
            "Certificate": { "Path": certificate, "KeyPath": key },
            "ClientCertificateMode": "RequireCertificate",
            "ClientAuthorities": authorities.clone(),
            "ClientRevocationLists": lists.clone(),
        })
    };
    let endpoints = json!({ "quic": endpoint("mqtt-quic://127.0.0.1:0"), "web": endpoint("wss://127.0.0.1:0") });
    let file = folder.write("lacewing.json", json!({ "Endpoints": endpoints }).to_string());
    let program = Program::start(&folder, &[&file], &[]);
    for (kind, scheme) in [("wss", "https"), ("quic", "mqtt-quic")] {
        let mut comes_in = |leaf: Option<&Leaf>| {
            let mut place = json!({
                "group": kind, "kind": kind, "host": "127.0.0.1", "port": program.address(scheme).port(), "ca": authority,
            });
            if let Some([certificate, key]) = leaf.map(|leaf| leaf.write(&folder, "client")) {
                (place["certificate"], place["key"]) = (json!(certificate), json!(key));
            }
            links.attempt("fresh", place).get("error").is_none_or(Value::is_null)
        };
        assert!(comes_in(Some(&clients.leaf("one"))), "{kind} with");
        assert!(!comes_in(None), "{kind} without");
        assert!(!comes_in(Some(&Authority::new("Clients").leaf("one"))), "{kind} with a foreign one");
        assert!(!comes_in(Some(&revoked)), "{kind} with a revoked one");
    }
}
