//! Clients that never come to the point. The connect timeout is real time: 10 s by default.

use std::{
    io::{self, Read, Write},
    time::{Duration, Instant},
};

use crate::{
    AT_ONCE, BOUND, MIB,
    broker::Broker,
    client::Client,
    packet::{Connect, Version},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A socket that says CONNECT a byte at a time, or nothing.
struct Sloth {
    client: Client,
    opened: Instant,
    rest: Vec<u8>,
    closed: Option<Duration>,
}

impl Sloth {
    fn new(broker: &Broker, connect: &[u8]) -> Sloth {
        let client = Client::open(broker.address(), Version::V5);
        client.stream().set_nonblocking(true).expect("a socket");
        Sloth { client, opened: Instant::now(), rest: connect.iter().rev().copied().collect(), closed: None }
    }

    /// Sends its next byte and notices the end.
    fn crawl(&mut self) {
        if self.closed.is_some() {
            return;
        }
        if let Some(byte) = self.rest.pop() {
            // Fails once the broker has closed, which the read tells.
            let _ = self.client.stream().write(&[byte]);
        }
        match self.client.stream().read(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => self.closed = Some(self.opened.elapsed()),
            Ok(_) => panic!("a CONNECT that is not complete was answered"),
        }
    }
}

#[test]
fn five_hundred_clients_that_never_finish_connect_are_closed_in_time_and_keep_nobody_out() {
    let broker = Broker::start();
    let start = broker.memory();
    let connect = Connect::v5(&"c".repeat(1000)).encode();
    let mut sloths: Vec<Sloth> =
        (0..500).map(|number| Sloth::new(&broker, if number < 400 { &connect } else { b"" })).collect();
    let end = Instant::now() + BOUND;
    while sloths.iter().any(|sloth| sloth.closed.is_none()) {
        assert!(Instant::now() < end, "some are still open");
        sloths.iter_mut().for_each(Sloth::crawl);
        let asked = Instant::now();
        Client::connect(broker.address(), &Connect::v5("quick")).ping();
        assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
        // The pace of the sloths.
        std::thread::sleep(Duration::from_millis(20));
    }
    for closed in sloths.iter().filter_map(|sloth| sloth.closed) {
        // Opened is before accepted, and a look at all sockets takes its time.
        assert!(closed >= CONNECT_TIMEOUT - Duration::from_millis(100), "{closed:?} is too early");
        assert!(closed < CONNECT_TIMEOUT + AT_ONCE, "{closed:?} is too late");
    }
    let grown = broker.memory().peak - start.now;
    assert!(grown < 16 * MIB, "{grown} bytes");
    broker.end();
}
