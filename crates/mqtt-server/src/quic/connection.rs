//! One QUIC connection, from its first packet to its last.

use super::code;
use super::endpoint::Handshake;
use super::streams::Streams;
use crate::driver::{Driver, LINGER};
use crate::endpoint::QuicOptions;
use crate::entrance::Seat;
use mqtt_core::{Counter, Timestamp};
use quinn::{Connecting, Connection, ConnectionError, RecvStream, SendStream};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Looks at a silent connection within its idle timeout: it is found gone within a quarter more than that.
const LOOKS: u32 = 4;

/// Handshake and first stream count against the connect timeout, as CONNECT does.
pub(super) async fn serve(
    connecting: Result<Connecting, ConnectionError>,
    handshake: Handshake,
    options: QuicOptions,
    seat: Seat,
    accepted: Timestamp,
) {
    let limit = seat.broker.limits().connect_timeout;
    let counters = &seat.broker.counters;
    // Boxed: what the handshake needs is not to weigh on the connection for the rest of its life.
    let opened = Box::pin(timeout(limit, open(connecting, handshake, options))).await;
    match opened {
        Ok(Opened::Control(connection, control)) => {
            run(connection, control, options.idle_timeout, seat, accepted).await
        }
        Ok(Opened::Nothing) => {}
        Ok(Opened::Failed) => counters.count(Counter::HandshakesFailed),
        Err(_) => counters.count(Counter::ConnectTimeouts),
    }
}

enum Opened {
    /// The client has opened its control stream.
    Control(Connection, (SendStream, RecvStream)),
    /// The client went away after the handshake.
    Nothing,
    /// So did the handshake.
    Failed,
}

async fn open(connecting: Result<Connecting, ConnectionError>, handshake: Handshake, options: QuicOptions) -> Opened {
    let Ok(connecting) = connecting else { return Opened::Failed };
    let connecting = match options.zero_rtt {
        // Early data of a resumed session is read at once; of other clients nothing comes before the handshake is over.
        true => connecting.into_0rtt().map(|(connection, _)| connection),
        false => Err(connecting),
    };
    let connection = match connecting {
        Ok(connection) => connection,
        Err(connecting) => match connecting.await {
            Ok(connection) => connection,
            Err(_) => return Opened::Failed,
        },
    };
    let control = connection.accept_bi().await;
    drop(handshake); // with early data it may have lasted until here
    match control {
        Ok(control) => Opened::Control(connection, control),
        Err(ConnectionError::TransportError(_)) => Opened::Failed,
        Err(_) => Opened::Nothing,
    }
}

async fn run(
    connection: Connection,
    (send, recv): (SendStream, RecvStream),
    idle_timeout: Duration,
    seat: Seat,
    accepted: Timestamp,
) {
    let delivered = send.stopped();
    let control = tokio::io::join(recv, send);
    let mut driver = Driver::with_lanes(control, Streams::new(connection.clone()), seat, accepted);
    let mut silence = Silence::new(&connection);
    loop {
        tokio::select! {
            () = &mut driver => break,
            () = sleep(idle_timeout / LOOKS) => {
                // A client with Keep Alive is looked after by MQTT, whatever time it named.
                if silence.goes_on(&connection) && !driver.is_supervised() {
                    driver.seat().broker.counters.count(Counter::IdleTimeouts);
                    connection.close(code::DONE, b"idle");
                }
            }
        }
    }
    let code = driver.lanes().code();
    drop(driver);
    // Closing throws away what is still under way.
    let _ = timeout(LINGER, delivered).await; // whoever does not take it by then does not want it
    connection.close(code, b"");
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
