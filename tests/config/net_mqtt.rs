//! What worked with Net.MQTT works here.

use crate::config::{LogLevel, Sources, load};
use crate::sources::{Folder, endpoint, loaded, names, place, refused};
use mqtt_server::endpoint::{Address, CertificateFiles};

/// The words of a `docker run` line of Net.MQTT's README that set variables.
fn docker_run(line: &str) -> String {
    let words = line.split([' ', '\n', '\\']).filter_map(|word| word.strip_prefix("--env="));
    words.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_first_docker_run_line_of_the_readme() {
    let settings = loaded(&docker_run("docker run -p 1883:1883 -p 8001:8001 -p 8002:8002 mqtt-server:latest"));
    assert_eq!(endpoint(&settings, "mqtt").address, Address::Tcp(place("::", 1883)));
    assert_eq!(endpoint(&settings, "http").address, Address::Http(place("::", 8001)));
}

#[test]
fn the_docker_run_line_with_tls_of_the_readme() {
    let settings = loaded(&docker_run(
        r"docker run --env=Kestrel__Endpoints__https__Url=https://*:8002 \
--env=Kestrel__Certificates__Default__Path=/home/app/.config/mqtt-server/mqtt-server.pfx \
--env=MQTT__Endpoints__tcp.ssl.default__Url=tcps://[::]:8883 \
--env=MQTT__Endpoints__tcp.ssl.default__Certificate__Path=/home/app/.config/mqtt-server/mqtt-server.pfx \
--volume=<some_host_directory_to_store_container_data>:/home/app \
-p 1883:1883 -p 8001:8001 -p 8002:8002 -p 8003:8003 -p 8883:8883 \
mqtt-server:latest",
    ));
    assert_eq!(names(&settings), ["http", "https", "mqtt", "tcp.ssl.default"]);
    let path = "/home/app/.config/mqtt-server/mqtt-server.pfx".into();
    let certificate = [CertificateFiles { path, key_path: None, password: None }];
    let (https, tcps) = (endpoint(&settings, "https"), endpoint(&settings, "tcp.ssl.default"));
    assert_eq!(https.address, Address::Http(place("::", 8002)));
    assert_eq!(https.tls.as_ref().unwrap().certificates, certificate);
    assert_eq!(tcps.address, Address::Tcp(place("::", 8883)));
    assert_eq!(tcps.tls.as_ref().unwrap().certificates, certificate);
    assert!(settings.notices.is_empty());
}

#[test]
fn a_file_in_the_layout_of_net_mqtt() {
    let folder = Folder::new();
    let file = folder.file(
        "appsettings.json",
        r#"{
          "$schema": "https://example.org/schema.json",
          "AllowedHosts": "*",
          "Logging": { "LogLevel": { "Default": "Warning", "Microsoft": "None" } },
          "Kestrel": {
            "EndpointDefaults": { "Protocols": "Http1AndHttp2AndHttp3" },
            "Endpoints": {
              "http": { "Url": "http://*:8001", "Protocols": "Http1" },
              "mqtt-kestrel": { "Url": "http://*:1884" },
              "https": { "Url": "https://*:8002", "ClientCertificateMode": "NoCertificate" }
            },
            "Certificates": { "Default": { "Path": "/web.pem", "KeyPath": "/web.key", "Password": "x" } }
          },
          "KestrelMQTT": {
            "UseEndpoints": { "http": false, "mqtt-kestrel": true, "mqtt-uds-kestrel": true },
            "QueueCapacity": 100,
            "WebSockets": { "KeepAliveInterval": "00:02:00", "/mqtt": { "AllowedOrigins": ["https://a"], "SubProtocols": ["mqtt"] } }
          },
          "UseMqttAuthenticationWithIdentity": false,
          "SMTP": { "Host": "mail", "Password": "hidden" },
          "MQTT": {
            "Endpoints": {
              "mqtt": { "Address": "::", "Port": 1883 },
              "mqtts": { "Port": 8883, "Certificate": { "Path": "" } }
            },
            "Certificates": { "Default": { "Path": "/mqtt.pfx" } },
            "ProtocolLevel": "All",
            "MaxInFlight": 32768,
            "MQTT5": { "TopicAliasMax": 12 }
          }
        }"#,
    );
    let settings =
        load(&Sources { files: vec![file.clone()], ..Sources::default() }).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(names(&settings), ["http", "https", "mqtt", "mqtt-kestrel", "mqtts"]);
    assert_eq!(endpoint(&settings, "mqtt-kestrel").address, Address::Tcp(place("::", 1884)));
    let path = |name: &str| endpoint(&settings, name).tls.as_ref().unwrap().certificates[0].path.display().to_string();
    assert_eq!((path("https"), path("mqtts")), ("/web.pem".to_owned(), "/mqtt.pfx".to_owned()));
    assert_eq!(endpoint(&settings, "http").web_socket.allowed_origins, ["https://a"]);
    assert_eq!((settings.limits.in_flight, settings.limits.topic_alias_maximum), (32768, 12));
    assert_eq!(settings.log_level, LogLevel::Warn);
    let said = settings.notices.join("\n").replace(&file.display().to_string(), "FILE");
    for key in [
        "AllowedHosts",
        "Kestrel:EndpointDefaults",
        "KestrelMQTT:QueueCapacity",
        "KestrelMQTT:WebSockets",
        "Logging:LogLevel",
        "SMTP:Host",
    ] {
        assert!(
            said.contains(&format!("{key} (from FILE) is a key of Net.MQTT that has no effect here")),
            "{key} in {said}"
        );
    }
    assert!(!said.contains("hidden"));
}

#[test]
fn an_identity_store_that_is_missing_is_no_open_door() {
    let folder = Folder::new();
    let file = folder.file("a.json", r#"{"UseMqttAuthenticationWithIdentity": true}"#);
    let errors = load(&Sources { files: vec![file.clone()], ..Sources::default() }).unwrap_err().to_string();
    let expected = "there is no identity store here: list the users under Users, or set it to false";
    assert_eq!(errors, format!("UseMqttAuthenticationWithIdentity (from {}): {expected}", file.display()));
}

#[test]
fn log_level_and_kestrel_endpoints_from_the_environment() {
    let settings = loaded(
        "Logging__LogLevel__Default=Warning
         KESTREL__ENDPOINTS__web__URL=http://+:9000
         Kestrel__Endpoints__raw__Url=https://*:9001
         Kestrel__Endpoints__raw__UseMqtt=true
         KestrelMQTT__UseEndpoints__web=true",
    );
    assert_eq!(settings.log_level, LogLevel::Warn);
    assert_eq!(endpoint(&settings, "web").address, Address::Tcp(place("::", 9000)));
    assert_eq!(endpoint(&settings, "raw").address, Address::Tcp(place("::", 9001)));
    assert!(endpoint(&settings, "raw").tls.is_some());
}

#[test]
fn a_certificate_store_there_is_not() {
    let lines = "MQTT__Certificates__Default__Subject=localhost";
    let expected = "Certificates:Default:Subject (from environment variable MQTT__Certificates__Default__Subject): there is no certificate \
                    store to search: give the files in Path and KeyPath";
    assert_eq!(refused(lines), expected);
}
