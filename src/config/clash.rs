//! Two endpoints that cannot both listen.

use super::defaults::{DEFAULT, ENDPOINTS};
use super::key::Key;
use super::resolve::Resolver;
use mqtt_server::endpoint::{Address, Endpoint, HostPort};

/// Takes out default endpoints whose port is another endpoint's; of two endpoints that both were asked for, it is an error.
pub fn settle(resolver: &mut Resolver<'_>, endpoints: &mut Vec<Endpoint>) {
    let mut at = 0;
    while at < endpoints.len() {
        let Some(other) = endpoints
            .iter()
            .position(|other| other.name != endpoints[at].name && clash(&endpoints[at].address, &other.address))
        else {
            at += 1;
            continue;
        };
        if is_default(resolver, &endpoints[at].name) {
            let (name, other) = (&endpoints[at].name, &endpoints[other].name);
            resolver.notices.push(format!("the default endpoint {name} is left out: endpoint {other} has its port"));
            endpoints.remove(at);
            continue;
        }
        // Said once for the pair; a default endpoint among them has its own turn.
        if other > at && !is_default(resolver, &endpoints[other].name) {
            let key = Key::of("Endpoints").child(&endpoints[other].name);
            let text = format!(
                "listens where endpoint {} does: change one of them, or set its Enabled to false",
                endpoints[at].name
            );
            resolver.contradiction(&key, text);
        }
        at += 1;
    }
}

/// Whether an endpoint is there without anybody having asked for its place.
fn is_default(resolver: &Resolver<'_>, name: &str) -> bool {
    let key = Key::of("Endpoints").child(name);
    let by_default = |part: &str| resolver.tree.origin(&key.child(part)).is_none_or(|origin| origin.text == DEFAULT);
    ENDPOINTS.iter().any(|(known, _)| *known == name) && ["Url", "Address", "Port"].into_iter().all(by_default)
}

fn clash(one: &Address, other: &Address) -> bool {
    match (one, other) {
        (Address::Unix(one), Address::Unix(other)) => one.path == other.path,
        (Address::Quic(one), Address::Quic(other)) => overlap(one, other),
        (Address::Tcp(one) | Address::Http(one), Address::Tcp(other) | Address::Http(other)) => overlap(one, other),
        _ => false,
    }
}

fn overlap(one: &HostPort, other: &HostPort) -> bool {
    let everywhere = |host: &str| matches!(host, "::" | "0.0.0.0");
    one.port == other.port
        && one.port != 0
        && (one.host == other.host || everywhere(&one.host) || everywhere(&other.host))
}
