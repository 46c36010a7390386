//! Data streams: what goes over which, and what their ends mean.

use crate::client::{Client, Stream, Tls};
use crate::packets::{Connect, DISCONNECT, PUBACK, PUBREC, publish, subscribe};
use crate::server::{BOUND, Running, Wishes};
use mqtt_server::endpoint::QuicOptions;
use mqtt_server::{Counter, Limits};
use quinn::VarInt;
use std::time::Duration;

#[tokio::test]
async fn everything_can_be_done_on_the_control_stream() {
    let server = Running::start().await;
    let mut client = Client::connect(&server, Connect::new("a")).await;
    client.control.subscribe("t/#", 2).await;
    client.control.send(&publish(0, 0, "t/0", b"zero")).await;
    client.control.gets("t/0", b"zero").await;
    let large = vec![7; 300_000]; // more than any window
    client.control.send(&publish(1, 5, "t/1", &large)).await;
    let mut got = [client.control.receive().await.unwrap(), client.control.receive().await.unwrap()];
    got.sort_by_key(|packet| packet.first);
    assert_eq!(got[0].message(), ("t/1", &large[..]));
    assert_eq!((got[1].first, &got[1].body[..2]), (PUBACK, &[0, 5][..]));
    client.control.ping().await;
}

#[tokio::test]
async fn a_subscription_made_on_a_data_stream_is_served_on_it() {
    let server = Running::start().await;
    let mut client = Client::connect(&server, Connect::new("a")).await;
    let (mut one, mut two) = (client.stream().await, client.stream().await);
    client.control.subscribe("control", 0).await;
    one.subscribe("one", 1).await;
    two.subscribe("two", 0).await;
    let mut other = Client::connect(&server, Connect::new("b")).await;
    for topic in ["two", "one", "control"] {
        other.control.send(&publish(1, 1, topic, topic.as_bytes())).await;
        other.control.expect(PUBACK).await;
    }
    client.control.gets("control", b"control").await;
    let id = one.gets("one", b"one").await.id();
    one.send(&[PUBACK, 2, 0, id]).await;
    two.gets("two", b"two").await;
    two.unsubscribe("one").await; // the session is one
    other.control.send(&publish(0, 0, "one", b"more")).await;
    other.control.ping().await;
    one.is_silent().await;
}

#[tokio::test]
async fn the_same_packet_identifier_on_two_streams_means_two_messages() {
    let server = Running::start().await;
    let mut client = Client::connect(&server, Connect::new("a")).await;
    client.control.subscribe("t", 0).await;
    let (mut one, mut two) = (client.stream().await, client.stream().await);
    for (stream, payload) in [(&mut one, b"one"), (&mut two, b"two")] {
        stream.send(&publish(2, 9, "t", payload)).await;
        assert_eq!(stream.expect(PUBREC).await.body, [0, 9]);
        client.control.gets("t", payload).await;
    }
    for stream in [&mut one, &mut two] {
        stream.send(&[0x62, 2, 0, 9]).await;
        assert_eq!(stream.expect(0x70).await.body, [0, 9], "PUBCOMP");
    }
}

#[tokio::test]
async fn what_a_data_stream_brings_before_connack_waits_for_it() {
    let server = Running::start().await;
    let mut client = Client::open(&server, Default::default()).await;
    let mut early = client.stream().await;
    early.send(&[subscribe(1, "t", 0), publish(0, 0, "t", b"x")].concat()).await;
    early.is_silent().await;
    // The first stream is the one that was opened first, not the one that sent first.
    client.control.send(&Connect::new("a").encode()).await;
    client.control.expect(0x20).await;
    early.expect(0x90).await;
    early.gets("t", b"x").await;
}

#[tokio::test]
async fn messages_fall_back_to_the_control_stream_when_their_stream_ends() {
    let server = Running::start().await;
    let mut client = Client::connect(&server, Connect::new("a")).await;
    let (mut finished, mut reset) = (client.stream().await, client.stream().await);
    finished.subscribe("finished", 1).await;
    reset.subscribe("reset", 1).await;
    client.control.send(&publish(0, 0, "finished", b"before")).await;
    let sent = finished.gets("finished", b"before").await;
    assert_eq!(sent.first, 0x30);
    client.control.send(&publish(1, 1, "reset", b"again")).await;
    client.control.expect(PUBACK).await;
    let sent = reset.gets("reset", b"again").await;
    finished.send.finish().unwrap();
    assert_eq!(finished.receive().await, None, "the server ends its side as well");
    reset.send.reset(VarInt::from_u32(0)).unwrap();
    reset.recv.stop(VarInt::from_u32(0)).unwrap();
    // Not acknowledged: it comes again.
    let again = client.control.gets("reset", b"again").await;
    assert_eq!((again.first, again.id()), (0x3A, sent.id()));
    client.control.send(&[PUBACK, 2, 0, again.id()]).await;
    for topic in ["finished", "reset"] {
        client.control.send(&publish(0, 0, topic, b"after")).await;
        client.control.gets(topic, b"after").await;
    }
}

#[tokio::test]
async fn messages_fall_back_to_the_control_stream_when_the_session_is_resumed() {
    let server = Running::start().await;
    let connect = Connect { session_expiry: Some(100), ..Connect::new("a") };
    let client = Client::connect(&server, connect).await;
    let mut data = client.stream().await;
    data.subscribe("t", 1).await;
    client.connection.close(VarInt::from_u32(0), b"");
    server.has_connections(0).await;
    let mut other = Client::connect(&server, Connect::new("b")).await;
    other.control.send(&publish(1, 1, "t", b"offline")).await;
    other.control.expect(PUBACK).await;
    let mut again = Client::open(&server, Default::default()).await;
    let mut data = again.stream().await;
    again.control.send(&connect.encode()).await;
    assert_eq!(again.control.expect(0x20).await.body[..2], [1, 0], "CONNACK with Session Present");
    data.subscribe("u", 0).await; // lane 1 is another one now
    again.control.gets("t", b"offline").await;
    other.control.send(&publish(0, 0, "t", b"online")).await;
    again.control.gets("t", b"online").await;
}

#[tokio::test]
async fn a_burst_on_a_data_stream_is_answered_to_its_end() {
    let server = Running::start().await;
    let mut client = Client::connect(&server, Connect::new("a")).await;
    let Stream { mut send, recv: mut answers } = client.stream().await;
    let burst = publish(1, 1, "t", b"").repeat(100_000); // its answers are a multiple of what is put together for one write
    let sending = tokio::spawn(async move {
        send.write_all(&burst).await.unwrap();
        send
    });
    let mut bytes = vec![0; 5 * 100_000];
    tokio::time::timeout(BOUND, answers.read_exact(&mut bytes)).await.expect("in time").unwrap();
    assert!(bytes.chunks(5).all(|puback| puback == [PUBACK, 3, 0, 1, 0x10]), "nobody subscribed");
    sending.await.unwrap();
    client.control.ping().await;
}

#[tokio::test]
async fn only_publications_and_subscriptions_go_over_data_streams() {
    let server = Running::start().await;
    for first in [0x10, 0xC0, 0xE0, 0xF0] {
        let mut client = Client::connect(&server, Connect::new("a")).await;
        let mut data = client.stream().await;
        data.send(&[first]).await;
        assert_eq!(client.control.expect(DISCONNECT).await.body[0], 0x82, "{first:#x}");
        assert_eq!(client.control.receive().await, None);
        client.connection.close(VarInt::from_u32(0), b"");
    }
    server.has_connections(0).await;
}

#[tokio::test]
async fn a_stream_that_is_not_read_holds_up_no_other_until_it_is_full_and_then_ends_the_connection() {
    let limits = Limits { write_timeout: Duration::from_secs(2), ..Limits::default() };
    let server = Running::with(Wishes { limits, ..Wishes::default() }).await;
    let mut client = Client::connect(&server, Connect::new("a")).await;
    let mut stuck = client.stream().await;
    stuck.subscribe("stuck", 0).await;
    client.control.subscribe("free", 0).await;
    let mut other = Client::connect(&server, Connect::new("b")).await;
    for _ in 0..40 {
        other.control.send(&publish(1, 1, "stuck", &[0; 30_000])).await;
        other.control.expect(PUBACK).await;
    }
    other.control.send(&publish(0, 0, "free", b"x")).await;
    client.control.gets("free", b"x").await;
    for _ in 0..100 {
        other.control.send(&publish(1, 1, "stuck", &[0; 30_000])).await;
        other.control.expect(PUBACK).await;
    }
    assert_eq!(client.control.expect(DISCONNECT).await.body[0], 0x97);
    server.counts(Counter::SlowConsumers, 1).await;
    assert_eq!(client.closed().await, VarInt::from_u32(2));
}

#[tokio::test]
async fn a_connection_has_sixteen_streams_at_once_and_many_one_after_another() {
    let server = Running::start().await;
    let mut client = Client::connect(&server, Connect::new("a")).await;
    client.control.subscribe("t", 0).await;
    let mut open = Vec::new();
    for _ in 1..16 {
        open.push(client.stream().await);
    }
    let more = tokio::time::timeout(Duration::from_millis(100), client.connection.open_bi()).await;
    assert!(more.is_err(), "the seventeenth stream waits");
    drop(open);
    for number in 0..300u16 {
        let mut data = client.stream().await;
        data.send(&publish(1, 1, "t", &number.to_be_bytes())).await;
        data.expect(PUBACK).await;
        data.send.finish().unwrap();
        client.control.gets("t", &number.to_be_bytes()).await;
    }
    server.counts(Counter::LanesRefused, 0).await;
    // A stream with a subscription uses its number up.
    for number in 0..=255u16 {
        let mut data = client.stream().await;
        data.send(&subscribe(1, "t", 0)).await;
        data.send.finish().unwrap();
        match data.receive().await {
            Some(suback) => assert_eq!(suback.first, 0x90, "stream {number}"),
            None => break,
        }
    }
    server.counts(Counter::LanesRefused, 1).await;
    client.control.ping().await;
}

#[tokio::test]
async fn a_connection_has_no_more_data_streams_than_it_may() {
    let quic = QuicOptions { data_streams: 2, ..QuicOptions::default() };
    let server = Running::with(Wishes { quic, ..Wishes::default() }).await;
    let mut client = Client::connect(&server, Connect::new("a")).await;
    let (mut one, _two) = (client.stream().await, client.stream().await);
    let more = tokio::time::timeout(Duration::from_millis(100), client.connection.open_bi()).await;
    assert!(more.is_err(), "the third waits");
    one.send(&publish(1, 1, "t", b"")).await;
    one.expect(PUBACK).await;
    one.send.finish().unwrap();
    let mut third = client.stream().await;
    third.send(&publish(1, 1, "t", b"")).await;
    third.expect(PUBACK).await;
    client.control.ping().await;
}

/// How much a stream takes at once.
async fn fill(stream: &mut Stream) -> usize {
    let mut taken = 0;
    // A write that would have to wait is not waited for.
    while let Ok(count) = tokio::time::timeout(Duration::ZERO, stream.send.write(&[0x30; 1024])).await {
        taken += count.unwrap();
    }
    taken
}

#[tokio::test]
async fn what_is_not_read_piles_up_to_the_windows_and_waits_at_the_client_beyond() {
    let quic = QuicOptions { stream_window: 8 * 1024, connection_window: 20 * 1024, ..QuicOptions::default() };
    let limits = Limits { connect_timeout: Duration::from_secs(1), ..Limits::default() };
    let server = Running::with(Wishes { quic, limits, ..Wishes::default() }).await;
    let mut client = Client::open(&server, Tls::default()).await;
    client.control.send(&[0x10]).await;
    // Before CONNECT no data stream is read.
    let (mut one, mut two, mut three) = (client.stream().await, client.stream().await, client.stream().await);
    assert_eq!([fill(&mut one).await, fill(&mut two).await, fill(&mut three).await], [8192, 8192, 4096 - 1]);
    server.counts(Counter::ConnectTimeouts, 1).await;
    server.has_connections(0).await;
    assert!(server.count(Counter::WindowsFilled) > 0);
}
