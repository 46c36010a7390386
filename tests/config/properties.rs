//! Whatever the environment holds, loading ends with settings or with errors.

use crate::checks::environment;
use proptest::collection::vec;
use proptest::prelude::*;
use std::path::Path;

/// Parts of names that lead deep into the tree, and some that lead nowhere.
const PARTS: [&str; 26] = [
    "MQTT",
    "Kestrel",
    "Endpoints",
    "endpoints",
    "mqtt",
    "tcp.ssl.default",
    "Url",
    "Port",
    "Address",
    "Certificate",
    "Certificates",
    "Path",
    "Default",
    "Limits",
    "InFlight",
    "in_flight",
    "MQTT5",
    "MaxReceive",
    "WebSocket",
    "AllowedOrigins",
    "0",
    "17",
    "UseQuic",
    "",
    "Enabled",
    "LogLevel",
];

/// Values that some key takes, and some that none does.
const VALUES: [&str; 18] = [
    "",
    "1",
    "0",
    "true",
    "tcp://[::]:1883",
    "tcps://*:1",
    "unix:@x",
    "http://+",
    "10s",
    "00:00:01",
    "1GiB",
    "99999999999999999999",
    "%HOME%/x",
    "%",
    "All",
    "é",
    "://",
    "tcp://[",
];

fn line() -> impl Strategy<Value = Vec<u8>> {
    let parts = vec(prop::sample::select(&PARTS[..]), 0..6);
    let value = prop_oneof![
        prop::sample::select(&VALUES[..]).prop_map(|text| text.as_bytes().to_vec()),
        vec(any::<u8>(), 0..12)
    ];
    (parts, value)
        .prop_map(|(parts, value)| [b"MQTT__".to_vec(), parts.join("__").into_bytes(), b"=".to_vec(), value].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn likely_environments(lines in vec(line(), 0..8)) {
        environment::check(&lines.join(&b'\n'));
    }

    #[test]
    fn any_bytes(data in vec(any::<u8>(), 0..200)) {
        environment::check(&data);
    }
}

#[test]
fn the_environment_corpus_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/environment");
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus is part of the repository") {
        let path = entry.unwrap().path();
        println!("{}", path.display()); // shown if the check fails
        environment::check(&std::fs::read(&path).unwrap());
        files += 1;
    }
    assert!(files >= 20, "the corpus has only {files} files");
}
