//! The scenarios of `cargo xtask bench` and their bars, as data.
//!
//! A scenario is one run of a load against a broker that was started for it. The figures are keys of the JSON line that
//! mqload prints, or of what the bench's own clients give.

use crate::client::Carrier;
use crate::pairs::Qos;

/// How a figure is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bar {
    /// Our figure over the peer's of the same bench must not be above this.
    RatioAtMost(f64),
    /// Our figure itself must not be above this.
    AtMost(f64),
    /// Shown, not judged.
    None,
}

/// One figure of a scenario.
#[derive(Debug, Clone, Copy)]
pub struct Figure {
    /// The key in the JSON of the run.
    pub key: &'static str,
    /// What it is, with its unit, for people.
    pub label: &'static str,
    pub bar: Bar,
}

/// Who starts the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Launch {
    /// The bench does, before the load.
    Bench,
    /// mqload does, because the start is what is measured.
    Generator,
}

/// How many connections a run opens: tens of thousands need a pause after them, or the connection tracking of the
/// machine's firewall can fill up and drop new connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connections {
    Few,
    TensOfThousands,
}

/// What is done to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// mqload's scenario and its options, without port, broker and durations.
    Mqload(&'static [&'static str]),
    /// The same while one message in a hundred is traced, and metrics and logs are sent as well; the collector is not there.
    Traced(&'static [&'static str]),
    /// So many clients connect and do nothing.
    Idle(Carrier, usize),
    /// Clients connect, get their CONNACK and go.
    Handshakes(Carrier),
    /// So many clients connect through WebSockets over HTTP/2 and do nothing.
    IdleHttp2(usize),
    /// Publishers with a subscriber each, over TLS.
    PairsTls(Qos),
    /// The same over QUIC.
    PairsQuic(Qos),
}

impl Load {
    /// Is it made by mqload, over TCP alone?
    pub fn is_mqload(self) -> bool {
        matches!(self, Self::Mqload(_))
    }

    /// mqload's scenario and options, if it makes the load.
    pub fn arguments(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Mqload(arguments) | Self::Traced(arguments) => Some(arguments),
            _ => None,
        }
    }
}

/// What ours is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// mosquitto, under the same load.
    Mosquitto,
    /// Ours under another load, which is called so: mosquitto has nothing of the kind.
    Ours(Load, &'static str),
}

/// One run of a load.
#[derive(Debug)]
pub struct Scenario {
    pub name: &'static str,
    /// What it is, for people.
    pub title: &'static str,
    pub load: Load,
    pub figures: &'static [Figure],
    pub launch: Launch,
    pub connections: Connections,
    pub peer: Peer,
}

const fn figure(key: &'static str, label: &'static str, bar: Bar) -> Figure {
    Figure { key, label, bar }
}

const fn cpu_per_message(ratio: f64) -> Figure {
    figure("broker_cpu_us_per_msg", "CPU µs/message", Bar::RatioAtMost(ratio))
}

const MESSAGES_PER_SECOND: Figure = figure("msgs_per_s", "delivered messages/s", Bar::None);

const HANDSHAKES: &[Figure] = &[
    figure("handshakes_per_cpu_s", "connections/CPU second", Bar::None),
    figure("conns_per_s", "connections/s", Bar::None),
];

const IDLE: &[Figure] = &[
    figure("bytes_per_conn", "bytes/connection", Bar::None),
    figure("rss_base_kb", "RSS before, KiB", Bar::None),
    figure("idle_cpu_pct", "idle CPU, % of a core", Bar::None),
];

/// What is off or not sampled is to cost next to nothing.
const TRACED: &[Figure] = &[cpu_per_message(1.05), MESSAGES_PER_SECOND];

const PAIRS: &[Figure] = &[figure("broker_cpu_us_per_msg", "CPU µs/message", Bar::None), MESSAGES_PER_SECOND];

/// A scenario in which the broker is started by the bench and few clients connect.
const fn load(
    name: &'static str,
    title: &'static str,
    args: &'static [&'static str],
    figures: &'static [Figure],
) -> Scenario {
    beside(name, title, Load::Mqload(args), figures, Peer::Mosquitto)
}

/// The same for other loads and peers.
const fn beside(
    name: &'static str,
    title: &'static str,
    load: Load,
    figures: &'static [Figure],
    peer: Peer,
) -> Scenario {
    Scenario { name, title, load, figures, launch: Launch::Bench, connections: Connections::Few, peer }
}

/// All scenarios, in the order in which they run.
pub const SCENARIOS: &[Scenario] = &[
    load("p2p-qos0", "50 pairs, QoS 0", &["p2p"], &[cpu_per_message(0.10), MESSAGES_PER_SECOND]),
    load("p2p-qos0-v5", "50 pairs, QoS 0, MQTT 5", &["p2p", "--v5"], &[cpu_per_message(0.10), MESSAGES_PER_SECOND]),
    load("p2p-qos1", "50 pairs, QoS 1", &["p2p", "--qos", "1"], &[cpu_per_message(0.09), MESSAGES_PER_SECOND]),
    load("p2p-qos2", "50 pairs, QoS 2", &["p2p", "--qos", "2"], &[cpu_per_message(0.06), MESSAGES_PER_SECOND]),
    load("fanin", "50 publishers to 1", &["fanin"], &[cpu_per_message(0.09), MESSAGES_PER_SECOND]),
    load(
        "fanin-shared",
        "50 publishers to 4 sharing a subscription",
        &["fanin", "--subs", "4", "--shared"],
        &[cpu_per_message(0.13), MESSAGES_PER_SECOND],
    ),
    load("fanout", "1 publisher to 1000", &["fanout"], &[cpu_per_message(0.11), MESSAGES_PER_SECOND]),
    load(
        "fanout-qos1",
        "1 publisher to 1000, QoS 1",
        &["fanout", "--qos", "1"],
        &[cpu_per_message(0.13), MESSAGES_PER_SECOND],
    ),
    load(
        "wildcard",
        "publish against 100,000 filters",
        &["wildcard", "--filters", "100000"],
        &[cpu_per_message(0.20), MESSAGES_PER_SECOND, figure("bytes_per_filter", "bytes/filter", Bar::AtMost(600.0))],
    ),
    Scenario {
        name: "connect",
        title: "connect and disconnect",
        load: Load::Mqload(&["connect", "--duration", "1"]),
        figures: &[
            figure("broker_cpu_us_per_conn", "CPU µs/connection", Bar::RatioAtMost(0.85)),
            figure("conns_per_s", "connections/s", Bar::None),
        ],
        launch: Launch::Bench,
        connections: Connections::TensOfThousands,
        peer: Peer::Mosquitto,
    },
    Scenario {
        name: "connect-tls",
        title: "connect over TLS 1.3, full handshakes (X25519, ECDSA P-256), and disconnect",
        load: Load::Handshakes(Carrier::Tls),
        figures: HANDSHAKES,
        launch: Launch::Bench,
        connections: Connections::TensOfThousands,
        peer: Peer::Mosquitto,
    },
    Scenario {
        name: "connect-ws",
        title: "connect through a WebSocket and disconnect",
        load: Load::Handshakes(Carrier::WebSocket),
        figures: HANDSHAKES,
        launch: Launch::Bench,
        connections: Connections::TensOfThousands,
        peer: Peer::Mosquitto,
    },
    Scenario {
        name: "idle",
        title: "19,000 idle connections",
        load: Load::Mqload(&["idle", "--n", "19000", "--hold", "1"]),
        figures: &[
            figure("bytes_per_conn_with_sub", "bytes/connection with a subscription", Bar::AtMost(1500.0)),
            figure("bytes_per_conn", "bytes/connection", Bar::None),
            figure("rss_base_kb", "RSS before, KiB", Bar::AtMost(8192.0)),
            figure("idle_cpu_pct", "idle CPU, % of a core", Bar::None),
        ],
        launch: Launch::Bench,
        connections: Connections::TensOfThousands,
        peer: Peer::Mosquitto,
    },
    beside("idle-tls", "2000 idle connections over TLS 1.3", Load::Idle(Carrier::Tls, 2000), IDLE, Peer::Mosquitto),
    beside(
        "idle-ws",
        "2000 idle WebSockets over HTTP/1.1",
        Load::Idle(Carrier::WebSocket, 2000),
        IDLE,
        Peer::Mosquitto,
    ),
    beside(
        "idle-ws-h2",
        "2000 idle WebSockets over HTTP/2, on a connection each",
        Load::IdleHttp2(2000),
        IDLE,
        Peer::Ours(Load::Idle(Carrier::WebSocket, 2000), "HTTP/1.1"),
    ),
    beside(
        "p2p-quic-qos0",
        "20 pairs over QUIC, QoS 0",
        Load::PairsQuic(Qos::AtMostOnce),
        PAIRS,
        Peer::Ours(Load::PairsTls(Qos::AtMostOnce), "TLS over TCP"),
    ),
    beside(
        "p2p-quic-qos1",
        "20 pairs over QUIC, QoS 1",
        Load::PairsQuic(Qos::AtLeastOnce),
        PAIRS,
        Peer::Ours(Load::PairsTls(Qos::AtLeastOnce), "TLS over TCP"),
    ),
    beside(
        "p2p-traced-qos0",
        "50 pairs, QoS 0, OTLP on, 1 % traced",
        Load::Traced(&["p2p"]),
        TRACED,
        Peer::Ours(Load::Mqload(&["p2p"]), "OTLP off"),
    ),
    beside(
        "p2p-traced-qos1",
        "50 pairs, QoS 1, OTLP on, 1 % traced",
        Load::Traced(&["p2p", "--qos", "1"]),
        TRACED,
        Peer::Ours(Load::Mqload(&["p2p", "--qos", "1"]), "OTLP off"),
    ),
    load(
        "retained",
        "100,000 retained messages of 128 B",
        &["retained", "--n", "100000"],
        &[
            figure("bytes_per_retained", "bytes/message", Bar::AtMost(400.0)),
            figure("read_ms", "ms to read all", Bar::None),
        ],
    ),
    load(
        "offline",
        "100,000 queued messages of 128 B, QoS 1",
        &["offline", "--qos", "1", "--sessions", "1000", "--msgs", "100"],
        &[
            figure("bytes_per_queued", "bytes/message", Bar::AtMost(330.0)),
            figure("drain_ms", "ms to drain all", Bar::None),
        ],
    ),
    load(
        "latency",
        "ping-pong, 1 pair",
        &["latency", "--rate", "0"],
        &[
            figure("p50_us", "p50 µs", Bar::RatioAtMost(1.0)),
            figure("p99_us", "p99 µs", Bar::None),
            figure("broker_ctxsw_per_msg", "context switches/message", Bar::None),
        ],
    ),
    load(
        "p2p-rate",
        "50 pairs, 20,000 messages/s",
        &["p2p", "--rate", "20000"],
        &[
            figure("p50_us", "p50 µs", Bar::RatioAtMost(1.05)),
            figure("p99_us", "p99 µs", Bar::RatioAtMost(1.2)),
            figure("broker_ctxsw_per_msg", "context switches/message", Bar::None),
            figure("broker_cpu_us_per_msg", "CPU µs/message", Bar::None),
            MESSAGES_PER_SECOND,
        ],
    ),
    Scenario {
        name: "startup",
        title: "start to first CONNACK",
        load: Load::Mqload(&["startup", "--repeat", "5"]),
        figures: &[figure("startup_ms_median", "ms", Bar::None)],
        launch: Launch::Generator,
        connections: Connections::Few,
        peer: Peer::Mosquitto,
    },
];

/// The scenarios called `names`, or all if there are none; an unknown name is the error.
pub fn chosen(names: &[String]) -> Result<Vec<&'static Scenario>, String> {
    if names.is_empty() {
        return Ok(SCENARIOS.iter().collect());
    }
    let by_name = |name: &String| SCENARIOS.iter().find(|scenario| scenario.name == name).ok_or_else(|| name.clone());
    names.iter().map(by_name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SCENARIOS.len());
    }

    #[test]
    fn what_the_generator_starts_is_for_the_generator() {
        let started_by_mqload = SCENARIOS.iter().filter(|scenario| scenario.launch == Launch::Generator);
        assert!(started_by_mqload.into_iter().all(|scenario| scenario.load.is_mqload()));
    }

    #[test]
    fn an_unknown_name_is_refused() {
        let names = ["fanin".to_owned(), "fanon".to_owned()];
        assert_eq!(chosen(&names).map(|found| found.len()), Err("fanon".to_owned()));
        assert_eq!(chosen(&names[..1]).map(|found| found[0].name), Ok("fanin"));
        assert_eq!(chosen(&[]).map(|found| found.len()), Ok(SCENARIOS.len()));
    }
}
