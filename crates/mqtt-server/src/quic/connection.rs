//! One QUIC connection, from its first packet to its last.

use super::code;
use super::early::{Control, Gate};
use super::endpoint::Handshake;
use super::streams::Streams;
use crate::driver::{Driver, LINGER};
use crate::endpoint::QuicOptions;
use crate::entrance::Seat;
use mqtt_core::{Counter, Counters};
use quinn::{Connecting, Connection, ConnectionError, RecvStream, SendStream, ZeroRttAccepted};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Looks at a silent connection within its idle timeout: it is found gone within a quarter more than that.
const LOOKS: u32 = 4;

/// Handshake and first stream count against the connect timeout, as CONNECT does.
pub(super) async fn serve(
    connecting: Result<Connecting, ConnectionError>,
    handshake: Handshake,
    options: QuicOptions,
    seat: Seat,
) {
    let began = Instant::now();
    let until = began + seat.broker.limits().connect_timeout;
    // Boxed: what the handshake needs is not to weigh on the connection for the rest of its life.
    let opened = Box::pin(timeout_at(until, open(connecting, handshake, options))).await;
    match opened {
        Ok(Opened::Control(connection, control, early)) => {
            seat.handshakes.record(began.elapsed());
            let early = early.map(|(over, handshake)| Early { over, handshake, gate: Gate::shut(), until });
            run(connection, control, early, options.idle_timeout, seat).await
        }
        Ok(Opened::Nothing) => {}
        Ok(Opened::Failed(error)) => seat.handshake_failed(&error.into()),
        Err(_) => seat.handshake_timed_out(),
    }
}

enum Opened {
    /// The client has opened its control stream, maybe before the end of the handshake.
    Control(Connection, (SendStream, RecvStream), Option<(ZeroRttAccepted, Handshake)>),
    /// The client went away after the handshake.
    Nothing,
    /// So did the handshake.
    Failed(ConnectionError),
}

async fn open(connecting: Result<Connecting, ConnectionError>, handshake: Handshake, options: QuicOptions) -> Opened {
    let connecting = match connecting {
        Ok(connecting) => connecting,
        Err(error) => return Opened::Failed(error),
    };
    // Early data of a resumed session is seen at once; of other clients nothing comes before the handshake is over.
    let connecting = if options.zero_rtt { connecting.into_0rtt() } else { Err(connecting) };
    let (connection, mut over) = match connecting {
        Ok((connection, over)) => (connection, Some(over)),
        Err(connecting) => match connecting.await {
            Ok(connection) => (connection, None),
            Err(error) => return Opened::Failed(error),
        },
    };
    let control = connection.accept_bi().await;
    if let Some(end) = &mut over {
        tokio::select! {
            biased;
            _ = end => over = None,
            () = std::future::ready(()) => {}
        }
    }
    match control {
        Ok(control) => Opened::Control(connection, control, over.map(|over| (over, handshake))),
        Err(error @ ConnectionError::TransportError(_)) => Opened::Failed(error),
        Err(_) => Opened::Nothing,
    }
}

async fn run(
    connection: Connection,
    (send, recv): (SendStream, RecvStream),
    mut early: Option<Early>,
    idle_timeout: Duration,
    seat: Seat,
) {
    let delivered = send.stopped();
    let gate = early.as_ref().map(|early| early.gate.clone()).unwrap_or_default();
    let control = tokio::io::join(Control::new(recv, gate.clone()), send);
    let mut driver = Driver::with_lanes(control, Streams::new(connection.clone(), gate), seat);
    let (mut silence, mut waits) = (Silence::new(&connection), Waits::default());
    loop {
        tokio::select! {
            () = &mut driver => break,
            end = settled(&mut early, &connection), if early.is_some() => {
                early = None;
                // Before CONNECT, the core counts it at the same time.
                if end == End::Late && driver.is_online() {
                    driver.seat().broker.counters.count(Counter::ConnectTimeouts);
                }
            }
            () = sleep(idle_timeout / LOOKS) => {
                waits.count(&connection, &driver.seat().broker.counters);
                // A client with Keep Alive is looked after by MQTT, whatever time it named.
                if silence.goes_on(&connection) && !driver.is_supervised() {
                    driver.seat().broker.counters.count(Counter::IdleTimeouts);
                    connection.close(code::DONE, b"idle");
                }
            }
        }
    }
    waits.count(&connection, &driver.seat().broker.counters);
    let code = driver.lanes().code();
    drop(driver);
    // Closing throws away what is still under way.
    let _ = timeout(LINGER, delivered).await; // whoever does not take it by then does not want it
    connection.close(code, b"");
}

/// A handshake that goes on while early data is read.
struct Early {
    over: ZeroRttAccepted,
    /// Counts until then.
    #[expect(dead_code, reason = "held, not read")]
    handshake: Handshake,
    gate: Gate,
    /// The end of the connect timeout.
    until: Instant,
}

/// How a handshake ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// By itself.
    Reached,
    /// By the connect timeout.
    Late,
}

/// Waits for the end of the handshake, with which everything may be read, or gives the connection up.
async fn settled(early: &mut Option<Early>, connection: &Connection) -> End {
    let Some(Early { over, gate, until, .. }) = early else { return End::Reached };
    let end = if timeout_at(*until, over).await.is_ok() { End::Reached } else { End::Late };
    if end == End::Late {
        connection.close(code::DONE, b"the handshake takes too long");
    }
    match connection.close_reason() {
        None => gate.open(),
        Some(_) => gate.give_up(),
    }
    end
}

/// What a client has said about bounds that it waits for.
#[derive(Default)]
struct Waits {
    streams: u64,
    windows: u64,
}

impl Waits {
    /// Counts what was said since the last time.
    fn count(&mut self, connection: &Connection, counters: &Counters) {
        let told = connection.stats().frame_rx;
        let streams = std::mem::replace(&mut self.streams, told.streams_blocked_bidi);
        counters.add(Counter::StreamsAwaited, self.streams - streams);
        let windows = std::mem::replace(&mut self.windows, told.data_blocked + told.stream_data_blocked);
        counters.add(Counter::WindowsFilled, self.windows - windows);
    }
}

/// How long a connection has been silent.
struct Silence {
    heard: u64,
    looks: u32,
}

impl Silence {
    fn new(connection: &Connection) -> Silence {
        Silence { heard: heard(connection), looks: 0 }
    }

    /// Looks once; whether nothing came for [`LOOKS`] looks.
    fn goes_on(&mut self, connection: &Connection) -> bool {
        let heard = heard(connection);
        self.looks = if heard == self.heard { self.looks + 1 } else { 0 };
        self.heard = heard;
        self.looks >= LOOKS
    }
}

fn heard(connection: &Connection) -> u64 {
    connection.stats().udp_rx.datagrams
}
