//! `config print`.

use crate::config::print::{Origins, print};
use crate::config::{Sources, load};
use crate::sources::{Folder, environment, loaded};

#[test]
fn what_is_printed_is_a_configuration_file_that_loads_to_the_same() {
    let settings = loaded(
        "MQTT__Endpoints__tcp.ssl: x__Url=unix:@a b
         MQTT__Endpoints__1__Url=tcp://[::]:5
         MQTT__Endpoints__1__ProxyProtocolFrom=10.0.0.0/8, 10.1.0.0/16
         MQTT__Endpoints__no__Url=tcp://[::]:6
         MQTT__Endpoints__no__Certificate__Path=/a # b.pfx
         MQTT__MaxInFlight=100
         MQTT__DataDirectory=/srv/\"x\"",
    );
    let folder = Folder::new();
    for origins in [Origins::Shown, Origins::Hidden] {
        let text = print(&settings, origins);
        let file = folder.file("printed.yaml", &text);
        let again = load(&Sources { files: vec![file], ..Sources::default() })
            .unwrap_or_else(|errors| panic!("{errors}\n{text}"));
        assert_eq!(again.endpoints, settings.endpoints, "{text}");
        assert_eq!(format!("{:?}", again.limits), format!("{:?}", settings.limits));
        assert_eq!(again.data_directory, settings.data_directory);
    }
}

#[test]
fn each_value_has_its_origin() {
    let folder = Folder::new();
    let mut sources = environment("MQTT__Endpoints__mqtt__Port=1884\nMQTT__MaxReceive=9");
    sources.files.push(folder.file("a.yaml", "MaxInFlight: 7\nWebSocket: {AllowedOrigins: ['https://a']}\n"));
    sources.arguments.push("LogLevel=debug".to_owned());
    let text = print(&load(&sources).unwrap(), Origins::Shown).replace(&folder.path().display().to_string(), "DIR");
    for line in [
        "Endpoints:",
        "  http:",
        "    Url: \"http://[::]:8001\"  # default",
        "    Port: 1884  # environment variable MQTT__Endpoints__mqtt__Port",
        "  InFlight: 7  # DIR/a.yaml as MaxInFlight",
        "  ReceiveMaximum: 9  # environment variable MQTT__MaxReceive as MaxReceive",
        "  PacketSize: 16MiB  # default",
        "LogLevel: debug  # --set LogLevel",
        "  AllowedOrigins:",
        "    - \"https://a\"  # DIR/a.yaml",
    ] {
        assert!(text.lines().any(|printed| printed == line), "{line:?} in\n{text}");
    }
}
