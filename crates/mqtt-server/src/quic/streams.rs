//! The data streams of one connection.

use super::code;
use super::early::Gate;
use super::numbers::Numbers;
use crate::Peer;
use crate::driver::{BUDGET, READS};
use crate::input::Input;
use crate::lanes::Lanes;
use crate::pending;
use crate::worker::Worker;
use mqtt_core::{Broker, Budget, Close, Connection, Counter, Lane, Next, Output, Timestamp};
use mqtt_wire::ReasonCode;
use quinn::{ConnectionError, RecvStream, SendStream, VarInt};
use std::future::pending;
use std::pin::Pin;
use std::task::{Context, Poll};

type Accepted = Result<(SendStream, RecvStream), ConnectionError>;

/// All streams but the control stream.
pub(super) struct Streams {
    connection: quinn::Connection,
    gate: Gate,
    /// The next stream that the client opens.
    next: Pin<Box<dyn Future<Output = Accepted> + Send>>,
    /// The open streams, and in the same order what is to be sent on them.
    open: Vec<Stream>,
    outputs: Vec<Lane>,
    /// Streams that the client has ended and the last answers did not fit.
    parting: Vec<(Sender, Output)>,
    numbers: Numbers,
    /// Whether a stream was closed since the core was last asked what it has to send.
    closed: bool,
    code: VarInt,
}

struct Stream {
    recv: RecvStream,
    sender: Sender,
    input: Input,
    /// Whether there may be more to read.
    more: bool,
}

struct Sender {
    send: SendStream,
    /// Since when the stream takes nothing.
    stalled: Option<Timestamp>,
}

/// What reading from a stream came to.
enum Read {
    Core(Next),
    /// The client has ended its side.
    Finished,
    /// The stream is broken.
    Broken,
}

impl Streams {
    pub(super) fn new(connection: quinn::Connection, gate: Gate) -> Streams {
        Streams {
            next: next(connection.clone()),
            connection,
            gate,
            open: Vec::new(),
            outputs: Vec::new(),
            parting: Vec::new(),
            numbers: Numbers::default(),
            closed: false,
            code: code::CONTROL_STREAM_DOWN,
        }
    }

    /// What to close the connection with.
    pub(super) fn code(&self) -> VarInt {
        self.code
    }

    fn accept(&mut self, broker: &Broker, task: &mut Context<'_>) {
        if !self.gate.is_open() {
            return;
        }
        while let Poll::Ready(accepted) = self.next.as_mut().poll(task) {
            let Ok((mut send, mut recv)) = accepted else {
                self.next = Box::pin(pending()); // the control stream tells the end of the connection
                return;
            };
            self.next = next(self.connection.clone());
            let Some(number) = self.numbers.take() else {
                broker.counters.count(Counter::LanesRefused);
                let _ = (send.reset(code::OVERLOADED), recv.stop(code::OVERLOADED)); // or the client was faster
                continue;
            };
            let sender = Sender { send, stalled: None };
            self.open.push(Stream { recv, sender, input: Input::default(), more: false });
            self.outputs.push(Lane { number, output: Output::new() });
        }
    }

    /// Feeds the core from one stream.
    fn read_one(
        &mut self,
        at: usize,
        core: &mut Connection,
        broker: &Broker,
        task: &mut Context<'_>,
        worker: &mut Worker,
        now: Timestamp,
    ) -> Read {
        let stream = &mut self.open[at];
        stream.more = true;
        for _ in 0..READS {
            // A client that does not take its answers is not read on.
            if stream.sender.stalled.is_some() || is_full(&self.outputs[at]) {
                return Read::Core(Next::Go);
            }
            let filled = match stream.input.poll_read(&mut stream.recv, task, &mut worker.read) {
                Poll::Pending => {
                    stream.more = false;
                    return Read::Core(Next::Go);
                }
                Poll::Ready(Ok(Some(filled))) => filled,
                Poll::Ready(Ok(None)) => return Read::Finished,
                Poll::Ready(Err(_)) => return Read::Broken,
            };
            let Worker { read, output, wakes, scratch } = worker;
            let (lane, lanes) = (self.outputs[at].number, &mut self.outputs[..]);
            let cx = &mut mqtt_core::Context { broker, now, lane, output, lanes, wakes, scratch };
            let next = stream.input.feed(filled, read, core, cx);
            if next != Next::Go {
                return Read::Core(next);
            }
        }
        Read::Core(Next::Go)
    }

    /// Takes a stream out; the core learns that its lane is gone.
    fn close(&mut self, at: usize, core: &mut Connection, partial: &Budget) -> (Stream, Output) {
        let (mut stream, lane) = (self.open.swap_remove(at), self.outputs.swap_remove(at));
        stream.input.release(partial);
        if core.on_lane_closed(lane.number) {
            self.numbers.give_back(lane.number);
        }
        self.closed = true;
        (stream, lane.output)
    }
}

fn next(connection: quinn::Connection) -> Pin<Box<dyn Future<Output = Accepted> + Send>> {
    Box::pin(async move { connection.accept_bi().await })
}

fn is_full(lane: &Lane) -> bool {
    lane.output.len() >= BUDGET
}

impl Sender {
    /// Writes what the stream takes; whether everything is out. `None` where it takes nothing any more.
    fn flush(&mut self, output: &mut Output, task: &mut Context<'_>, now: Timestamp) -> Option<bool> {
        if output.is_empty() {
            return Some(true);
        }
        let mut written = 0;
        let done = pending::write(output, &mut written, &mut self.send, task).ok()?;
        match (done, written) {
            (true, _) => (*output, self.stalled) = (Output::new(), None),
            (false, 0) => self.stalled = self.stalled.or(Some(now)),
            (false, written) => (*output, self.stalled) = (output.rest(written), Some(now)),
        }
        Some(done)
    }
}

impl Lanes for Streams {
    const AWAITS_CLIENT: bool = true;

    fn peer(&self) -> Option<Peer> {
        Some(Peer::from(self.connection.remote_address()))
    }

    fn outputs(&mut self) -> &mut [Lane] {
        &mut self.outputs
    }

    fn read(
        &mut self,
        core: &mut Connection,
        broker: &Broker,
        task: &mut Context<'_>,
        worker: &mut Worker,
        now: Timestamp,
    ) -> Next {
        self.closed = false;
        self.accept(broker, task);
        let mut at = 0;
        while at < self.open.len() {
            match self.read_one(at, core, broker, task, worker, now) {
                Read::Core(Next::Go) => at += 1,
                Read::Core(next) => return next,
                Read::Finished => {
                    let (stream, output) = self.close(at, core, broker.partial());
                    self.parting.push((stream.sender, output));
                }
                Read::Broken => {
                    let (mut stream, _) = self.close(at, core, broker.partial());
                    let _ = stream.sender.send.reset(code::DONE); // or it is closed already
                }
            }
        }
        Next::Go
    }

    fn flush(&mut self, core: &mut Connection, broker: &Broker, task: &mut Context<'_>, now: Timestamp) {
        // What is written is finished by being dropped.
        self.parting.retain_mut(|(sender, output)| sender.flush(output, task, now) == Some(false));
        for at in (0..self.open.len()).rev() {
            if self.open[at].sender.flush(&mut self.outputs[at].output, task, now).is_none() {
                self.close(at, core, broker.partial());
            }
        }
    }

    fn are_stuck(&self) -> bool {
        self.outputs.iter().any(is_full)
    }

    fn have_more(&self) -> bool {
        let may_read = |(stream, lane): (&Stream, &Lane)| stream.more && lane.output.is_empty();
        self.closed || self.open.iter().zip(&self.outputs).any(may_read)
    }

    fn stalled_since(&self) -> Option<Timestamp> {
        let open = self.open.iter().map(|stream| &stream.sender);
        let senders = open.chain(self.parting.iter().map(|(sender, _)| sender));
        senders.filter_map(|sender| sender.stalled).min()
    }

    fn on_close(&mut self, close: Close) {
        self.code = match close.reason {
            ReasonCode::QuotaExceeded | ReasonCode::ServerBusy => code::OVERLOADED,
            _ => code::DONE,
        };
    }

    fn release(&mut self, partial: &Budget) {
        self.open.iter_mut().for_each(|stream| stream.input.release(partial));
    }
}
