//! What is said about what is wrong: all of it at once, word for word.

use crate::config::{EXIT_CODE, Sources, Unknown, load};
use crate::sources::{Folder, environment, refused};

/// Environment variables, and what is said about them.
const TABLE: &[(&str, &str)] = &[
    // Values.
    (
        "MQTT__MaxInFlight=0",
        "MaxInFlight = \"0\" (from environment variable MQTT__MaxInFlight): expected a whole number from 1 to 65535",
    ),
    (
        "MQTT__Limits__InFlight=99999",
        "Limits:InFlight = \"99999\" (from environment variable MQTT__Limits__InFlight): expected a whole number from 1 to 65535",
    ),
    (
        "MQTT__Limits__Sessions=-1",
        "Limits:Sessions = \"-1\" (from environment variable MQTT__Limits__Sessions): expected a whole number from 1",
    ),
    (
        "MQTT__Limits__PacketSize=5X",
        "Limits:PacketSize = \"5X\" (from environment variable MQTT__Limits__PacketSize): expected a size such as 4096, 128KiB or 16MiB, \
         from 128 bytes",
    ),
    (
        "MQTT__Limits__ConnectTimeout=10 weeks",
        "Limits:ConnectTimeout = \"10 weeks\" (from environment variable MQTT__Limits__ConnectTimeout): expected a time such as 500ms, 10s, \
         5m, 24h or 00:02:00, from 50ms to 1d",
    ),
    (
        "MQTT__Limits__KeepAlive=0",
        "Limits:KeepAlive = \"0\" (from environment variable MQTT__Limits__KeepAlive): expected a time such as 500ms, 10s, 5m, 24h or \
         00:02:00, from 1s to 65535s, or none",
    ),
    (
        "MQTT__AllowAnonymous=maybe",
        "AllowAnonymous = \"maybe\" (from environment variable MQTT__AllowAnonymous): expected true or false",
    ),
    (
        "MQTT__LogLevel=loud",
        "LogLevel = \"loud\" (from environment variable MQTT__LogLevel): expected off, error, warn, info, debug or trace",
    ),
    (
        "MQTT__ProtocolLevel=5",
        "ProtocolLevel = \"5\" (from environment variable MQTT__ProtocolLevel): expected All, or a list of Mqtt3_1, Mqtt3_1_1, Mqtt3 (both \
         of them) and Mqtt5",
    ),
    (
        "MQTT__Endpoints__x__Url=amqp://a",
        "Endpoints:x:Url = \"amqp://a\" (from environment variable MQTT__Endpoints__x__Url): expected SCHEME://HOST[:PORT] with tcp, mqtt, \
         tcps, mqtts, ws, http, wss, https, mqtt-quic, mqttq or quic, or unix:/PATH, or unix:@NAME",
    ),
    (
        "MQTT__Endpoints__x__Url=tcp://a:1\nMQTT__Endpoints__x__Unix__Mode=9",
        "Endpoints:x:Unix:Mode = \"9\" (from environment variable MQTT__Endpoints__x__Unix__Mode): expected three octal digits such as 0660",
    ),
    (
        "MQTT__Endpoints__x__Url=tcp://a:1\nMQTT__Endpoints__x__Unix__Owner=root",
        "Endpoints:x:Unix:Owner = \"root\" (from environment variable MQTT__Endpoints__x__Unix__Owner): expected user and group such as mqtt:mqtt \
         or 1000:1000",
    ),
    (
        "MQTT__Endpoints__x__Url=tcps://a:1\nMQTT__Endpoints__x__SslProtocols=Tls11",
        "Endpoints:x:SslProtocols = \"Tls11\" (from environment variable MQTT__Endpoints__x__SslProtocols): expected None (which leaves the \
         choice), Tls12, Tls13 or both with a comma",
    ),
    (
        "MQTT__Endpoints__x__Url=tcps://a:1\nMQTT__Endpoints__x__ClientCertificateMode=Perhaps",
        "Endpoints:x:ClientCertificateMode = \"Perhaps\" (from environment variable MQTT__Endpoints__x__ClientCertificateMode): expected \
         NoCertificate, AllowCertificate or RequireCertificate",
    ),
    (
        "MQTT__Endpoints__x__Address=a b\nMQTT__Endpoints__x__Port=1",
        "Endpoints:x:Address = \"a b\" (from environment variable MQTT__Endpoints__x__Address): expected an address or a host name",
    ),
    (
        "MQTT__Endpoints__x__Url=tcp://a:1\nMQTT__Endpoints__x__ProxyProtocolFrom=::1, 10.0.0.0/99",
        "Endpoints:x:ProxyProtocolFrom:1 = \"10.0.0.0/99\" (from environment variable MQTT__Endpoints__x__ProxyProtocolFrom): expected a \
         network such as 10.0.0.0/8, or an address",
    ),
    (
        "SSL_CERTIFICATE_IP_ADDRESSES=localhost",
        "SslCertificateIpAddresses:0 = \"localhost\" (from environment variable SSL_CERTIFICATE_IP_ADDRESSES): expected an IP address",
    ),
    (
        "MQTT__Users__a__Password=$6$x",
        "Users:a:Password = \"***\" (from environment variable MQTT__Users__a__Password): expected an argon2id hash or a plain text, not a \
         hash of another kind",
    ),
    (
        "MQTT__Users__a__Password=$argon2id$x",
        "Users:a:Password = \"***\" (from environment variable MQTT__Users__a__Password): expected a whole argon2id hash",
    ),
    // Unknown keys.
    (
        "MQTT__MaxInflihgt=5",
        "unknown key MaxInflihgt (from environment variable MQTT__MaxInflihgt): did you mean MaxInFlight?",
    ),
    (
        "MQTT__Endpoint__mqtt__Url=tcp://a",
        "unknown key Endpoint:mqtt:Url (from environment variable MQTT__Endpoint__mqtt__Url): did you mean Endpoints:mqtt:Url?",
    ),
    (
        "MQTT__Endpoints__mqtt__Prt=5",
        "unknown key Endpoints:mqtt:Prt (from environment variable MQTT__Endpoints__mqtt__Prt): did you mean Endpoints:mqtt:Port?",
    ),
    (
        "MQTT__Connections=5",
        "unknown key Connections (from environment variable MQTT__Connections): did you mean Limits:Connections?",
    ),
    (
        "MQTT__Users__bob__Shoe_Size=44",
        "unknown key Users:bob:Shoe_Size (from environment variable MQTT__Users__bob__Shoe_Size): known here are Password",
    ),
    (
        "MQTT__Endpoints__x__Url__Host=a",
        "unknown key Endpoints:x:Url:Host (from environment variable MQTT__Endpoints__x__Url__Host): Endpoints:x:Url takes a single value",
    ),
    (
        "MQTT__WebSocket__AllowedOrigins__first=a",
        "unknown key WebSocket:AllowedOrigins:first (from environment variable MQTT__WebSocket__AllowedOrigins__first): \
         WebSocket:AllowedOrigins is a list: items are numbered from 0",
    ),
    (
        "MQTT__Endpoints____Url=tcp://a",
        "unknown key Endpoints::Url (from environment variable MQTT__Endpoints____Url): Endpoints needs a name in it",
    ),
    // Sections and values in each other's place.
    (
        "MQTT__Users__bob=hunter2",
        "Users:bob = \"***\" (from environment variable MQTT__Users__bob): expected a section with keys in it",
    ),
    // Twice.
    (
        "MQTT__MaxInFlight=1\nMQTT__MAX_IN_FLIGHT=2",
        "MaxInFlight is set twice: by environment variable MQTT__MAX_IN_FLIGHT and by environment variable MQTT__MaxInFlight",
    ),
    (
        "MQTT__MaxInFlight=1\nMQTT__Limits__InFlight=2",
        "MaxInFlight (from environment variable MQTT__MaxInFlight): Limits:InFlight says the same thing with another value: keep one of them",
    ),
    // What does not fit together.
    (
        "MQTT__Endpoints__x__AllowAnonymous=true",
        "Endpoints:x (from environment variable MQTT__Endpoints__x__AllowAnonymous): an endpoint needs a Url, or Address and Port",
    ),
    (
        "MQTT__Endpoints__x__Url=tcps://a\nMQTT__SelfSigned=false",
        "Endpoints:x (from environment variable MQTT__Endpoints__x__Url): needs a certificate: set Certificate:Path here, \
         Certificates:Default:Path for all, or SelfSigned to true",
    ),
    (
        "MQTT__Endpoints__x__Url=tcps://a\nMQTT__Endpoints__x__ClientCertificateMode=Require",
        "Endpoints:x:ClientCertificateMode (from environment variable MQTT__Endpoints__x__ClientCertificateMode): needs the authorities whose \
         certificates are valid, in ClientAuthorities",
    ),
    (
        "MQTT__Endpoints__x__Url=tcp://a\nMQTT__Endpoints__x__ClientCertificateMode=Allow",
        "Endpoints:x:ClientCertificateMode (from environment variable MQTT__Endpoints__x__ClientCertificateMode): this endpoint has no TLS: \
         give it a Certificate, or a URL with tcps, wss, https or mqtt-quic",
    ),
    (
        "MQTT__Endpoints__x__Url=unix:/a\nMQTT__Endpoints__x__Certificate__Path=/a.pfx",
        "Endpoints:x (from environment variable MQTT__Endpoints__x__Certificate__Path): a Unix domain socket has no TLS: leave the \
         certificate out",
    ),
    (
        "MQTT__Endpoints__x__Url=tcps://a\nMQTT__Endpoints__x__Certificates=web\nMQTT__Certificates__webb__Path=/a.pfx",
        "Endpoints:x:Certificates:0 = \"web\" (from environment variable MQTT__Endpoints__x__Certificates): expected a name out of \
         Certificates, did you mean webb?",
    ),
    (
        "MQTT__Endpoints__x__Url=tcp://a:5\nMQTT__Endpoints__y__Url=ws://*:5",
        "Endpoints:y (from environment variable MQTT__Endpoints__y__Url): listens where endpoint x does: change one of them, or set its \
         Enabled to false",
    ),
    (
        "MQTT__Certificates__web__KeyPath=/a.key",
        "Certificates:web (from environment variable MQTT__Certificates__web__KeyPath): KeyPath needs a Path beside it",
    ),
    (
        "MQTT__Certificates__web__Path=%NOWHERE%/a.pfx",
        "Certificates:web:Path (from environment variable MQTT__Certificates__web__Path): there is no environment variable NOWHERE for \
         %NOWHERE%",
    ),
    (
        "GENERATE_SSL_CERTIFICATE=true",
        "GenerateSslCertificate (from environment variable GENERATE_SSL_CERTIFICATE): neither XDG_CONFIG_HOME nor HOME is set: give the path \
         of the file to make",
    ),
    // Files.
    (
        "MQTT__Users__a__Password_FILE=/nowhere/password",
        "Users:a:Password (from environment variable MQTT__Users__a__Password_FILE): cannot read /nowhere/password: No such file or \
         directory (os error 2)",
    ),
    (
        "MQTT__Users__a__Password=file:///nowhere",
        "Users:a:Password (from environment variable MQTT__Users__a__Password): cannot read /nowhere: No such file or directory (os error 2)",
    ),
    (
        "MQTT__Users__a__Password_FILE=/dev/zero",
        "Users:a:Password (from environment variable MQTT__Users__a__Password_FILE): cannot read /dev/zero: it is larger than 64 KiB",
    ),
];

#[test]
fn every_error_names_key_value_origin_and_way_out() {
    for (lines, expected) in TABLE {
        assert_eq!(refused(lines), *expected, "{lines}");
    }
    assert_eq!(EXIT_CODE, 78);
}

#[test]
fn unknown_keys_can_be_left_out_and_nothing_else() {
    let lines = "MQTT__Nonsense__a=1\nMQTT__MaxInFlght=2\nMQTT__MaxInFlight=3\nMQTT__Users__a__Pasword=SECRET";
    let sources = Sources { unknown: Unknown::LeftOut, ..environment(lines) };
    let settings = load(&sources).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!((settings.limits.in_flight, settings.users.len()), (3, 0));
    let said = settings.notices.join("\n");
    for line in [
        "left out: unknown key Nonsense:a (from environment variable MQTT__Nonsense__a): known here are",
        "left out: unknown key MaxInFlght (from environment variable MQTT__MaxInFlght): did you mean MaxInFlight?",
        "left out: unknown key Users:a:Pasword (from environment variable MQTT__Users__a__Pasword): did you mean Users:a:Password?",
    ] {
        assert!(said.lines().any(|said| said.starts_with(line)), "{line:?} in\n{said}");
    }
    assert_eq!(said.lines().count(), 3, "{said}");
    assert_eq!(load(&environment(lines)).unwrap_err().0.len(), 3);
    let wrong = Sources { unknown: Unknown::LeftOut, ..environment("MQTT__Nonsense=1\nMQTT__MaxInFlight=x") };
    let errors = load(&wrong).unwrap_err();
    assert!(errors.0.len() == 1 && errors.0[0].key == "MaxInFlight", "{errors}");
}

#[test]
fn all_errors_come_at_once() {
    let folder = Folder::new();
    let mut sources =
        environment("MQTT__MaxInFlight=0\nMQTT__Nonsense=1\nMQTT__Endpoints__x__Port=zero\nMQTT__Users__a__Pasword=x");
    sources.files.push(
        folder.file(
            "a.yaml",
            "LogLevel: loud\nLimits: {Sessions: 0}\nEndpoints: {y: {Url: 'tcps://a'}}\nSelfSigned: no\n",
        ),
    );
    sources.files.push(folder.file("b.json", "{"));
    sources.files.push(folder.path().join("c.txt"));
    sources.arguments = vec!["Limits.InFlght=5".to_owned(), "nothing".to_owned()];
    let errors = load(&sources).unwrap_err();
    let expected = [
        "DIR/b.json: this is not JSON: EOF while parsing an object at line 1 column 1",
        "DIR/c.txt: a configuration file ends in .toml, .yaml, .yml or .json",
        "nothing (from --set): --set takes KEY=VALUE, for example Limits.InFlight=100",
        "unknown key Nonsense (from environment variable MQTT__Nonsense): known here are",
        "unknown key Users:a:Pasword (from environment variable MQTT__Users__a__Pasword): did you mean Users:a:Password?",
        "unknown key Limits:InFlght (from --set Limits.InFlght): did you mean Limits:InFlight?",
        "Endpoints:x:Port = \"zero\" (from environment variable MQTT__Endpoints__x__Port): expected a whole number from 0 to 65535",
        "LogLevel = \"loud\" (from DIR/a.yaml): expected off, error, warn, info, debug or trace",
        "Limits:Sessions = \"0\" (from DIR/a.yaml): expected a whole number from 1",
        "MaxInFlight = \"0\" (from environment variable MQTT__MaxInFlight): expected a whole number from 1 to 65535",
        "Endpoints:y (from DIR/a.yaml): needs a certificate: set Certificate:Path here, Certificates:Default:Path for all, or SelfSigned to true",
    ];
    let text = errors.to_string().replace(&folder.path().display().to_string(), "DIR");
    for line in expected {
        assert!(text.lines().any(|said| said.starts_with(line)), "{line:?} in\n{text}");
    }
    assert_eq!(errors.0.len(), expected.len(), "nothing follows from another error:\n{text}");
}

#[test]
fn a_value_that_is_not_utf8_is_an_error_and_other_variables_are_not() {
    use std::os::unix::ffi::OsStringExt;
    let bad = || std::ffi::OsString::from_vec(vec![0xff]);
    let mut sources = Sources { environment: vec![("LANG".into(), bad()), (bad(), bad())], ..Sources::default() };
    load(&sources).unwrap();
    sources.environment.push(("MQTT__LogLevel".into(), bad()));
    let expected = "MQTT:LogLevel (from environment variable MQTT__LogLevel): the value is not UTF-8";
    assert_eq!(load(&sources).unwrap_err().to_string(), expected);
}

#[test]
fn a_password_that_a_file_format_may_change_has_to_be_quoted() {
    let folder = Folder::new();
    let file = folder.file("a.yaml", "Users:\n  a: {Password: 007}\n");
    let expected = format!("Users:a:Password = \"***\" (from {}): expected a text: put it in quotes", file.display());
    assert_eq!(load(&Sources { files: vec![file], ..Sources::default() }).unwrap_err().to_string(), expected);
}
