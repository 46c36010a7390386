//! Load that mqload does not make: publishers, each with a subscriber of its own, over TLS and over QUIC.
//!
//! Both ways have the same suite, packets and windows, so that the difference is the transport. A publisher has at most [`WINDOW`] messages
//! under way: of QoS 0 until its subscriber has them, of QoS 1 until they are acknowledged, so nothing is ever dropped for being too much.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use quinn::Endpoint;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

use crate::client::connect_packet;
use crate::usage::Readings;

const PAIRS: usize = 20;
const WINDOW: usize = 64;
const PAYLOAD: usize = 128;
const TIMEOUT: Duration = Duration::from_secs(10);
const READ: usize = 64 * 1024;

const PUBLISH: u8 = 0x30;
const PUBACK: u8 = 0x40;

/// A quality of service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qos {
    AtMostOnce,
    AtLeastOnce,
}

/// How clients get to the broker.
#[derive(Debug, Clone)]
pub enum Way {
    Tls(SocketAddr, Arc<ClientConfig>),
    Quic(SocketAddr, quinn::ClientConfig),
}

type Reader = Box<dyn AsyncRead + Unpin + Send>;
type Writer = Box<dyn AsyncWrite + Unpin + Send>;

/// What one pair has in common.
struct Pair {
    qos: Qos,
    window: Semaphore,
    sent: AtomicU64,
    received: AtomicU64,
    /// Messages that came out of order, twice, or not as they were sent.
    bad: AtomicU64,
    stopped: AtomicBool,
}

/// Publishes as fast as the broker goes; the time before `warmup` has passed does not count.
pub fn run(way: &Way, qos: Qos, broker: u32, warmup: Duration, duration: Duration) -> Result<Value> {
    let runtime = tokio::runtime::Runtime::new().context("tokio")?;
    let measured = runtime.block_on(measure(way, qos, broker, warmup, duration));
    runtime.shutdown_background();
    measured
}

async fn measure(way: &Way, qos: Qos, broker: u32, warmup: Duration, duration: Duration) -> Result<Value> {
    let endpoint = Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).context("UDP")?;
    let mut pairs = Vec::new();
    for number in 0..PAIRS {
        pairs.push(start(way, &endpoint, qos, number).await.with_context(|| format!("pair {number}"))?);
    }
    sleep(warmup).await;
    let before = (received(&pairs), Readings::take(broker)?);
    sleep(duration).await;
    let after = (received(&pairs), Readings::take(broker)?);
    pairs.iter().for_each(|pair| pair.stopped.store(true, Ordering::Relaxed));
    let drained = async {
        while sent(&pairs) > received(&pairs) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let _ = timeout(TIMEOUT, drained).await; // what has not come by then is lost
    let count = after.0 - before.0;
    ensure!(count > 0, "no message came through");
    let cpu = after.1.broker_cpu_since(&before.1);
    Ok(json!({
        "broker_cpu_us_per_msg": cpu.as_secs_f64() * 1e6 / count as f64,
        "msgs_per_s": count as f64 / after.1.elapsed_since(&before.1).as_secs_f64(),
        "lost": sent(&pairs).saturating_sub(received(&pairs)),
        "bad": pairs.iter().map(|pair| pair.bad.load(Ordering::Relaxed)).sum::<u64>(),
        "other_cpu_pct": after.1.other_cpu_since(&before.1),
    }))
}

fn received(pairs: &[Arc<Pair>]) -> u64 {
    pairs.iter().map(|pair| pair.received.load(Ordering::Relaxed)).sum()
}

fn sent(pairs: &[Arc<Pair>]) -> u64 {
    pairs.iter().map(|pair| pair.sent.load(Ordering::Relaxed)).sum()
}

async fn start(way: &Way, endpoint: &Endpoint, qos: Qos, number: usize) -> Result<Arc<Pair>> {
    let pair = Arc::new(Pair {
        qos,
        window: Semaphore::new(WINDOW),
        sent: AtomicU64::new(0),
        received: AtomicU64::new(0),
        bad: AtomicU64::new(0),
        stopped: AtomicBool::new(false),
    });
    let topic = format!("pair/{number:02}");
    let (mut reader, mut writer) = open(way, endpoint, &format!("subscriber-{number}")).await?;
    let head = [&[0x82, topic.len() as u8 + 5, 0, 1, 0, topic.len() as u8], topic.as_bytes(), &[qos as u8]].concat();
    writer.write_all(&head).await.context("SUBSCRIBE")?;
    let mut suback = [0; 5];
    timeout(TIMEOUT, reader.read_exact(&mut suback)).await?.context("SUBACK")?;
    ensure!(suback == [0x90, 3, 0, 1, qos as u8], "in place of SUBACK came {suback:02X?}");
    tokio::spawn(subscribe(Packets::new(reader), writer, pair.clone()));
    let (reader, writer) = open(way, endpoint, &format!("publisher-{number}")).await?;
    tokio::spawn(acknowledged(Packets::new(reader), pair.clone()));
    tokio::spawn(publish(writer, topic, pair.clone()));
    Ok(pair)
}

/// Connects, up to a CONNACK that says yes.
async fn open(way: &Way, endpoint: &Endpoint, id: &str) -> Result<(Reader, Writer)> {
    let (mut reader, mut writer): (Reader, Writer) = match way {
        Way::Tls(address, configuration) => {
            let socket = timeout(TIMEOUT, TcpStream::connect(address)).await?.with_context(|| format!("{address}"))?;
            socket.set_nodelay(true).context("TCP_NODELAY")?;
            let connecting = TlsConnector::from(configuration.clone()).connect(ServerName::from(address.ip()), socket);
            let (reader, writer) = tokio::io::split(timeout(TIMEOUT, connecting).await?.context("TLS")?);
            (Box::new(reader), Box::new(writer))
        }
        Way::Quic(address, configuration) => {
            let connecting = endpoint.connect_with(configuration.clone(), *address, "127.0.0.1").context("QUIC")?;
            let connection = timeout(TIMEOUT, connecting).await?.context("QUIC")?;
            let (send, receive) = connection.open_bi().await.context("stream")?;
            (Box::new(receive), Box::new(send))
        }
    };
    writer.write_all(&connect_packet(id)?).await.context("CONNECT")?;
    let mut answer = [0; 4];
    timeout(TIMEOUT, reader.read_exact(&mut answer)).await?.context("CONNACK")?;
    ensure!(answer == [0x20, 2, 0, 0], "in place of CONNACK came {answer:02X?}");
    Ok((reader, writer))
}

async fn publish(mut writer: Writer, topic: String, pair: Arc<Pair>) -> Result<()> {
    let mut batch = Vec::new();
    while !pair.stopped.load(Ordering::Relaxed) {
        pair.window.acquire().await?.forget();
        let mut count = 1;
        while count < WINDOW && pair.window.try_acquire().map(|permit| permit.forget()).is_ok() {
            count += 1;
        }
        batch.clear();
        for _ in 0..count {
            let number = pair.sent.fetch_add(1, Ordering::Relaxed);
            encode(&mut batch, &topic, pair.qos, number);
        }
        writer.write_all(&batch).await.context("PUBLISH")?;
        writer.flush().await.context("PUBLISH")?;
    }
    // Kept open until what is under way has come.
    std::future::pending().await
}

/// A message whose payload begins with its number.
fn encode(batch: &mut Vec<u8>, topic: &str, qos: Qos, number: u64) {
    let id = if qos == Qos::AtLeastOnce { 2 } else { 0 };
    let length = 2 + topic.len() + id + PAYLOAD;
    batch.extend([PUBLISH | (qos as u8) << 1, length as u8 & 0x7F | 0x80, (length >> 7) as u8, 0, topic.len() as u8]);
    batch.extend_from_slice(topic.as_bytes());
    if id > 0 {
        batch.extend(packet_id(number).to_be_bytes());
    }
    batch.extend(number.to_be_bytes());
    batch.resize(batch.len() + PAYLOAD - size_of_val(&number), 0);
}

/// From 1 to 65,535, and again.
fn packet_id(number: u64) -> u16 {
    (number % 65_535) as u16 + 1
}

async fn subscribe(mut packets: Packets, mut writer: Writer, pair: Arc<Pair>) -> Result<()> {
    let mut answers = Vec::new();
    let mut expected = 0_u64;
    loop {
        let Some((first, body)) = packets.take()? else {
            if !answers.is_empty() {
                writer.write_all(&answers).await.context("PUBACK")?;
                writer.flush().await.context("PUBACK")?;
                answers.clear();
            }
            packets.read().await?;
            continue;
        };
        ensure!(first & 0xF0 == PUBLISH, "in place of PUBLISH came {first:02X}");
        let after_topic = body.get(2 + usize::from(body[1])..).context("a short PUBLISH")?;
        let (id, payload) = after_topic.split_at(if pair.qos == Qos::AtLeastOnce { 2 } else { 0 });
        if !id.is_empty() {
            answers.extend([PUBACK, 2, id[0], id[1]]);
        }
        if payload.len() != PAYLOAD || payload[..8] != expected.to_be_bytes() {
            pair.bad.fetch_add(1, Ordering::Relaxed);
        }
        expected += 1;
        pair.received.fetch_add(1, Ordering::Relaxed);
        if pair.qos == Qos::AtMostOnce {
            pair.window.add_permits(1);
        }
    }
}

/// Reads what a publisher is answered.
async fn acknowledged(mut packets: Packets, pair: Arc<Pair>) -> Result<()> {
    loop {
        match packets.take()? {
            Some((PUBACK, _)) => pair.window.add_permits(1),
            Some((first, _)) => bail!("in place of PUBACK came {first:02X}"),
            None => packets.read().await?,
        }
    }
}

/// A stream cut into packets.
struct Packets {
    reader: Reader,
    buffer: Vec<u8>,
    /// What of the buffer has been taken.
    taken: usize,
}

impl Packets {
    fn new(reader: Reader) -> Self {
        Self { reader, buffer: Vec::with_capacity(READ), taken: 0 }
    }

    /// The next packet that is there: its first byte and what follows its length.
    fn take(&mut self) -> Result<Option<(u8, &[u8])>> {
        let bytes = &self.buffer[self.taken..];
        let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
        let (length, head) = match rest {
            [low @ 0..=0x7F, ..] => (usize::from(*low), 2),
            [low, high @ 0..=0x7F, ..] => (usize::from(low & 0x7F) | usize::from(*high) << 7, 3),
            [_, _, ..] => bail!("a longer packet than any that was sent"),
            _ => return Ok(None),
        };
        if bytes.len() < head + length {
            return Ok(None);
        }
        let start = self.taken + head;
        self.taken = start + length;
        Ok(Some((first, &self.buffer[start..self.taken])))
    }

    /// Reads more.
    async fn read(&mut self) -> Result<()> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        ensure!(self.reader.read_buf(&mut self.buffer).await.context("reading")? > 0, "the broker has closed");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_cut_where_they_end() {
        let mut bytes = Vec::new();
        encode(&mut bytes, "t", Qos::AtMostOnce, 7);
        encode(&mut bytes, "t", Qos::AtLeastOnce, 65_535);
        let (mut packets, whole) = (Packets::new(Box::new(tokio::io::empty())), bytes.len());
        packets.buffer = bytes[..whole - 1].to_vec();
        let (first, body) = packets.take().unwrap().unwrap();
        assert_eq!((first, body.len(), &body[..3]), (0x30, 3 + PAYLOAD, &b"\0\x01t"[..]));
        assert_eq!(body[3..11], 7_u64.to_be_bytes());
        assert!(packets.take().unwrap().is_none(), "one byte is missing");
        packets.buffer.push(0);
        let (first, body) = packets.take().unwrap().unwrap();
        assert_eq!((first, &body[3..5]), (0x32, &[0, 1][..]), "identifiers begin again");
        packets.buffer.extend([0x30, 0xFF, 0xFF, 0x01]);
        assert!(packets.take().is_err());
    }
}
