//! One task per connection: reads, lets the core work, writes, in one loop.
//!
//! A driver owns no buffers while nothing is half read or half written; it borrows the worker's for each turn. It never waits anywhere but
//! in `poll`: for the socket and its lanes, for its inbox, for its timer, and while opening for the authenticator or a session.

use crate::auth::{Answer, Exchange};
use crate::entrance::Seat;
use crate::input::Input;
use crate::lanes::{Lanes, NoLanes};
use crate::pending::{self, Pending};
use crate::timers::Key;
use crate::worker::{self, Worker};
use crate::{Happening, Side, Socket};
use mqtt_core::{AuthRequest, CONTROL, Close, Connection, Counter, Load, Next, Output, Timestamp, Verdict};
use mqtt_wire::ReasonCode;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::ReadBuf;

/// Bytes put together for one write.
pub(crate) const BUDGET: usize = 64 * 1024;

/// Turns of the loop before other connections of the worker get theirs.
const TURNS: usize = 4;

/// Reads from one stream before a turn goes on.
pub(crate) const READS: usize = 4;

/// How long a connection that the server ends is read on, so that the last packet is not lost to a reset.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// How long a publisher is left alone at a time while the server is overloaded.
const HOLD: Duration = Duration::from_millis(200);

/// What is said of a connection that ended without DISCONNECT.
const LOST: Close = Close { reason: ReasonCode::UnspecifiedError, what: "the connection was lost" };

/// What is said of a connection that has sent no CONNECT when the server ends.
const ENDING: Close = Close { reason: ReasonCode::ServerShuttingDown, what: "the server is ending" };

/// A connection, its socket, and its data lanes if its transport has any.
pub(crate) struct Driver<S, L: Lanes = NoLanes> {
    socket: S,
    lanes: L,
    seat: Seat,
    core: Connection,
    input: Input,
    pending: Option<Box<Pending>>,
    authentication: Option<Box<Authentication>>,
    timer: Option<Key>,
    /// When the timer fires.
    armed: Timestamp,
    stage: Stage,
    /// Whether the client was seen online.
    greeted: bool,
    /// When a client that is not read because of overload is looked at again.
    held_until: Timestamp,
    /// How long the authenticator took, in microseconds.
    authentication_micros: u32,
}

#[derive(Default)]
struct Authentication {
    exchange: Option<Box<dyn Exchange>>,
    verdict: Option<(Instant, Judging)>,
}

/// An authenticator at work.
type Judging = Pin<Box<dyn Future<Output = Verdict> + Send>>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Bytes are fed to the core.
    Serving,
    /// The authenticator is to answer.
    Authenticating,
    /// Another connection is to let the session go.
    Claiming,
    /// The core is done; what the client still sends is thrown away.
    Lingering { until: Timestamp, shut: bool },
}

/// What a turn came to.
enum Turn {
    /// There is more to do.
    Again,
    /// Everything possible is done; wakers are registered.
    Idle,
    /// The connection is over.
    Over,
}

/// The core's view of a worker.
fn context<'a>(
    seat: &'a Seat,
    lanes: &'a mut impl Lanes,
    worker: &'a mut Worker,
    now: Timestamp,
) -> mqtt_core::Context<'a> {
    let Worker { output, wakes, scratch, .. } = worker;
    mqtt_core::Context { broker: &seat.broker, now, lane: CONTROL, output, lanes: lanes.outputs(), wakes, scratch }
}

impl<S: Socket> Driver<S> {
    /// Serves what was accepted; the time for CONNECT counts from then.
    pub(crate) fn new(socket: S, seat: Seat) -> Driver<S> {
        Driver::with_lanes(socket, NoLanes, seat)
    }
}

impl<S: Socket, L: Lanes> Driver<S, L> {
    /// The same with data lanes beside the socket.
    pub(crate) fn with_lanes(socket: S, lanes: L, seat: Seat) -> Driver<S, L> {
        let core = Connection::new(&seat.broker, seat.entrance().versions, seat.accepted);
        Driver {
            socket,
            lanes,
            seat,
            core,
            input: Input::default(),
            pending: None,
            authentication: None,
            timer: None,
            armed: Timestamp::NEVER,
            stage: Stage::Serving,
            greeted: false,
            held_until: Timestamp::NEVER,
            authentication_micros: 0,
        }
    }

    pub(crate) fn lanes(&self) -> &L {
        &self.lanes
    }

    pub(crate) fn seat(&self) -> &Seat {
        &self.seat
    }

    /// Whether the client has been let in.
    pub(crate) fn is_online(&self) -> bool {
        self.core.is_online()
    }

    /// Whether some deadline of MQTT would end a connection whose other end is gone.
    pub(crate) fn is_supervised(&self) -> bool {
        self.core.deadline() != Timestamp::NEVER
    }

    fn turns(&mut self, task: &mut Context<'_>, worker: &mut Worker) -> Poll<()> {
        let now = self.seat.clock.now();
        for _ in 0..TURNS {
            worker.output.clear();
            let turn = match self.stage {
                Stage::Lingering { until, shut } => self.linger(until, shut, task, worker, now),
                Stage::Serving | Stage::Authenticating | Stage::Claiming => self.turn(task, worker, now),
            };
            match turn {
                Turn::Again => {}
                Turn::Over => {
                    if !matches!(self.stage, Stage::Lingering { .. }) {
                        self.report_end(LOST, Side::Network);
                    }
                    self.leave(worker, now);
                    return Poll::Ready(());
                }
                Turn::Idle => {
                    self.arm(task, now);
                    return Poll::Pending;
                }
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }

    /// Tells the observer that the connection ends.
    fn report_end(&mut self, close: Close, by: Side) {
        self.seat.peer = self.lanes.peer().unwrap_or(self.seat.peer);
        let Close { reason, what: why } = close;
        let what = match self.core.is_online() {
            true => Happening::Closed { reason, why, by },
            false => Happening::Refused { reason, why },
        };
        // A connection that was opened and closed without a byte is a probe of the port, or a client that changed its mind.
        if self.core.version().is_some() || by == Side::Server {
            self.seat.report(self.core.client_id(), self.core.user_name(), self.core.version(), what);
        }
    }

    /// Tells the observer, once, that the client is online.
    fn greet(&mut self) {
        let Some((session_present, keep_alive)) = self.core.greeting() else { return };
        self.greeted = true;
        let authentication = Duration::from_micros(self.authentication_micros.into());
        let what = Happening::Connected { session_present, keep_alive, authentication };
        self.seat.report(self.core.client_id(), None, self.core.version(), what);
    }

    fn turn(&mut self, task: &mut Context<'_>, worker: &mut Worker, now: Timestamp) -> Turn {
        let Ok(flushed) = self.flush(task, now) else { return Turn::Over };
        self.lanes.flush(&mut self.core, &self.seat.broker, task, now);
        let (mut next, mut more) = (self.on_time(worker, now), false);
        if next == Next::Go {
            next = match self.stage {
                Stage::Authenticating => self.settle(Next::Authenticate, task, worker, now),
                Stage::Claiming => self.settle(Next::Claim, task, worker, now),
                Stage::Serving | Stage::Lingering { .. } => Next::Go,
            };
        }
        // A client that does not take its answers is not read on: its requests stay in its own buffers.
        let held = self.is_held(now);
        if next == Next::Go && flushed && !held && self.stage == Stage::Serving {
            match self.read(task, worker, now) {
                Ok((read, filled)) => (next, more) = (read, filled),
                Err(_) => return Turn::Over,
            }
        }
        if next == Next::Go && self.seat.is_stopping() && self.core.version().is_none() && !more {
            // A CONNECT that had come would have been read and answered.
            next = Next::Close(ENDING);
        }
        if next == Next::Go && !held && self.stage == Stage::Serving && self.core.is_online() {
            next = self.lanes.read(&mut self.core, &self.seat.broker, task, worker, now);
        }
        if next == Next::Go && self.core.is_online() {
            // A full socket takes no messages, but the session's signals are still heard.
            let flushed = flushed && !self.lanes.are_stuck();
            let budget = if flushed { BUDGET } else { 0 };
            let cx = &mut context(&self.seat, &mut self.lanes, worker, now);
            let (pulled, told) = self.core.pull(budget, task.waker(), cx);
            more |= pulled && flushed;
            next = told;
        }
        // Receivers on other workers start while this one writes.
        worker.wakes.wake_all();
        if self.send(&worker.output, task, now).is_err() {
            return Turn::Over;
        }
        self.lanes.flush(&mut self.core, &self.seat.broker, task, now);
        let more = (more && self.pending.is_none()) || (self.stage == Stage::Serving && self.lanes.have_more());
        match next {
            Next::Close(close) => self.close(close, worker, now),
            Next::Go | Next::Authenticate | Next::Claim if more => Turn::Again,
            Next::Go | Next::Authenticate | Next::Claim => Turn::Idle,
        }
    }

    /// What the passing of time brings: a deadline of the core, a socket that takes nothing, the server's end.
    fn on_time(&mut self, worker: &mut Worker, now: Timestamp) -> Next {
        if self.seat.is_stopping() && self.core.version().is_some() && !self.core.is_online() {
            return self.core.refuse_newcomer(&mut context(&self.seat, &mut self.lanes, worker, now));
        }
        if now < self.armed {
            return Next::Go;
        }
        self.armed = Timestamp::NEVER; // it has fired
        if self.stalled_until().is_some_and(|until| until <= now) {
            self.seat.broker.counters.count(Counter::SlowConsumers);
            let close = Close { reason: ReasonCode::QuotaExceeded, what: "the socket takes nothing" };
            return match self.pending.take() {
                Some(_) => Next::Close(close),
                // A data lane is stuck: the client can still be told.
                None => self.core.on_shutdown(
                    close.reason,
                    close.what,
                    &mut context(&self.seat, &mut self.lanes, worker, now),
                ),
            };
        }
        self.core.on_timeout(&mut context(&self.seat, &mut self.lanes, worker, now))
    }

    /// Whether overload protection keeps this client from being read; looked at again soon.
    fn is_held(&mut self, now: Timestamp) -> bool {
        let load = self.seat.broker.load.get();
        if load == Load::Normal || !self.core.is_held(load, now) {
            self.held_until = Timestamp::NEVER;
            return false;
        }
        if self.held_until == Timestamp::NEVER {
            self.seat.broker.counters.count(Counter::PublishersHeld);
        }
        self.held_until = now + HOLD;
        true
    }

    /// When a socket that takes nothing is given up.
    fn stalled_until(&self) -> Option<Timestamp> {
        let since =
            self.pending.as_ref().map(|pending| pending.since).into_iter().chain(self.lanes.stalled_since()).min();
        since.map(|since| since + self.seat.broker.limits().write_timeout)
    }

    fn arm(&mut self, task: &Context<'_>, now: Timestamp) {
        let mut deadline = match self.stage {
            Stage::Lingering { until, .. } => until,
            Stage::Serving | Stage::Authenticating | Stage::Claiming => self.core.deadline(),
        };
        deadline = deadline.min(self.stalled_until().unwrap_or(Timestamp::NEVER)).min(self.held_until);
        if self.armed <= now {
            self.armed = Timestamp::NEVER;
        }
        if deadline < self.armed {
            let seed = std::ptr::from_ref(self).addr() >> 8;
            self.timer = Some(self.seat.timers.arm(self.timer, seed, deadline, task.waker()));
            self.armed = deadline;
        }
    }

    /// Writes what was left over; returns whether nothing is left.
    fn flush(&mut self, task: &mut Context<'_>, now: Timestamp) -> io::Result<bool> {
        if let Some(pending) = &mut self.pending
            && pending.flush(&mut self.socket, task, now)?
        {
            self.pending = None;
        }
        Ok(self.pending.is_none())
    }

    fn send(&mut self, output: &Output, task: &mut Context<'_>, now: Timestamp) -> io::Result<()> {
        if output.is_empty() {
            return Ok(());
        }
        match &mut self.pending {
            // Only a last packet is sent behind output that is stuck.
            Some(pending) => pending.append(output),
            None => self.pending = pending::send(output, &mut self.socket, task, now)?,
        }
        Ok(())
    }

    /// Reads until the socket has no more, within bounds; the flag says that it may have.
    fn read(&mut self, task: &mut Context<'_>, worker: &mut Worker, now: Timestamp) -> io::Result<(Next, bool)> {
        for _ in 0..READS {
            let filled = match self.input.poll_read(&mut self.socket, task, &mut worker.read) {
                Poll::Pending => return Ok((Next::Go, false)),
                Poll::Ready(filled) => filled?.ok_or(io::ErrorKind::UnexpectedEof)?,
            };
            let Worker { read, output, wakes, scratch } = worker;
            let (broker, lanes) = (&self.seat.broker, self.lanes.outputs());
            let cx = &mut mqtt_core::Context { broker, now, lane: CONTROL, output, lanes, wakes, scratch };
            let next = self.input.feed(filled, read, &mut self.core, cx);
            let next = self.settle(next, task, worker, now);
            if next != Next::Go || self.stage != Stage::Serving {
                return Ok((next, false));
            }
            if worker.output.len() >= BUDGET {
                break;
            }
        }
        Ok((Next::Go, true))
    }

    /// Does what the core waits for, as far as it can be done now, then feeds it what was read meanwhile.
    fn settle(&mut self, mut next: Next, task: &mut Context<'_>, worker: &mut Worker, now: Timestamp) -> Next {
        loop {
            next = match next {
                Next::Close(_) => return next,
                Next::Go => {
                    if !self.greeted && self.core.is_online() {
                        self.greet();
                    }
                    return next;
                }
                Next::Authenticate => match self.ask(task) {
                    None => {
                        self.stage = Stage::Authenticating;
                        return Next::Go;
                    }
                    Some(verdict) => {
                        self.core.on_verdict(verdict, &mut context(&self.seat, &mut self.lanes, worker, now))
                    }
                },
                Next::Claim => {
                    let cx = &mut context(&self.seat, &mut self.lanes, worker, now);
                    match self.core.claim(task.waker(), cx) {
                        Next::Claim => {
                            self.stage = Stage::Claiming;
                            return Next::Go;
                        }
                        next => next,
                    }
                }
            };
            self.stage = Stage::Serving;
            if next == Next::Go && !self.input.is_empty() {
                let cx = &mut context(&self.seat, &mut self.lanes, worker, now);
                next = self.input.feed_again(&mut self.core, cx);
            }
        }
    }

    /// The authenticator's verdict, if it has one.
    fn ask(&mut self, task: &mut Context<'_>) -> Option<Verdict> {
        let waiting = self.authentication.as_mut().and_then(|authentication| authentication.verdict.as_mut());
        let verdict = match waiting {
            Some((since, verdict)) => match verdict.as_mut().poll(task) {
                Poll::Pending => return None,
                Poll::Ready(verdict) => {
                    let took = u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX);
                    self.authentication_micros = self.authentication_micros.saturating_add(took);
                    verdict
                }
            },
            None => match self.request()? {
                Answer::Now(verdict) => verdict,
                Answer::Later(verdict) => {
                    self.authentication.get_or_insert_default().verdict = Some((Instant::now(), verdict));
                    return self.ask(task); // polled once, it knows whom to wake
                }
            },
        };
        match (&verdict, &mut self.authentication) {
            (Verdict::Continue(_), Some(authentication)) => authentication.verdict = None,
            _ => self.authentication = None,
        }
        Some(verdict)
    }

    fn request(&mut self) -> Option<Answer> {
        let authenticator = &self.seat.authenticator;
        Some(match self.core.auth_request()? {
            AuthRequest::Connect(credentials) => match self.seat.entrance().anonymous(&credentials) {
                Some(verdict) => Answer::Now(verdict),
                None => authenticator.authenticate(&credentials),
            },
            AuthRequest::Begin { credentials, method, data } => match authenticator.begin(method, &credentials) {
                None => Answer::Now(Verdict::Refuse(ReasonCode::BadAuthenticationMethod)),
                Some(mut exchange) => {
                    let answer = exchange.step(data);
                    self.authentication.get_or_insert_default().exchange = Some(exchange);
                    answer
                }
            },
            AuthRequest::Continue(data) => {
                match self.authentication.as_mut().and_then(|authentication| authentication.exchange.as_mut()) {
                    Some(exchange) => exchange.step(data),
                    None => Answer::Now(Verdict::Refuse(ReasonCode::NotAuthorized)),
                }
            }
        })
    }

    /// The core is done. A client that asked for it is gone; one that was told why is read on for a moment.
    fn close(&mut self, close: Close, worker: &mut Worker, now: Timestamp) -> Turn {
        self.lanes.on_close(close);
        let by = if close.reason == ReasonCode::Success { Side::Client } else { Side::Server };
        self.report_end(close, by);
        self.leave(worker, now);
        self.stage = Stage::Lingering { until: now + LINGER, shut: false };
        if close.reason == ReasonCode::Success && !L::AWAITS_CLIENT {
            return Turn::Over;
        }
        Turn::Again
    }

    /// Sends what is left, ends the sending side, and throws away what still comes.
    fn linger(
        &mut self,
        until: Timestamp,
        shut: bool,
        task: &mut Context<'_>,
        worker: &mut Worker,
        now: Timestamp,
    ) -> Turn {
        if now >= until {
            return Turn::Over;
        }
        self.lanes.flush(&mut self.core, &self.seat.broker, task, now);
        match self.flush(task, now) {
            Err(_) => return Turn::Over,
            Ok(false) => return Turn::Idle,
            Ok(true) => {}
        }
        if !shut {
            match Pin::new(&mut self.socket).poll_shutdown(task) {
                Poll::Pending => return Turn::Idle,
                Poll::Ready(Err(_)) => return Turn::Over,
                Poll::Ready(Ok(())) => self.stage = Stage::Lingering { until, shut: true },
            }
        }
        let mut buffer = ReadBuf::new(&mut worker.read);
        match Pin::new(&mut self.socket).poll_read(task, &mut buffer) {
            Poll::Pending => Turn::Idle,
            Poll::Ready(Ok(())) if !buffer.filled().is_empty() => Turn::Again,
            Poll::Ready(_) => Turn::Over,
        }
    }

    /// The core learns that the connection is closed, once.
    fn leave(&mut self, worker: &mut Worker, now: Timestamp) {
        self.core.on_closed(&mut context(&self.seat, &mut self.lanes, worker, now));
        worker.wakes.wake_all();
    }
}

impl<S: Socket, L: Lanes> Future for Driver<S, L> {
    type Output = ();

    fn poll(self: Pin<&mut Driver<S, L>>, task: &mut Context<'_>) -> Poll<()> {
        let driver = self.get_mut();
        worker::with(|worker| driver.turns(task, worker))
    }
}

impl<S, L: Lanes> Drop for Driver<S, L> {
    fn drop(&mut self) {
        self.input.release(self.seat.broker.partial());
        self.lanes.release(self.seat.broker.partial());
        if let Some(timer) = self.timer {
            self.seat.timers.cancel(timer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_an_idle_connection_is_small() {
        let size = size_of::<Driver<tokio::net::TcpStream>>();
        assert!(size <= 200, "{size} bytes");
    }
}
