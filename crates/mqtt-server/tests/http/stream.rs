//! WebSockets as byte streams, over sockets that take and give little at a time.

use crate::peer::{frame, frame_with, read_frame};
use hyper::body::Bytes;
use mqtt_server::http::WebSocketStream;
use proptest::collection::vec;
use proptest::prelude::*;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};

const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PONG: u8 = 0x8A;

fn pair(capacity: usize) -> (WebSocketStream<DuplexStream>, DuplexStream) {
    let (socket, peer) = duplex(capacity);
    (WebSocketStream::new(socket, Bytes::new()), peer)
}

fn close(code: u16) -> Option<(u8, Vec<u8>)> {
    Some((CLOSE, code.to_be_bytes().to_vec()))
}

/// [5:MQTT-6.0.0-2] [4:MQTT-6.0.0-2]
#[tokio::test]
async fn payload_is_read_across_frame_borders_and_written_as_binary_frames() {
    let (mut stream, mut peer) = pair(4096);
    peer.write_all(&[frame(2, b"ab"), frame(2, b""), frame_with(0x02, b"c"), frame(0, b"def")].concat()).await.unwrap();
    let mut bytes = [0; 6];
    stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"abcdef");
    stream.write_all(b"answer").await.unwrap();
    assert_eq!(read_frame(&mut peer).await, Some((BINARY, b"answer".to_vec())));
}

#[tokio::test]
async fn what_came_with_the_handshake_is_read_first() {
    let (socket, mut peer) = duplex(4096);
    let (early, late) = (frame(2, b"CONNECT"), frame(2, b"PUBLISH"));
    let mut stream = WebSocketStream::new(socket, Bytes::copy_from_slice(&early[..9]));
    peer.write_all(&[&early[9..], &late].concat()).await.unwrap();
    let mut bytes = [0; 14];
    stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"CONNECTPUBLISH");
}

#[tokio::test]
async fn a_ping_is_answered_with_its_payload_between_frames() {
    let (mut stream, mut peer) = pair(4096);
    peer.write_all(&[frame(9, b"there?"), frame(2, b"x")].concat()).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'x');
    stream.write_all(b"y").await.unwrap();
    assert_eq!(read_frame(&mut peer).await, Some((PONG, b"there?".to_vec())));
    assert_eq!(read_frame(&mut peer).await, Some((BINARY, b"y".to_vec())));
}

#[tokio::test]
async fn a_close_is_answered_after_the_payload_before_it_and_ends_the_stream() {
    let (mut stream, mut peer) = pair(4096);
    peer.write_all(&[frame(2, b"DISCONNECT"), frame(8, &1001_u16.to_be_bytes()), frame(2, b"no")].concat())
        .await
        .unwrap();
    let mut bytes = [0; 64];
    assert_eq!(stream.read(&mut bytes).await.unwrap(), 10);
    assert_eq!(stream.read(&mut bytes).await.unwrap(), 0);
    assert_eq!(stream.read(&mut bytes).await.unwrap(), 0);
    stream.write_all(b"last words").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(stream.write(b"after").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    drop(stream);
    assert_eq!(read_frame(&mut peer).await, Some((BINARY, b"last words".to_vec())));
    assert_eq!(read_frame(&mut peer).await, close(1001));
    assert_eq!(read_frame(&mut peer).await, None);
}

/// [5:MQTT-6.0.0-1] [4:MQTT-6.0.0-1]
#[tokio::test]
async fn whoever_breaks_the_protocol_is_told_how_and_is_not_read_on() {
    let cases = [
        (frame(1, b"text"), 1003),
        (vec![0x82, 0x01, b'x'], 1002),
        (frame_with(0xC2, b"compressed"), 1002),
        (frame(0, b"nothing to continue"), 1002),
        (frame(8, b"\x03\xe8\xff"), 1007),
        (frame(8, &1005_u16.to_be_bytes()), 1002),
    ];
    for (bytes, code) in cases {
        let (mut stream, mut peer) = pair(4096);
        peer.write_all(&[frame(2, b"ok"), bytes].concat()).await.unwrap();
        assert_eq!(stream.read_u16().await.unwrap().to_be_bytes(), *b"ok");
        assert_eq!(stream.read_u8().await.unwrap_err().kind(), ErrorKind::InvalidData);
        drop(stream);
        assert_eq!(read_frame(&mut peer).await, close(code));
        assert_eq!(read_frame(&mut peer).await, None);
    }
}

#[tokio::test]
async fn shutdown_says_goodbye_and_the_answer_is_read_as_an_end() {
    let (mut stream, mut peer) = pair(4096);
    stream.shutdown().await.unwrap();
    assert_eq!(read_frame(&mut peer).await, close(1000));
    peer.write_all(&[frame(9, b"unanswered"), frame(2, b"late"), frame(8, &1000_u16.to_be_bytes())].concat())
        .await
        .unwrap();
    let mut late = Vec::new();
    stream.read_to_end(&mut late).await.unwrap();
    assert_eq!(late, b"late");
    assert_eq!(read_frame(&mut peer).await, None);
}

#[tokio::test]
async fn a_dropped_stream_says_goodbye_unless_a_frame_has_begun() {
    let (stream, mut peer) = pair(4096);
    drop(stream);
    assert_eq!(read_frame(&mut peer).await, close(1000));

    let (mut stream, mut peer) = pair(8);
    assert_eq!(stream.write(b"0123456789").await.unwrap(), 6);
    drop(stream);
    let mut rest = Vec::new();
    peer.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"\x82\x0a012345");
}

#[tokio::test]
async fn a_frame_once_begun_is_filled_by_the_next_writes_and_pongs_wait_for_its_end() {
    let (mut stream, mut peer) = pair(8);
    assert_eq!(stream.write(b"0123456789").await.unwrap(), 6);
    let mut first = [0; 8];
    peer.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"\x82\x0a012345");
    let ping = frame(9, b"?");
    peer.write_all(&ping[..]).await.unwrap();
    let mut context = Context::from_waker(Waker::noop());
    let mut bytes = [0; 8];
    assert!(Pin::new(&mut stream).poll_read(&mut context, &mut ReadBuf::new(&mut bytes)).is_pending());
    // Other bytes than those that were offered before: a byte stream has no memory.
    assert_eq!(stream.write(b"ab").await.unwrap(), 2);
    assert_eq!(stream.write(b"cdefgh").await.unwrap(), 2);
    let mut rest = [0; 4];
    peer.read_exact(&mut rest).await.unwrap();
    assert_eq!(&rest, b"abcd");
    stream.write_all(b"z").await.unwrap();
    assert_eq!(read_frame(&mut peer).await, Some((PONG, b"?".to_vec())));
    assert_eq!(read_frame(&mut peer).await, Some((BINARY, b"z".to_vec())));
}

#[tokio::test]
async fn a_frame_that_the_socket_takes_nothing_of_is_not_begun() {
    let (mut stream, mut peer) = pair(8);
    stream.write_all(b"012345").await.unwrap();
    let mut context = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut stream).poll_write(&mut context, b"a long one").is_pending());
    assert_eq!(read_frame(&mut peer).await, Some((BINARY, b"012345".to_vec())));
    stream.write_all(b"x").await.unwrap();
    assert_eq!(read_frame(&mut peer).await, Some((BINARY, b"x".to_vec())));
}

#[tokio::test]
async fn many_slices_make_one_frame_and_much_payload_makes_several() {
    let (mut stream, mut peer) = pair(1 << 20);
    let slices: Vec<IoSlice<'_>> = (0..32).map(|_| IoSlice::new(b"slice")).collect();
    assert_eq!(stream.write_vectored(&slices).await.unwrap(), 160);
    assert_eq!(read_frame(&mut peer).await, Some((BINARY, b"slice".repeat(32))));
    let large = vec![7; 600_000];
    stream.write_all(&large).await.unwrap();
    let mut lengths = Vec::new();
    while lengths.iter().sum::<usize>() < large.len() {
        lengths.push(read_frame(&mut peer).await.unwrap().1.len());
    }
    assert_eq!(lengths, [262_144, 262_144, 75_712]);
}

#[tokio::test]
async fn a_client_that_only_pings_and_never_reads_costs_one_pong() {
    let (mut stream, mut peer) = pair(64);
    let flood = async {
        for _ in 0..1000 {
            peer.write_all(&frame(9, &[b'p'; 40])).await.unwrap();
        }
        peer.write_all(&frame(2, b"!")).await.unwrap();
    };
    let (byte, ()) = tokio::join!(stream.read_u8(), flood);
    assert_eq!(byte.unwrap(), b'!');
    let mut pongs = Vec::new();
    while pongs.len() < 2 {
        pongs.push(read_frame(&mut peer).await.unwrap().0);
        let _ = tokio::time::timeout(Duration::from_millis(1), stream.read_u8()).await;
    }
    assert_eq!(pongs, [PONG, PONG]);
}

/// A socket that moves at most `step` bytes at a time and says "not now" before every step.
struct Slow {
    inner: DuplexStream,
    step: usize,
    waited: bool,
    vectored: bool,
}

impl Slow {
    fn wait(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.waited = !self.waited;
        if self.waited {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Slow {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.wait(cx));
        let mut bytes = vec![0; this.step.min(buffer.remaining())];
        let mut few = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut this.inner).poll_read(cx, &mut few))?;
        buffer.put_slice(few.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Slow {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.wait(cx));
        Pin::new(&mut this.inner).poll_write(cx, &bytes[..bytes.len().min(this.step)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
        self.poll_write(cx, &bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.vectored
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

/// Echoes through a slow socket; returns what the peer got back.
async fn echo_slowly(messages: Vec<Vec<u8>>, step: usize, vectored: bool) -> Vec<u8> {
    let (inner, peer) = duplex(512);
    let socket = Slow { inner, step, waited: false, vectored };
    let (mut input, mut output) = tokio::io::split(WebSocketStream::new(socket, Bytes::new()));
    let echo = async {
        tokio::io::copy(&mut input, &mut output).await.unwrap();
        output.shutdown().await.unwrap();
    };
    let (mut from_server, mut to_server) = tokio::io::split(peer);
    let client = async move {
        for message in messages {
            to_server.write_all(&[frame(2, &message), frame(9, b"ping")].concat()).await.unwrap();
        }
        to_server.write_all(&frame(8, &1000_u16.to_be_bytes())).await.unwrap();
    };
    let collect = async {
        let mut back = Vec::new();
        loop {
            match read_frame(&mut from_server).await.expect("a Close comes first") {
                (BINARY, payload) => back.extend(payload),
                (PONG, payload) => assert_eq!(payload, b"ping"),
                (CLOSE, code) => break assert_eq!(code, 1000_u16.to_be_bytes()),
                other => panic!("{other:?}"),
            }
        }
        back
    };
    let ((), (), back) = tokio::join!(echo, client, collect);
    back
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_is_lost_or_swapped_on_a_slow_socket(
        messages in vec(vec(any::<u8>(), 0..400), 0..20),
        step in 1..300_usize,
        vectored: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let expected = messages.concat();
        prop_assert_eq!(runtime.block_on(echo_slowly(messages, step, vectored)), expected);
    }
}
