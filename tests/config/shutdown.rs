//! How the broker is to end.

use crate::sources::{loaded, refused};
use mqtt_server::{Shutdown, Wills};
use std::time::Duration;

#[test]
fn every_key_counts_and_the_delay_knows_kubernetes() {
    assert_eq!(loaded("").shutdown, Shutdown::default());
    let kubernetes = loaded("KUBERNETES_SERVICE_HOST=10.0.0.1").shutdown;
    assert_eq!(kubernetes, Shutdown { pre_stop_delay: Duration::from_secs(5), ..Shutdown::default() });
    let told = loaded("KUBERNETES_SERVICE_HOST=10.0.0.1\nMQTT__Shutdown__PreStopDelay=0").shutdown;
    assert_eq!(told.pre_stop_delay, Duration::ZERO);
    let all = loaded(
        "MQTT__Shutdown__PreStopDelay=1s
         MQTT__Shutdown__EvictionRate=7
         MQTT__Shutdown__FlushTimeout=500ms
         MQTT__Shutdown__GracePeriod=1m
         MQTT__Shutdown__ServerReference=other.example:1883
         MQTT__Shutdown__Wills=drop",
    );
    let expected = Shutdown {
        pre_stop_delay: Duration::from_secs(1),
        eviction_rate: 7,
        flush_timeout: Duration::from_millis(500),
        grace_period: Duration::from_secs(60),
        server_reference: Some("other.example:1883".to_owned()),
        wills: Wills::Drop,
    };
    assert_eq!(all.shutdown, expected);
}

#[test]
fn what_cannot_be_is_an_error() {
    for (key, value) in [("ServerReference", "a\tb"), ("EvictionRate", "0"), ("Wills", "Defer")] {
        let errors = refused(&format!("MQTT__Shutdown__{key}={value}"));
        assert!(errors.contains(&format!("Shutdown:{key}")), "{errors}");
    }
}

#[test]
fn only_http_endpoints_offer_more_than_mqtt() {
    for keys in [
        "MQTT__Endpoints__x__Url=tcp://[::]:5\nMQTT__Endpoints__x__Services=mqtt health",
        "MQTT__Endpoints__x__Url=unix:/x\nMQTT__Endpoints__x__Services=health",
        "MQTT__Endpoints__x__Url=http://[::]:5\nMQTT__Endpoints__x__Services=mqtt what",
    ] {
        let errors = refused(keys);
        assert!(errors.contains("Endpoints:x:Services"), "{errors}");
    }
}
