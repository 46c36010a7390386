//! The program itself: its start line, its arguments, how it ends.

use std::net::TcpListener;

use rustix::process::Signal;

use crate::{
    broker::{self, Broker, program},
    child::Process,
    client::{Connect, Kind, Message, Version},
    raw::Socket,
    tools,
};

#[test]
fn the_start_line_names_every_listener_and_each_serves() {
    let mut program = Process::spawn(program(&["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]));
    let line = program.stderr_line().expect("a start line");
    let addresses = broker::listening(&line).unwrap_or_else(|| panic!("not a start line: {line}"));
    assert_eq!(addresses.len(), 2, "{line}");
    assert_ne!(addresses[0], addresses[1]);
    for address in addresses {
        assert!(address.ip().is_loopback() && address.port() != 0, "{line}");
        Socket::connect(address, "start");
    }
    program.signal(Signal::TERM);
    assert_eq!(program.exit().code(), Some(0));
    assert!(!program.rest_of_stderr().iter().any(|line| line.contains("listening on")), "one start line");
}

#[test]
fn help_names_the_options() {
    let mut program = Process::spawn(program(&["--help"]));
    let text = program.rest_of_stdout().join("\n");
    assert!(text.contains("--listen"), "{text}");
    assert_eq!(program.exit().code(), Some(0));
}

#[test]
fn version_is_one_line() {
    let mut program = Process::spawn(program(&["--version"]));
    assert_eq!(program.rest_of_stdout(), [concat!("lacewing ", env!("CARGO_PKG_VERSION"))]);
    assert_eq!(program.exit().code(), Some(0));
}

#[test]
fn an_unknown_option_is_named() {
    let mut program = Process::spawn(program(&["--lisen", "127.0.0.1:0"]));
    let text = program.rest_of_stderr().join("\n");
    assert!(text.contains("--lisen"), "{text}");
    assert_ne!(program.exit().code(), Some(0));
}

#[test]
fn a_port_in_use_is_named_and_ends_the_program() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("a bound socket has an address").to_string();
    let mut program = Process::spawn(program(&["--listen", &address]));
    let text = program.rest_of_stderr().join("\n");
    assert!(text.contains(&address) && text.contains("in use"), "{text}");
    assert!(!text.contains("listening on"), "{text}");
    assert!(program.exit().code().is_some_and(|code| code != 0));
}

#[test]
fn sigterm_says_goodbye() {
    says_goodbye(Signal::TERM);
}

#[test]
fn sigint_says_goodbye() {
    says_goodbye(Signal::INT);
}

/// MQTT 5.0 clients see Server shutting down, others the end of their connection, and the process ends well.
fn says_goodbye(signal: Signal) {
    let Some(mut broker) = own_broker() else { return };
    let mut by_hand = Socket::connect(broker.address(), "raw");
    let mut clients: Vec<_> = Kind::ALL
        .into_iter()
        .filter(|kind| tools::installed(*kind))
        .map(|kind| kind.client(&broker, &Connect::new(Version::V5, format!("{kind:?}"))))
        .collect();
    let mut older = Kind::Rumqttc.client(&broker, &Connect::new(Version::V311, "older".into()));

    broker.process().signal(signal);
    let disconnect = by_hand.receive().expect("a DISCONNECT before the end");
    assert_eq!((disconnect.first, disconnect.rest[0]), (0xe0, 0x8b), "Server shutting down");
    assert_eq!(by_hand.receive(), None, "nothing follows a DISCONNECT");
    for client in &mut clients {
        assert_eq!(client.closed(), Some(0x8b));
    }
    older.closed();
    assert_eq!(broker.process().exit().code(), Some(0));
}

#[test]
fn wills_are_published_before_the_broker_ends() {
    let Some(mut broker) = own_broker() else { return };
    let will = Message::new("will", "the broker went").qos(1);
    let observer = Connect::new(Version::V5, "observer".into()).subscribe(&will.topic, 1);
    let mut observer = Kind::Rumqttc.client(&broker, &observer);
    let _mortal = Kind::Rumqttc.client(&broker, &Connect::new(Version::V311, "mortal".into()).will(will.clone()));

    broker.process().signal(Signal::TERM);
    assert_eq!(observer.receive(), will);
    assert_eq!(observer.closed(), Some(0x8b));
    assert_eq!(broker.process().exit().code(), Some(0));
}

/// A broker whose process this test may end.
fn own_broker() -> Option<Broker> {
    if broker::elsewhere().is_some() {
        tools::skip("needs a broker of its own, and LACEWING_TEST_BROKER names one");
        return None;
    }
    Some(Broker::start())
}
