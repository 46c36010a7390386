//! MQTT over TCP.

use crate::defer_accept;
use crate::driver::Driver;
use crate::hub::Hub;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// Connections that the kernel holds ready while none is accepted.
const BACKLOG: i32 = 4096;

/// Silence after which the kernel asks whether the other end is still there, and how often. A peer behind a gateway that forgot the
/// connection is found although MQTT's Keep Alive is off.
const PROBE_AFTER: Duration = Duration::from_secs(60);
const PROBE_EVERY: Duration = Duration::from_secs(15);

/// How long accepting pauses when the process has no file left for a connection.
const PAUSE: Duration = Duration::from_millis(50);

/// Binds `address`; `[::]` takes IPv4 as well. Accepted sockets inherit the options: setting them here costs no call per connection.
///
/// # Errors
/// The operating system's, for example that the address is in use.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(PROBE_AFTER).with_interval(PROBE_EVERY))?;
    defer_accept::set(&socket)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Accepts connections for ever, each on a task of its own.
pub(crate) async fn accept(listener: TcpListener, hub: Arc<Hub>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => serve(stream, &hub),
            // The connection was gone before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            // No file or memory left: others have to end first.
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

fn serve(stream: TcpStream, hub: &Arc<Hub>) {
    match hub.seat() {
        Some(seat) => drop(tokio::spawn(Driver::new(stream, seat))),
        // Closed without a handshake: a reset leaves no state behind for whoever floods.
        None => drop(SockRef::from(&stream).set_linger(Some(Duration::ZERO))),
    }
}
