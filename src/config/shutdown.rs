//! How the broker is to end.

use super::key::Key;
use super::paths;
use super::resolve::Resolver;
use super::scalar::write_span;
use mqtt_server::Shutdown;
use std::time::Duration;

/// Set by Kubernetes in every container.
const IN_KUBERNETES: &str = "KUBERNETES_SERVICE_HOST";

/// What an endpoint's removal takes to reach all nodes, mostly.
const DELAY_IN_KUBERNETES: Duration = Duration::from_secs(5);

/// Longest Server Reference: a UTF-8 String of MQTT (1.5.4).
const LONGEST: usize = 65_535;

/// The plan that the keys make.
pub fn resolve(resolver: &mut Resolver<'_>) -> Shutdown {
    let (keys, default) = (&resolver.document.shutdown, Shutdown::default());
    let in_kubernetes = paths::variable(IN_KUBERNETES, resolver.environment).is_some_and(|host| !host.is_empty());
    let delay = if in_kubernetes { DELAY_IN_KUBERNETES } else { default.pre_stop_delay };
    let server_reference = keys.server_reference.as_ref().map(|text| text.0.clone()).filter(|text| !text.is_empty());
    if server_reference.as_ref().is_some_and(|text| text.len() > LONGEST || text.contains(char::is_control)) {
        let key = Key::of("Shutdown:ServerReference");
        resolver.not_allowed(&key, "host:port, up to 65,535 bytes without control characters");
    }
    Shutdown {
        pre_stop_delay: keys.pre_stop_delay.map_or(delay, |span| span.0),
        eviction_rate: keys
            .eviction_rate
            .map_or(default.eviction_rate, |rate| u32::try_from(rate.0).unwrap_or(u32::MAX)),
        flush_timeout: keys.flush_timeout.map_or(default.flush_timeout, |span| span.0),
        grace_period: keys.grace_period.map_or(default.grace_period, |span| span.0),
        server_reference,
        wills: keys.wills.map_or(default.wills, |wills| wills.0),
    }
}

/// Keys and texts of the defaults; that of `PreStopDelay` depends on where the broker runs.
pub fn defaults() -> Vec<(Key, String)> {
    let Shutdown { eviction_rate, flush_timeout, grace_period, wills, .. } = Shutdown::default();
    let span = |span: Duration| write_span(u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
    vec![
        (Key::of("Shutdown:EvictionRate"), eviction_rate.to_string()),
        (Key::of("Shutdown:FlushTimeout"), span(flush_timeout)),
        (Key::of("Shutdown:GracePeriod"), span(grace_period)),
        (Key::of("Shutdown:Wills"), format!("{wills:?}")),
    ]
}
