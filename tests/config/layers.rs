//! Which layer wins, and how keys may be spelled.

use crate::config::{Settings, Sources, load};
use crate::sources::{Folder, endpoint, environment, loaded, names, place};
use mqtt_server::endpoint::Address;

fn in_flight(settings: &Settings) -> u16 {
    settings.limits.in_flight
}

#[test]
fn without_any_source_there_are_the_defaults() {
    let settings = loaded("");
    assert_eq!(names(&settings), ["http", "mqtt"]);
    assert_eq!(endpoint(&settings, "mqtt").address, Address::Tcp(place("::", 1883)));
    assert_eq!(endpoint(&settings, "http").address, Address::Http(place("::", 8001)));
    assert_eq!(format!("{:?}", settings.limits), format!("{:?}", mqtt_server::Limits::default()));
    assert_eq!(settings.allow_anonymous, None);
    assert!(settings.users.is_empty() && settings.notices.is_empty() && settings.own_certificates.allowed);
}

#[test]
fn each_layer_wins_over_those_below_it() {
    let folder = Folder::new();
    let first = folder.file("etc/10.toml", "[Limits]\nInFlight = 1\n");
    let mut sources = Sources { directory: first.parent().map(Into::into), ..Sources::default() };
    assert_eq!(in_flight(&load(&sources).unwrap()), 1);
    folder.file("etc/20.yaml", "Limits:\n  InFlight: 2\n");
    assert_eq!(in_flight(&load(&sources).unwrap()), 2, "files of the directory are sorted");
    sources.files.push(folder.file("a.json", r#"{"Limits": {"InFlight": 3}}"#));
    assert_eq!(in_flight(&load(&sources).unwrap()), 3);
    sources.files.push(folder.file("0.yml", "MQTT:\n  MaxInFlight: 4\n"));
    assert_eq!(in_flight(&load(&sources).unwrap()), 4, "files of the command line keep their order");
    sources.environment = environment("MQTT__Limits__InFlight=5").environment;
    assert_eq!(in_flight(&load(&sources).unwrap()), 5);
    sources.environment.push(("MQTT_MQTT__MaxInFlight".into(), "6".into()));
    assert_eq!(in_flight(&load(&sources).unwrap()), 6, "Net.MQTT's prefix is a layer of its own");
    sources.arguments.push("Limits.InFlight=7".to_owned());
    assert_eq!(in_flight(&load(&sources).unwrap()), 7);
}

#[test]
fn files_that_are_not_configuration_are_left_alone() {
    let folder = Folder::new();
    folder.file("etc/README.md", "not this");
    folder.file("etc/.hidden.toml", "nor this");
    folder.file("etc/appsettings.json.distrib", "nor this");
    folder.file("etc/empty.yaml", "\n");
    folder.file("etc/comment.yaml", "# nothing here\n");
    let sources = Sources { directory: Some(folder.path().join("etc")), ..Sources::default() };
    assert_eq!(names(&load(&sources).unwrap()), ["http", "mqtt"]);
    let sources = Sources { directory: Some(folder.path().join("missing")), ..Sources::default() };
    assert_eq!(names(&load(&sources).unwrap()), ["http", "mqtt"]);
}

#[test]
fn fields_may_be_spelled_in_many_ways() {
    for line in [
        "MQTT__Limits__InFlight=9",
        "MQTT__LIMITS__IN_FLIGHT=9",
        "mqtt__limits__in-flight=9",
        "MQTT__limits__inflight= 9 ",
        "MQTT__max_in_flight=9",
        "MQTT__MAXINFLIGHT=9",
    ] {
        assert_eq!(in_flight(&loaded(line)), 9, "{line}");
    }
    for argument in ["Limits.InFlight=9", "MQTT.limits.in_flight=9", "Limits__InFlight=9", "MQTT:Limits:InFlight=9"] {
        let sources = Sources { arguments: vec![argument.to_owned()], ..Sources::default() };
        assert_eq!(in_flight(&load(&sources).unwrap()), 9, "{argument}");
    }
}

#[test]
fn names_keep_their_spelling_and_may_hold_dots() {
    let mut sources = environment(
        "MQTT__Endpoints__tcp.SSL.default__Url=tcp://[::]:8883
         MQTT__ENDPOINTS__TCP.ssl.DEFAULT__ALLOW_ANONYMOUS=false",
    );
    sources.arguments.push("Endpoints__Tcp.Ssl.Default__MaxConnections=5".to_owned());
    let settings = load(&sources).unwrap();
    let endpoints = names(&settings);
    assert_eq!(endpoints.len(), 3);
    assert!(endpoints.iter().any(|name| name.eq_ignore_ascii_case("tcp.ssl.default")));
    let endpoint = settings.endpoints.iter().find(|endpoint| endpoint.name.contains('.')).unwrap();
    assert_eq!((endpoint.allow_anonymous, endpoint.connections), (Some(false), Some(5)));

    let folder = Folder::new();
    let mut sources = environment("MQTT__Endpoints__TCP.SSL__Port=4");
    sources.files.push(folder.file("a.yaml", "Endpoints:\n  Tcp.Ssl:\n    Url: tcp://localhost:3\n"));
    let settings = load(&sources).unwrap();
    assert_eq!(names(&settings), ["Tcp.Ssl", "http", "mqtt"], "the lowest layer's spelling stays");
    assert_eq!(settings.endpoints[0].address, Address::Tcp(place("localhost", 4)));
}

#[test]
fn lists_are_numbered_or_separated_and_replaced_as_a_whole() {
    let origins = |settings: &Settings| endpoint(settings, "http").web_socket.allowed_origins.clone();
    for lines in [
        "MQTT__WebSocket__AllowedOrigins__0=https://a
         MQTT__WebSocket__AllowedOrigins__1=https://b",
        "MQTT__WebSocket__AllowedOrigins__10=https://b
         MQTT__WebSocket__AllowedOrigins__2=https://a",
        "MQTT__WebSocket__AllowedOrigins=https://a, https://b",
        "MQTT__WebSocket__AllowedOrigins=https://a;https://b;",
        "MQTT__Endpoints__http__WebSocket__AllowedOrigins=https://a https://b",
    ] {
        assert_eq!(origins(&loaded(lines)), ["https://a", "https://b"], "{lines}");
    }
    let folder = Folder::new();
    let mut sources = environment("MQTT__WebSocket__AllowedOrigins__0=https://z");
    sources.files.push(folder.file("a.toml", "[WebSocket]\nAllowedOrigins = ['https://a', 'https://b']\n"));
    assert_eq!(origins(&load(&sources).unwrap()), ["https://z"]);
    sources.environment.clear();
    assert_eq!(origins(&load(&sources).unwrap()), ["https://a", "https://b"]);
    sources.files.push(folder.file("b.yaml", "WebSocket: {AllowedOrigins: []}\n"));
    assert_eq!(origins(&load(&sources).unwrap()), [""; 0]);
}

#[test]
fn an_empty_value_sets_nothing() {
    let folder = Folder::new();
    let mut sources = environment(
        "MQTT__MaxInFlight=
         MQTT__LogLevel=
         MQTT__Endpoints__tls__Url=
         MQTT__WebSocket__AllowedOrigins=
         GENERATE_SSL_CERTIFICATE=",
    );
    sources.files.push(folder.file("a.yaml", "MaxInFlight: 8\nLogLevel:\nWebSocket:\nEndpoints:\n"));
    let settings = load(&sources).unwrap();
    assert_eq!(in_flight(&settings), 8);
    assert_eq!(names(&settings), ["http", "mqtt"]);
    assert_eq!(settings.own_certificates.generate, None);
}

#[test]
fn variables_of_other_programs_are_none_of_our_business() {
    // Kubernetes sets these for a Service of the name mqtt.
    let lines = "MQTT_PORT=tcp://10.0.0.1:1883
                 MQTT_SERVICE_HOST=10.0.0.1
                 MQTT_PORT_1883_TCP_ADDR=10.0.0.1
                 MQTT=x
                 MQTT_=x
                 LOGGING__CONSOLE__FORMAT=json
                 OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost
                 PATH=/bin";
    assert_eq!(names(&loaded(lines)), ["http", "mqtt"]);
}
