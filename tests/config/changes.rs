//! What a reload changes.

use crate::config::changes::{Changes, diff};
use crate::sources::loaded;

fn between(old: &str, new: &str) -> Changes {
    diff(&loaded(old), &loaded(new))
}

fn keys(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

#[test]
fn nothing() {
    assert_eq!(between("", ""), Changes::default());
    let lines = "MQTT__Users__a__Password=x\nMQTT__Endpoints__x__Url=tcps://a";
    assert_eq!(between(lines, lines), Changes::default());
    assert_eq!(between("MQTT__MaxInFlight=256", ""), Changes::default(), "said is as good as default");
}

#[test]
fn endpoints() {
    let old = "MQTT__Endpoints__gone__Url=tcp://a:1\nMQTT__Endpoints__other__Url=tcp://a:2";
    let new = "MQTT__Endpoints__new__Url=tcp://a:1\nMQTT__Endpoints__other__Url=tcp://a:3\nMQTT__Endpoints__http__Enabled=false";
    let changes = between(old, new);
    assert_eq!(changes.endpoints_added, ["new"]);
    assert_eq!(changes.endpoints_removed, ["gone", "http"]);
    assert_eq!(changes.endpoints_changed, ["other"]);
    let expected = ["Endpoints:gone:Url", "Endpoints:http:Enabled", "Endpoints:new:Url", "Endpoints:other:Url"];
    assert_eq!(changes.keys, expected);
    assert!(!changes.limits && !changes.access && !changes.certificates && changes.restart.is_empty());
}

#[test]
fn certificates() {
    let tls = "MQTT__Endpoints__x__Url=tcps://a\n";
    let changes = between(tls, &format!("{tls}MQTT__Certificates__Default__Path=/a.pfx"));
    assert!(changes.certificates);
    assert_eq!(changes.endpoints_changed, ["x"]);
    let own = format!("{tls}MQTT__Endpoints__x__Certificate__Path=/a.pfx");
    let changes = between(&own, &format!("{own}\nMQTT__Endpoints__x__Certificate__Password=new"));
    assert!(changes.certificates);
    assert_eq!(changes.keys, ["Endpoints:x:Certificate:Password"]);
}

#[test]
fn the_rest() {
    let changes = between("", "MQTT__MaxInFlight=3");
    assert_eq!(changes, Changes { limits: true, keys: keys(&["Limits:InFlight"]), ..Changes::default() });
    let changes = between("", "MQTT__LogLevel=debug");
    assert_eq!(changes, Changes { log_level: true, keys: keys(&["LogLevel"]), ..Changes::default() });
    let changes = between("", "MQTT__AllowAnonymous=false");
    assert_eq!(changes, Changes { access: true, keys: keys(&["AllowAnonymous"]), ..Changes::default() });
    let changes = between("MQTT__Users__a__Password=x", "MQTT__Users__a__Password=y");
    assert_eq!(changes, Changes { access: true, keys: keys(&["Users:a:Password"]), ..Changes::default() });
    let changes = between("", "MQTT__DataDirectory=/data");
    assert_eq!(
        changes,
        Changes { keys: keys(&["DataDirectory"]), restart: keys(&["DataDirectory"]), ..Changes::default() }
    );
}
