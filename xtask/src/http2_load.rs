//! Load that mqload does not make: idle clients, each in a WebSocket on an HTTP/2 connection of its own (RFC 8441), in clear.

use std::future::poll_fn;
use std::io::Cursor;
use std::net::SocketAddr;
use std::task::{Context as Task, Poll, Waker};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use h2::client::SendRequest;
use h2::ext::Protocol;
use h2::{RecvStream, SendStream};
use http::{Method, Request, StatusCode};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::client::{connect_packet, frame};
use crate::tls_load::{SETTLE, idle_figures};
use crate::usage::Readings;

const TIMEOUT: Duration = Duration::from_secs(10);

type Bytes = Cursor<Vec<u8>>;

/// A connected client; dropping it ends the connection.
struct Client {
    _connection: SendRequest<Bytes>,
    _send: SendStream<Bytes>,
    receive: RecvStream,
}

/// Opens `count` connections and looks at the broker's memory.
pub fn idle(address: SocketAddr, broker: u32, count: usize) -> Result<Value> {
    let runtime = tokio::runtime::Runtime::new().context("tokio")?;
    runtime.block_on(async {
        let before = Readings::take(broker)?;
        let mut clients = Vec::with_capacity(count);
        for number in 0..count {
            let client = timeout(TIMEOUT, Client::connect(address, &format!("idle-client-{number}"))).await?;
            clients.push(client.with_context(|| format!("client {number}"))?);
        }
        let opened = Readings::take(broker)?;
        sleep(SETTLE).await;
        let after = Readings::take(broker)?;
        let alive = clients.iter_mut().filter_map(|client| client.is_quiet().then_some(())).count();
        Ok(idle_figures([&before, &opened, &after], count, alive))
    })
}

impl Client {
    /// Connects, up to a CONNACK that says yes.
    async fn connect(address: SocketAddr, id: &str) -> Result<Self> {
        let socket = TcpStream::connect(address).await.with_context(|| format!("{address}"))?;
        socket.set_nodelay(true).context("TCP_NODELAY")?;
        let (mut requests, connection) = h2::client::Builder::new().handshake(socket).await.context("HTTP/2")?;
        tokio::spawn(connection);
        // Extended CONNECT may be used once the server's SETTINGS have said so; they come with the first answer at the latest.
        let page = Request::get(format!("http://{address}/")).body(()).context("request")?;
        requests = requests.ready().await.context("HTTP/2")?;
        requests.send_request(page, true).context("request")?.0.await.context("response")?;
        ensure!(requests.is_extended_connect_protocol_enabled(), "the broker has no WebSocket over HTTP/2");
        let request = Request::builder()
            .method(Method::CONNECT)
            .uri(format!("http://{address}/mqtt"))
            .header("sec-websocket-version", "13")
            .header("sec-websocket-protocol", "mqtt")
            .extension(Protocol::from_static("websocket"))
            .body(())
            .context("request")?;
        requests = requests.ready().await.context("HTTP/2")?;
        let (answer, mut send) = requests.send_request(request, false).context("request")?;
        let answer = answer.await.context("response")?;
        ensure!(answer.status() == StatusCode::OK, "no WebSocket but {}", answer.status());
        let mut receive = answer.into_body();
        send.send_data(Cursor::new(frame(&connect_packet(id)?)), false).context("CONNECT")?;
        let connack = poll_fn(|task| receive.poll_data(task)).await.context("the end in place of CONNACK")?;
        let connack = connack.context("CONNACK")?;
        receive.flow_control().release_capacity(connack.len()).context("CONNACK")?;
        ensure!(connack[..] == *b"\x82\x04\x20\x02\0\0", "in place of CONNACK came {connack:02X?}");
        Ok(Self { _connection: requests, _send: send, receive })
    }

    /// Is the connection still there, with nothing to read?
    fn is_quiet(&mut self) -> bool {
        matches!(self.receive.poll_data(&mut Task::from_waker(Waker::noop())), Poll::Pending)
    }
}
