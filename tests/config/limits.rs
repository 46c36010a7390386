//! Bounds, under our names and Net.MQTT's.

use crate::config::{defaults, load};
use crate::sources::{Folder, environment, loaded};
use std::time::Duration;

#[test]
fn every_bound_can_be_set() {
    let mut seen = 0;
    for name in ["InFlightV5", "PacketSizeV5"] {
        let settings = loaded(&format!("MQTT__Limits__{name}=1025"));
        assert_ne!(format!("{:?}", settings.limits), format!("{:?}", loaded("").limits), "{name}");
        seen += 1; // unset by default
    }
    for (key, default) in defaults::broker() {
        let [section, name] = &key.0[..] else { continue };
        if section != "Limits" {
            continue;
        }
        // Is in the range of every bound, and the default of none.
        let settings = loaded(&format!("MQTT__Limits__{name}=1025"));
        assert_ne!(format!("{:?}", settings.limits), format!("{:?}", loaded("").limits), "{name}");
        let default = loaded(&format!("MQTT__Limits__{name}={default}"));
        assert_eq!(
            format!("{:?}", default.limits),
            format!("{:?}", loaded("").limits),
            "{name}: its default reads as it is written"
        );
        seen += 1;
    }
    let fields = format!("{:?}", loaded("").limits).matches(": ").count();
    assert_eq!(seen, fields, "one key for each field");
}

#[test]
fn sizes_and_times() {
    for (text, bytes) in
        [("4096", 4096), ("128KiB", 131_072), ("2 mib", 2_097_152), ("1GB", 1_000_000_000), ("500B", 500)]
    {
        assert_eq!(loaded(&format!("MQTT__Limits__PacketSize={text}")).limits.packet_size, bytes, "{text}");
    }
    for (text, milliseconds) in [
        ("2", 2000),
        ("1500ms", 1500),
        ("1m 30s", 90_000),
        ("1h", 3_600_000),
        ("00:00:02", 2000),
        ("00:01:00.25", 60_250),
        ("0.01:00:00", 3_600_000),
    ] {
        let limits = loaded(&format!("MQTT__Limits__ConnectTimeout={text}")).limits;
        assert_eq!(limits.connect_timeout, Duration::from_millis(milliseconds), "{text}");
    }
    let limits =
        loaded("MQTT__Limits__SessionExpiry=never\nMQTT__Limits__SessionExpiryV3=7d\nMQTT__Limits__KeepAlive=5m")
            .limits;
    assert_eq!((limits.session_expiry, limits.session_expiry_v3, limits.keep_alive), (u32::MAX, 604_800, Some(300)));
    assert_eq!(loaded("MQTT__Limits__KeepAlive=none").limits.keep_alive, None);
}

#[test]
fn names_of_net_mqtt() {
    let settings = loaded(
        "MQTT__ConnectTimeoutMilliseconds=1500
         MQTT__MaxInFlight=100
         MQTT__MaxReceive=101
         MQTT__MaxPacketSize=4194304
         MQTT__TopicAliasMax=7",
    );
    let limits = &settings.limits;
    assert_eq!(limits.connect_timeout, Duration::from_millis(1500));
    assert_eq!((limits.in_flight, limits.receive_maximum, limits.packet_size), (100, 101, 4_194_304));
    assert_eq!(limits.topic_alias_maximum, 7);
    assert!(settings.notices.is_empty());
}

#[test]
fn mqtt5_wins_in_its_layer_and_the_environment_wins_over_files() {
    let limits = loaded("MQTT__MaxReceive=10\nMQTT__MQTT5__MaxReceive=20\nMQTT__MQTT5__TopicAliasMax=5").limits;
    assert_eq!((limits.receive_maximum, limits.topic_alias_maximum), (20, 5));
    let folder = Folder::new();
    let mut sources = environment("MQTT__MaxReceive=10");
    sources.files.push(folder.file("a.yaml", "MQTT5:\n  MaxReceive: 20\nLimits:\n  ReceiveMaximum: 30\n"));
    assert_eq!(load(&sources).unwrap().limits.receive_maximum, 10);
    sources.environment = environment("MQTT__Limits__ReceiveMaximum=11").environment;
    sources.files.push(folder.file("b.yaml", "MQTT5:\n  MaxReceive: 20\n"));
    assert_eq!(load(&sources).unwrap().limits.receive_maximum, 11);
}

#[test]
fn mqtt5_inherits_from_the_root_key_by_key() {
    let bounds = |lines: &str| {
        let limits = loaded(lines).limits;
        (limits.in_flight, limits.in_flight_v5, limits.packet_size, limits.packet_size_v5, limits.topic_alias_length)
    };
    assert_eq!(bounds("MQTT__MaxInFlight=5\nMQTT__MaxPacketSize=200"), (5, None, 200, None, 7), "None: as the root");
    let both =
        "MQTT__MaxInFlight=5\nMQTT__MQTT5__MaxInFlight=6\nMQTT__MaxPacketSize=200\nMQTT__MQTT5__MaxPacketSize=300";
    assert_eq!(bounds(both), (5, Some(6), 200, Some(300), 7));
    assert_eq!(bounds("MQTT__MQTT5__MaxInFlight=6").0, loaded("").limits.in_flight, "the root keeps its own");
    assert_eq!(bounds("MQTT__TopicAliasSizeThreshold=64").4, 64);
    assert_eq!(bounds("MQTT__TopicAliasSizeThreshold=64\nMQTT__MQTT5__TopicAliasSizeThreshold=32").4, 32);
    // A root in a higher layer is no word about 5.0, as in Net.MQTT.
    let folder = Folder::new();
    let mut sources = environment("MQTT__MaxInFlight=5");
    sources.files.push(folder.file("a.yaml", "MQTT5: {MaxInFlight: 6}\n"));
    assert_eq!(load(&sources).unwrap().limits.in_flight_v5, Some(6));
}

#[test]
fn what_has_no_effect_is_said() {
    let settings = loaded("MQTT__MaxUnflushedBytes=4096\nMQTT__MQTT5__MaxUnflushedBytes=4096");
    assert_eq!(
        settings.notices,
        [
            "MaxUnflushedBytes (from environment variable MQTT__MaxUnflushedBytes) is a key of Net.MQTT that has no effect here",
            "MQTT5:MaxUnflushedBytes (from environment variable MQTT__MQTT5__MaxUnflushedBytes) is a key of Net.MQTT that has no effect here",
        ]
    );
}
