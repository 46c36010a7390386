//! The server around one connection of the core: what a real one does with sockets, tasks and an authenticator, here with byte vectors.

use crate::authenticator::Authenticator;
use mqtt_core::{Broker, Close, Connection, Context, Next, Output, Scratch, Timestamp, Wakes};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

/// Bytes that a connection writes at once.
const BUDGET: usize = 64 * 1024;

/// How many bytes a read gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// All there are.
    Whole,
    /// One. Long inputs come in larger pieces between their first and last bytes.
    Single,
}

/// What all connections share.
pub struct Server {
    pub broker: Broker,
    pub now: Timestamp,
    pub authenticator: Authenticator,
    pub reads: Reads,
    wakes: Wakes,
    scratch: Scratch,
}

impl Server {
    /// A server at some time after the origin.
    pub fn new(broker: Broker, authenticator: Authenticator, reads: Reads) -> Server {
        let now = Timestamp::from_millis(1_000_000);
        Server { broker, now, authenticator, reads, wakes: Wakes::new(), scratch: Scratch::default() }
    }

    /// Something between connections: a message of the broker's own, or what is due now.
    pub fn with_broker<T>(&mut self, act: impl FnOnce(&Broker, Timestamp, &mut Wakes) -> T) -> T {
        let result = act(&self.broker, self.now, &mut self.wakes);
        self.wakes.wake_all();
        result
    }
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What the connection waits for: bytes, a verdict, its session, or nothing any more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Reading,
    Authenticating,
    Claiming,
    Over,
}

/// The server's end of one connection.
pub struct Driver {
    connection: Connection,
    /// Bytes read and not yet used.
    unread: Vec<u8>,
    /// Bytes written and not yet looked at.
    pub written: Vec<u8>,
    /// Why the server closed the connection.
    pub closed: Option<Close>,
    phase: Phase,
    step: usize,
    /// The socket takes nothing: what waits for the client stays where it is.
    pub stalled: bool,
    flag: Arc<Flag>,
    waker: Waker,
}

impl Driver {
    /// A connection accepted now.
    pub fn new(server: &Server) -> Driver {
        let flag = Arc::new(Flag::default());
        Driver {
            connection: Connection::new(&server.broker, mqtt_core::Versions::default(), server.now),
            unread: Vec::new(),
            written: Vec::new(),
            closed: None,
            phase: Phase::Reading,
            step: 0,
            stalled: false,
            waker: flag.clone().into(),
            flag,
        }
    }

    fn call<T>(&mut self, server: &mut Server, act: impl FnOnce(&mut Connection, &Waker, &mut Context<'_>) -> T) -> T {
        let mut output = Output::new();
        let mut cx = Context {
            broker: &server.broker,
            now: server.now,
            lane: mqtt_core::CONTROL,
            output: &mut output,
            lanes: &mut [],
            wakes: &mut server.wakes,
            scratch: &mut server.scratch,
        };
        let result = act(&mut self.connection, &self.waker, &mut cx);
        self.write(&output, server.reads);
        server.wakes.wake_all();
        result
    }

    /// Writes at once, or in two pieces as to a socket that is full for a while.
    fn write(&mut self, output: &Output, reads: Reads) {
        let first = if reads == Reads::Single { output.len() / 2 } else { output.len() };
        let before = self.written.len();
        output.chunks(0).for_each(|chunk| self.written.extend_from_slice(chunk));
        self.written.truncate(before + first);
        output.rest(first).chunks(0).for_each(|chunk| self.written.extend_from_slice(chunk));
    }

    /// Bytes arrive. Those that arrive behind the end of the connection are lost.
    pub fn on_bytes(&mut self, bytes: &[u8], server: &mut Server) {
        self.unread.extend_from_slice(bytes);
        self.read(server);
    }

    fn read(&mut self, server: &mut Server) {
        while self.phase == Phase::Reading && !self.unread.is_empty() {
            let unread = std::mem::take(&mut self.unread);
            let (used, next) = self.call(server, |connection, _, cx| connection.on_bytes(&unread, cx));
            self.unread = unread[used..].to_vec();
            self.follow(next, server);
            if used == 0 || next != Next::Go {
                break;
            }
        }
        self.pull(server);
    }

    fn follow(&mut self, next: Next, server: &mut Server) {
        match next {
            Next::Go => self.phase = Phase::Reading,
            Next::Authenticate => {
                self.phase = Phase::Authenticating;
                if !server.authenticator.later {
                    self.decide(server);
                }
            }
            Next::Claim => self.claim(server),
            Next::Close(close) => {
                self.closed = Some(close);
                self.end(server);
            }
        }
    }

    /// The authenticator answers.
    pub fn decide(&mut self, server: &mut Server) {
        let Some(request) = self.connection.auth_request().filter(|_| self.phase == Phase::Authenticating) else {
            return;
        };
        let verdict = server.authenticator.judge(&request, &mut self.step);
        let next = self.call(server, |connection, _, cx| connection.on_verdict(verdict, cx));
        self.follow(next, server);
        self.read(server);
    }

    fn claim(&mut self, server: &mut Server) {
        self.phase = Phase::Claiming;
        let next = self.call(server, |connection, waker, cx| connection.claim(waker, cx));
        if next != Next::Claim {
            self.follow(next, server);
            self.read(server);
        }
    }

    fn pull(&mut self, server: &mut Server) {
        let mut more = !self.stalled;
        while more && self.phase != Phase::Over {
            let next;
            (more, next) = self.call(server, |connection, waker, cx| connection.pull(BUDGET, waker, cx));
            if next != Next::Go {
                self.follow(next, server);
            }
        }
    }

    /// Does what the connection was woken for; returns whether it was.
    pub fn run(&mut self, server: &mut Server) -> bool {
        if self.stalled || self.phase == Phase::Over || !self.flag.0.swap(false, Ordering::Relaxed) {
            return false;
        }
        match self.phase {
            Phase::Claiming => self.claim(server),
            _ => self.pull(server),
        }
        true
    }

    /// The socket takes no more, or takes bytes again.
    pub fn stall(&mut self, stalled: bool, server: &mut Server) {
        self.stalled = stalled;
        self.pull(server);
    }

    /// When the connection is to be called for the time alone.
    pub fn deadline(&self) -> Timestamp {
        if self.phase == Phase::Over { Timestamp::NEVER } else { self.connection.deadline() }
    }

    /// The time may be at the deadline.
    pub fn on_time(&mut self, server: &mut Server) {
        if self.deadline() <= server.now {
            let next = self.call(server, |connection, _, cx| connection.on_timeout(cx));
            if next != Next::Go {
                self.follow(next, server);
            }
        }
    }

    /// The server shuts down.
    pub fn on_shutdown(&mut self, reason: mqtt_wire::ReasonCode, server: &mut Server) {
        if self.phase != Phase::Over {
            let next = self.call(server, |connection, _, cx| connection.on_shutdown(reason, reason.name(), cx));
            self.follow(next, server);
        }
    }

    /// The socket is gone, from whichever end.
    pub fn end(&mut self, server: &mut Server) {
        if self.phase != Phase::Over {
            self.phase = Phase::Over;
            self.unread.clear();
            self.call(server, |connection, _, cx| connection.on_closed(cx));
        }
    }
}
