//! From keys to endpoints.

use crate::config::{Accounts, Sources, load};
use crate::sources::{Folder, endpoint, environment, loaded, names, place};
use mqtt_server::endpoint::{Address, Endpoint, Services, TcpOptions, TlsVersions, UnixPath, Versions};
use std::path::PathBuf;
use std::time::Duration;

/// The endpoint `x` with these keys.
fn x(keys: &str) -> Endpoint {
    let lines: Vec<String> = keys.split(", ").map(|key| format!("MQTT__Endpoints__x__{key}")).collect();
    endpoint(&loaded(&lines.join("\n")), "x").clone()
}

#[test]
fn urls() {
    let table = [
        ("tcp://[::]:1", Address::Tcp(place("::", 1)), false),
        ("TCP://[::]", Address::Tcp(place("::", 1883)), false),
        ("mqtt://localhost", Address::Tcp(place("localhost", 1883)), false),
        ("tcp://10.0.0.1:0/", Address::Tcp(place("10.0.0.1", 0)), false),
        ("tcp://*:7", Address::Tcp(place("::", 7)), false),
        ("tcp://+:7", Address::Tcp(place("::", 7)), false),
        ("tcp://[fe80::1%eth0]:7", Address::Tcp(place("fe80::1%eth0", 7)), false),
        ("tcps://broker.example.org", Address::Tcp(place("broker.example.org", 8883)), true),
        ("mqtts://[::1]:2", Address::Tcp(place("::1", 2)), true),
        ("ws://*", Address::Http(place("::", 8083)), false),
        ("ws://*:1/mqtt", Address::Http(place("::", 1)), false),
        ("http://+:8083/mqtt/", Address::Http(place("::", 8083)), false),
        ("http://a", Address::Http(place("a", 80)), false),
        ("wss://a", Address::Http(place("a", 8084)), true),
        ("https://a", Address::Http(place("a", 443)), true),
        ("mqtt-quic://a", Address::Quic(place("a", 8885)), true),
        ("mqttq://a:9", Address::Quic(place("a", 9)), true),
        ("quic://a", Address::Quic(place("a", 14567)), true),
    ];
    for (url, address, tls) in table {
        let endpoint = x(&format!("Url={url}"));
        assert_eq!((endpoint.address, endpoint.tls.is_some()), (address, tls), "{url}");
    }
}

#[test]
fn unix_sockets() {
    for (url, path) in [
        ("unix:/run/a.sock", "/run/a.sock"),
        ("unix:///run/a.sock", "/run/a.sock"),
        ("file:///run/a.sock", "/run/a.sock"),
        ("/run/a.sock", "/run/a.sock"),
        ("http://unix:/run/a.sock", "/run/a.sock"),
        ("unix:@lacewing", "@lacewing"),
        ("unix:///@lacewing", "@lacewing"),
        ("unix://@lacewing", "@lacewing"),
    ] {
        let expected = UnixPath { path: PathBuf::from(path), mode: None, owner: None };
        assert_eq!(x(&format!("Url={url}")).address, Address::Unix(expected), "{url}");
    }
    let Address::Unix(unix) = x("Url=unix:/a, Unix__Mode=0660, Unix__Owner=1000:33").address else { panic!() };
    assert_eq!((unix.mode, unix.owner), (Some(0o660), Some((1000, 33))));
}

#[test]
fn owners_by_name_are_looked_up_in_the_systems_files() {
    let folder = Folder::new();
    let accounts = Accounts {
        users: folder
            .file("passwd", "root:x:0:0:root:/root:/bin/sh\n# no line\nmqtt:x:1883:1884::/:\nold:x:nobody:1\n"),
        groups: folder.file("group", "root:x:0:\nmqtt:x:1885:alice,bob\nws\n"),
    };
    let owned = |owner: &str| {
        let lines = format!("MQTT__Endpoints__x__Url=unix:/a\nMQTT__Endpoints__x__Unix__Owner={owner}");
        let sources = Sources { accounts: accounts.clone(), ..environment(&lines) };
        load(&sources).map(|settings| match &endpoint(&settings, "x").address {
            Address::Unix(unix) => unix.owner,
            other => panic!("{other:?}"),
        })
    };
    for (owner, ids) in
        [("mqtt:mqtt", (1883, 1885)), ("1000:mqtt", (1000, 1885)), ("root:33", (0, 33)), ("7:8", (7, 8))]
    {
        assert_eq!(owned(owner).unwrap(), Some(ids), "{owner}");
    }
    let (users, groups) = (accounts.users.display(), accounts.groups.display());
    let add = "add it there, or give the number in its place";
    for (owner, expected) in [
        ("alice:mqtt", format!("a user of {users}, which has no alice: {add}")),
        ("mqtt:ws", format!("a group of {groups}, which has no ws: {add}")),
        ("old:mqtt", format!("a user of {users}, which has no old: {add}")),
        ("Mqtt:mqtt", format!("a user of {users}, which has no Mqtt: {add}")),
    ] {
        let errors = owned(owner).unwrap_err().to_string();
        let start = "(from environment variable MQTT__Endpoints__x__Unix__Owner): expected";
        assert_eq!(errors, format!("Endpoints:x:Unix:Owner = {owner:?} {start} {expected}"));
    }
    for owner in ["mqtt", "mqtt:", ":mqtt", "a:b:c", "a b:c", "4294967295:0", "4294967296:0"] {
        let errors = owned(owner).unwrap_err().to_string();
        assert!(errors.ends_with("expected user and group such as mqtt:mqtt or 1000:1000"), "{errors}");
    }
    std::fs::remove_file(&accounts.users).unwrap();
    let errors = owned("mqtt:mqtt").unwrap_err().to_string();
    let expected =
        format!("expected the number of user mqtt, as {users} cannot be read: No such file or directory (os error 2)");
    assert!(errors.ends_with(&expected), "{errors}");
    assert_eq!(owned("7:mqtt").unwrap(), Some((7, 1885)), "only what has to be looked up is");
}

#[test]
fn addresses_and_ports() {
    assert_eq!(x("Address=::1, Port=5").address, Address::Tcp(place("::1", 5)));
    assert_eq!(x("Port=5").address, Address::Tcp(place("::", 5)));
    assert_eq!(x("Address=[::1]").address, Address::Tcp(place("::1", 1883)));
    assert_eq!(x("Port=5, UseQuic=true").address, Address::Quic(place("::", 5)));
    let tls = x("Port=5, Certificate__Path=/a.pfx");
    assert!(tls.tls.is_some());
    assert_eq!(tls.address, Address::Tcp(place("::", 5)));
}

#[test]
fn a_default_endpoint_is_moved_by_its_port_alone() {
    let settings = loaded("MQTT__Endpoints__mqtt__Port=1884\nMQTT__Endpoints__http__Address=127.0.0.1");
    assert_eq!(endpoint(&settings, "mqtt").address, Address::Tcp(place("::", 1884)));
    assert_eq!(endpoint(&settings, "http").address, Address::Http(place("127.0.0.1", 8001)));
    let settings = loaded("MQTT__Endpoints__MQTT__Url=tcps://[::]:8883");
    assert_eq!(names(&settings), ["http", "mqtt"]);
    assert_eq!(endpoint(&settings, "mqtt").address, Address::Tcp(place("::", 8883)));
}

#[test]
fn a_url_of_a_higher_layer_wins_over_a_port_of_a_lower_one() {
    let folder = Folder::new();
    let mut sources = environment("MQTT__Endpoints__mqtt__Url=tcp://localhost:7");
    sources.files.push(folder.file("a.yaml", "Endpoints:\n  mqtt: {Address: '::', Port: 1883}\n"));
    let settings = load(&sources).unwrap();
    assert_eq!(endpoint(&settings, "mqtt").address, Address::Tcp(place("localhost", 7)));
}

#[test]
fn default_endpoints_stay_unless_they_are_switched_off_or_in_the_way() {
    assert_eq!(names(&loaded("MQTT__Endpoints__x__Url=tcp://[::]:5")), ["http", "mqtt", "x"]);
    assert_eq!(names(&loaded("MQTT__Endpoints__http__Enabled=false")), ["mqtt"]);
    let settings = loaded("MQTT__Endpoints__x__Url=tcp://127.0.0.1:1883");
    assert_eq!(names(&settings), ["http", "x"]);
    assert_eq!(settings.notices, ["the default endpoint mqtt is left out: endpoint x has its port"]);
    assert_eq!(
        names(&loaded("MQTT__Endpoints__x__Url=mqtt-quic://[::]:1883")),
        ["http", "mqtt", "x"],
        "UDP is elsewhere"
    );
    assert_eq!(
        names(&loaded("MQTT__Endpoints__x__Enabled=false\nMQTT__Endpoints__x__Url=tcp://[::]:1883")),
        ["http", "mqtt"]
    );
}

#[test]
fn options() {
    let plain = x("Url=tcp://[::]:5");
    assert_eq!(plain.tcp, TcpOptions::default());
    assert_eq!(plain.versions, Versions::default());
    let endpoint = x(
        "Url=tcp://[::]:5, Tcp__NoDelay=off, Tcp__KeepAlive=none, Tcp__UserTimeout=1m30s, MaxConnections=10, AllowAnonymous=no, \
         ProtocolLevel=Mqtt5, ProxyProtocolFrom=10.0.0.0/8 ::1, Quic__ZeroRtt=true, Quic__IdleTimeout=00:01:00, Quic__DataStreams=3, \
         Quic__StreamWindow=8KiB, Quic__ConnectionWindow=32KiB, WebSocket__PingInterval=off",
    );
    assert_eq!(
        endpoint.tcp,
        TcpOptions { no_delay: false, keep_alive: None, user_timeout: Some(Duration::from_secs(90)) }
    );
    assert_eq!((endpoint.connections, endpoint.allow_anonymous), (Some(10), Some(false)));
    assert_eq!(endpoint.versions, Versions { v3: false, v311: false, v5: true });
    assert_eq!(endpoint.proxy_protocol_from, ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
    let quic = endpoint.quic;
    assert_eq!((quic.zero_rtt, quic.idle_timeout), (true, Duration::from_secs(60)));
    assert_eq!((quic.data_streams, quic.stream_window, quic.connection_window), (3, 8192, 32_768));
    assert_eq!(endpoint.web_socket.ping_interval, None);
}

#[test]
fn services_are_those_named_or_what_anybody_may_see() {
    let services = |keys: &str| {
        let Services { mqtt, health, metrics, admin } = x(keys).services;
        let words = [(mqtt, "mqtt"), (health, "health"), (metrics, "metrics"), (admin, "admin")];
        words.into_iter().filter(|(offered, _)| *offered).map(|(_, word)| word).collect::<Vec<_>>()
    };
    assert_eq!(services("Url=http://[::]:5"), ["mqtt", "health", "metrics"]);
    assert_eq!(services("Url=wss://[::]:5"), ["mqtt", "health"]);
    for inside in ["ws://127.0.0.1:5", "http://[::1]:5", "https://LocalHost:5"] {
        assert_eq!(services(&format!("Url={inside}")), ["mqtt", "health", "metrics", "admin"], "{inside}");
    }
    assert_eq!(services("Url=ws://127.0.0.1:5, ProxyProtocolFrom=127.0.0.1"), ["mqtt", "health"], "behind a proxy");
    assert_eq!(services("Url=http://[::]:5, Services=Health;ADMIN"), ["health", "admin"]);
    assert_eq!(services("Url=http://127.0.0.1:5, Services=mqtt"), ["mqtt"]);
    assert_eq!(x("Url=tcp://[::]:5, Services=mqtt").services, Services::default());
}

#[test]
fn versions() {
    for (text, v3, v311, v5) in [
        ("All", true, true, true),
        ("mqtt3", true, true, false),
        ("Level3", true, false, false),
        ("MQTT3_1_1, Mqtt5", false, true, true),
        ("3", true, true, false),
        ("4", false, false, true),
    ] {
        let settings = loaded(&format!("MQTT__ProtocolLevel={text}"));
        assert_eq!(endpoint(&settings, "mqtt").versions, Versions { v3, v311, v5 }, "{text}");
    }
    let settings = loaded("MQTT__ProtocolLevel=Mqtt5\nMQTT__Endpoints__mqtt__ProtocolLevel=Mqtt3");
    assert_eq!(endpoint(&settings, "mqtt").versions, Versions { v3: true, v311: true, v5: false });
    assert_eq!(endpoint(&settings, "http").versions, Versions { v3: false, v311: false, v5: true });
    for (text, tls12, tls13) in
        [("None", true, true), ("Tls13", false, true), ("Tls12, Tls13", true, true), ("tls12", true, false)]
    {
        let settings =
            loaded(&format!("MQTT__Endpoints__x__Url=tcps://[::]:5\nMQTT__Endpoints__x__SslProtocols={text}"));
        let tls = endpoint(&settings, "x").tls.clone().unwrap();
        assert_eq!(tls.versions, TlsVersions { tls12, tls13 }, "{text}");
    }
}

#[test]
fn early_data_of_clients_that_show_certificates_is_none() {
    let endpoint = "MQTT__Endpoints__x__Url=quic://[::]:5\nMQTT__Endpoints__x__Quic__ZeroRtt=true";
    assert_eq!(loaded(endpoint).notices, [""; 0]);
    let asking = "MQTT__Endpoints__x__ClientCertificateMode=Allow\nMQTT__Endpoints__x__ClientAuthorities__0=/ca.pem";
    let notices = loaded(&format!("{endpoint}\n{asking}")).notices;
    assert_eq!(notices, ["Endpoints:x:Quic:ZeroRtt has no effect: clients are asked for certificates"]);
}
