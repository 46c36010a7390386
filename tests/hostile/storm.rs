//! Many clients that come and go.

use std::thread;

use crate::{
    MIB,
    broker::Broker,
    client::Client,
    packet::{Connect, DISCONNECT, PINGREQ, Version},
};

const AT_A_TIME: usize = 50;

/// Connects `rounds` times 50 clients, which leave in every way there is.
fn storm(broker: &Broker, rounds: usize) {
    thread::scope(|scope| {
        for thread in 0..AT_A_TIME {
            scope.spawn(move || {
                for round in 0..rounds {
                    let connect = Connect::new(Version::ALL[round % 3], &format!("storm-{thread}-{round}"));
                    let mut client = Client::connect(broker.address(), &connect.will("storm/will", "gone"));
                    client.subscribe(&format!("storm/{thread}/{round}/+"), 1);
                    match round % 4 {
                        0 => {}
                        1 => client.send(&DISCONNECT),
                        2 => client.send(&PINGREQ), // a reset, if the answer comes before the end
                        _ => {
                            client.send(&DISCONNECT);
                            assert_eq!(client.receive(), None);
                        }
                    }
                }
            });
        }
    });
}

#[test]
fn memory_is_back_after_twenty_thousand_clients() {
    let broker = Broker::start();
    storm(&broker, 20);
    // The first thousand leave behind what any number of them does: tables, buffers of the workers.
    let before = broker.memory();
    storm(&broker, 380);
    let after = broker.memory();
    println!("{} KiB, after the storm {} KiB, peak {} KiB", before.now / 1024, after.now / 1024, after.peak / 1024);
    broker.shrinks_to(before.now + 4 * MIB);
    broker.end();
}
