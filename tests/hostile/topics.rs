//! Topics and filters of tens of thousands of levels.

use std::time::Instant;

use crate::{
    AT_ONCE,
    broker::Broker,
    client::Client,
    packet::{Connect, Version, publish, publish_1, subscribe, unsubscribe},
};

const LEVELS: usize = 65_000;

fn deep() -> String {
    "/".repeat(LEVELS)
}

#[test]
fn a_topic_of_65_000_levels_is_refused_and_goes_to_nobody() {
    let broker = Broker::start();
    let mut observer = Client::connect(broker.address(), &Connect::v5("observer"));
    observer.subscribe("#", 0);
    for version in Version::ALL {
        let mut client = Client::connect(broker.address(), &Connect::new(version, "publisher"));
        client.send(&publish(version, &deep(), b"0"));
        client.send(&publish_1(version, &deep(), 7, b"1"));
        let puback = client.expect();
        assert_eq!((puback.first, puback.id()), (0x40, 7));
        if version == Version::V5 {
            assert_eq!(puback.body[2], 0x90, "Topic Name invalid");
        }
        client.send(&publish(version, "end", b"end"));
        assert_eq!(observer.message(), b"end", "{version:?}");
    }
    broker.end();
}

#[test]
fn a_filter_of_65_000_levels_is_refused() {
    let broker = Broker::start();
    for version in Version::ALL {
        let mut client = Client::connect(broker.address(), &Connect::new(version, "subscriber"));
        for filter in [deep(), "+/".repeat(LEVELS / 2), "+/".repeat(LEVELS / 2) + "#", "$share/g/".to_owned() + &deep()]
        {
            client.send(&subscribe(version, &filter, 0));
            let suback = client.expect();
            // 3.1 has no code for a failure.
            let refused = match version {
                Version::V31 => 0,
                Version::V311 => 0x80,
                Version::V5 => 0x8F,
            };
            assert_eq!((suback.first, suback.body.last()), (0x90, Some(&refused)), "{version:?}");
            client.send(&unsubscribe(version, &filter));
            assert_eq!(client.expect().first, 0xB0);
        }
        client.ping();
    }
    broker.end();
}

#[test]
fn a_will_topic_of_60_000_levels_is_refused() {
    let broker = Broker::start();
    for version in Version::ALL {
        let connect = Connect::new(version, "mortal").will(&"/".repeat(60_000), "");
        let mut client = Client::open(broker.address(), version);
        client.send(&connect.encode());
        let said = client.receive_all();
        match version {
            Version::V5 => assert!(said.len() == 1 && said[0].body[1] == 0x90, "{said:?}"),
            Version::V31 | Version::V311 => assert_eq!(said, [], "no Connect Return code fits"),
        }
    }
    broker.end();
}

/// Every mix of names and `+` over some levels is a branch of its own, and one topic matches them all.
#[test]
fn a_topic_that_matches_thousands_of_filters_disturbs_nobody() {
    const BRANCHING: usize = 12;
    let broker = Broker::start();
    let mut subscriber = Client::connect(broker.address(), &Connect::v5("subscriber"));
    for mix in 0..1 << BRANCHING {
        let levels: Vec<&str> = (0..BRANCHING).map(|at| if mix >> at & 1 == 1 { "+" } else { "a" }).collect();
        subscriber.subscribe(&levels.join("/"), 0);
    }
    let mut publisher = Client::connect(broker.address(), &Connect::v5("publisher"));
    let mut other = Client::connect(broker.address(), &Connect::v5("other"));
    let start = Instant::now();
    for number in 0..20_u8 {
        publisher.send(&publish(Version::V5, &["a"; BRANCHING].join("/"), &[number]));
        // A topic that is new each time cannot be remembered.
        publisher.send(&publish(Version::V5, &(["a"; BRANCHING - 1].join("/") + &format!("/{number}")), &[number]));
        other.ping();
    }
    for number in 0..20_u8 {
        assert_eq!(subscriber.message(), [number], "once, however many filters match");
        assert_eq!(subscriber.message(), [number]);
    }
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    broker.end();
}
