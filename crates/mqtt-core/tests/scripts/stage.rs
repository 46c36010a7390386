//! The run of one script: the broker, its clients, the virtual clock.

use crate::client::Client;
use crate::driver::{Driver, Reads, Server};
use crate::encode::encode;
use crate::ledger;
use crate::own::message;
use crate::packet::Packet;
use crate::script::{Action, Script, Sending, Step};
use crate::version::Version;
use mqtt_core::{Broker, Counter, Farewell, Timestamp};
use mqtt_wire::ReasonCode;
use std::collections::BTreeMap;
use std::time::Duration;

/// The broker, its clients and the clock.
struct Stage {
    server: Server,
    clients: BTreeMap<String, Client>,
    variables: BTreeMap<String, Vec<u8>>,
    version: Version,
    start: Timestamp,
    transcript: Vec<String>,
}

/// Lines of the transcript that a failure shows.
const TRANSCRIPT: usize = 80;

/// Plays a script; the error is what a reader needs to see.
pub fn play(script: &Script, reads: Reads) -> Result<(), String> {
    let mut stage = Stage::new(script, reads);
    let mut at = 0;
    while let Some(step) = script.steps.get(at) {
        let unordered = |step: &&Step| matches!(step.action, Action::Expect { unordered: true, .. });
        let group = script.steps[at..].iter().take_while(unordered).count();
        let same_line = |before: &usize| script.steps[*before].line == step.line && script.steps[*before].is_send();
        let goes_on = at.checked_sub(1).is_some_and(|before| same_line(&before));
        let outcome = match group {
            0 if goes_on && step.is_send() => stage.act_at_once(&step.action),
            0 => stage.act(&step.action),
            _ => stage.expect_unordered(&script.steps[at..at + group]),
        };
        outcome.map_err(|error| stage.report(script, step.line, &step.text, &error, reads))?;
        at += group.max(1);
    }
    let last = script.steps.last().map_or(script.line, |step| step.line);
    let end = stage.nothing_left().and_then(|()| ledger::check(&stage.server.broker));
    end.map_err(|error| stage.report(script, last, "(end of the script)", &error, reads))
}

impl Stage {
    fn new(script: &Script, reads: Reads) -> Stage {
        let broker = Broker::new(script.settings.limits.clone());
        let server = Server::new(broker, script.settings.authenticator.clone(), reads);
        Stage {
            start: server.now,
            server,
            clients: BTreeMap::new(),
            variables: BTreeMap::new(),
            version: script.settings.version,
            transcript: Vec::new(),
        }
    }

    fn report(&self, script: &Script, line: usize, text: &str, error: &str, reads: Reads) -> String {
        let reads = if reads == Reads::Single { " (byte by byte)" } else { "" };
        let hidden = self.transcript.len().saturating_sub(TRANSCRIPT);
        let transcript = self.transcript[hidden..].join("\n");
        let dots = if hidden > 0 { format!("         ... {hidden} lines\n") } else { String::new() };
        format!("{}:{line}: {}{reads}\n  {text}\n  {error}\n\n{dots}{transcript}", script.file, script.name)
    }

    fn note(&mut self, text: &str) {
        let elapsed = self.server.now.as_millis() - self.start.as_millis();
        self.transcript.push(format!("{:8}.{:03} {text}", elapsed / 1000, elapsed % 1000));
    }

    fn act(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::Expect { who, packet, .. } => self.expect(who, packet),
            Action::Nothing { who } => self.client(who)?.nothing_left(who),
            Action::Closed { who, code } => self.expect_closed(who, *code),
            Action::Open { who } => match self.client(who)?.driver.closed {
                None => Ok(()),
                Some(close) => Err(format!("{who} was closed: {} ({})", close.reason, close.what)),
            },
            Action::Counter { name, value } => self.expect_counter(name, *value),
            Action::Total { name, value } => self.expect_total(name, *value),
            Action::Speaks { who, version } => {
                self.client_or_new(who)?.version = *version;
                Ok(())
            }
            Action::Send { .. } => {
                self.nothing_left()?;
                self.act_at_once(action)
            }
            Action::Opens { who } => {
                self.nothing_left()?;
                self.client_or_new(who).map(|_| ())
            }
            Action::Lost { who } => {
                self.nothing_left()?;
                self.note(&format!("{who} lost"));
                self.with_driver(who, Driver::end)?;
                self.client(who)?.over = true;
                self.settle()
            }
            Action::Decided { who } => {
                self.nothing_left()?;
                self.note(&format!("{who} decided"));
                self.with_driver(who, Driver::decide)?;
                self.settle()
            }
            Action::Stall { who, stalled } => {
                self.nothing_left()?;
                self.note(&format!("{who} {}", if *stalled { "stalls" } else { "flows" }));
                self.with_driver(who, |driver, server| driver.stall(*stalled, server))?;
                self.settle()
            }
            Action::Wait(duration) => {
                self.nothing_left()?;
                self.wait(*duration)
            }
            Action::Shutdown { code } => {
                self.nothing_left()?;
                let reason = ReasonCode::from_u8(*code).ok_or("no such code")?;
                let names: Vec<String> = self.clients.keys().cloned().collect();
                for who in names {
                    self.with_driver(&who, |driver, server| driver.on_shutdown(reason, server))?;
                }
                self.settle()
            }
            Action::Load(load) => {
                self.nothing_left()?;
                self.server.broker.load.set(*load);
                Ok(())
            }
            Action::Quiesce { code, server_reference } => {
                self.nothing_left()?;
                let reason = ReasonCode::from_u8(*code).ok_or("no such code")?;
                let farewell = Farewell { reason, server_reference: server_reference.clone() };
                self.server.with_broker(|broker, _, _| broker.quiesce(farewell));
                self.settle()
            }
            Action::Wills { published } => {
                self.nothing_left()?;
                self.server.with_broker(|broker, now, wakes| match published {
                    true => broker.publish_wills(now, wakes),
                    false => broker.drop_wills(),
                });
                self.settle()
            }
            Action::SentOff { who, flush } => {
                self.nothing_left()?;
                self.note(&format!("{who} sent-off"));
                let slot = self.server.broker.sessions.get(who).ok_or_else(|| format!("{who} has no session"))?;
                self.server.with_broker(|broker, now, wakes| broker.send_off(&slot, *flush, now, wakes));
                self.settle()
            }
            Action::Publish(packet) => {
                self.nothing_left()?;
                let message = message(packet, self.server.now)?;
                self.server.with_broker(|broker, _, wakes| broker.publish(&message, wakes));
                self.settle()
            }
        }
    }

    /// One of several packets of one line: what they bring is expected after the last.
    fn act_at_once(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::Send { who, what, held } => self.send(who, what, *held),
            _ => Ok(()),
        }
    }

    fn client(&mut self, who: &str) -> Result<&mut Client, String> {
        self.clients.get_mut(who).ok_or_else(|| format!("{who} never opened a connection"))
    }

    fn client_or_new(&mut self, who: &str) -> Result<&mut Client, String> {
        if self.clients.get(who).is_none_or(|client| client.over) {
            let client = Client::new(Driver::new(&self.server), self.version);
            self.clients.insert(who.into(), client);
        }
        self.client(who)
    }

    fn with_driver(&mut self, who: &str, act: impl FnOnce(&mut Driver, &mut Server)) -> Result<(), String> {
        let client = self.clients.get_mut(who).ok_or_else(|| format!("{who} never opened a connection"))?;
        act(&mut client.driver, &mut self.server);
        Ok(())
    }

    fn send(&mut self, who: &str, what: &Sending, held: bool) -> Result<(), String> {
        let variables = self.variables.clone();
        let client = self.client_or_new(who)?;
        let (bytes, shown) = match what {
            Sending::Packet(packet) => {
                let mut packet = packet.clone();
                packet.resolve(&variables)?;
                client.learn(&packet)?;
                (encode(&packet, client.version)?, packet.to_string())
            }
            Sending::Bytes(bytes) => {
                client.learn_bytes(bytes);
                let shown: Vec<String> = bytes.iter().take(64).map(|byte| format!("{byte:02x}")).collect();
                (bytes.clone(), shown.join(" "))
            }
        };
        client.held.extend(bytes);
        self.note(&format!("{who}> {shown}"));
        if held {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.client(who)?.held);
        for piece in pieces(&bytes, self.server.reads) {
            self.with_driver(who, |driver, server| driver.on_bytes(piece, server))?;
            self.settle()?;
        }
        Ok(())
    }

    /// Lets everybody who was woken run, then reads what the clients got.
    fn settle(&mut self) -> Result<(), String> {
        for _ in 0..1000 {
            let run = |client: &mut Client| client.driver.run(&mut self.server);
            // Not `any`: each is to run once before the first runs again.
            if self.clients.values_mut().map(run).filter(|ran| *ran).count() == 0 {
                return self.receive();
            }
        }
        Err("connections wake each other without end".into())
    }

    fn receive(&mut self) -> Result<(), String> {
        let mut notes = Vec::new();
        for (who, client) in &mut self.clients {
            notes.extend(client.read(who)?);
        }
        notes.iter().for_each(|note| self.note(note));
        Ok(())
    }

    fn wait(&mut self, duration: Duration) -> Result<(), String> {
        let end = self.server.now + duration;
        self.note(&format!("wait {duration:?}"));
        for _ in 0..100_000 {
            let sweep = self.server.with_broker(|broker, now, wakes| broker.sweep(now, wakes));
            self.settle()?;
            let next = self.clients.values().map(|client| client.driver.deadline()).fold(sweep, Ord::min);
            if next > end {
                self.server.now = end;
                self.server.with_broker(|broker, now, wakes| broker.sweep(now, wakes));
                return self.settle();
            }
            self.server.now = self.server.now.max(next);
            for client in self.clients.values_mut() {
                client.driver.on_time(&mut self.server);
            }
            self.settle()?;
        }
        Err("deadlines pass without end".into())
    }

    fn expect(&mut self, who: &str, expected: &Packet) -> Result<(), String> {
        let client = self.clients.get_mut(who).ok_or_else(|| format!("{who} never opened a connection"))?;
        let Some(got) = client.received.front() else {
            return Err(format!("expected  {expected}\n  got       nothing"));
        };
        if !expected.accepts(got, &mut self.variables) {
            return Err(format!("expected  {expected}\n  got       {got}"));
        }
        client.received.pop_front();
        Ok(())
    }

    /// Each line takes one packet of its client; together they take the first ones, in any order.
    fn expect_unordered(&mut self, steps: &[Step]) -> Result<(), String> {
        let mut wanted: BTreeMap<&str, usize> = BTreeMap::new();
        let lines = steps.iter().filter_map(|step| match &step.action {
            Action::Expect { who, packet, .. } => Some((&**who, packet)),
            _ => None,
        });
        lines.clone().for_each(|(who, _)| *wanted.entry(who).or_default() += 1);
        for (who, expected) in lines {
            let client = self.clients.get_mut(who).ok_or_else(|| format!("{who} never opened a connection"))?;
            let left = wanted.get_mut(who).map_or(0, |left| std::mem::replace(left, left.saturating_sub(1)));
            let mut candidates = client.received.iter().take(left);
            let Some(at) = candidates.position(|got| expected.accepts(got, &mut self.variables)) else {
                let got: Vec<String> = client.received.iter().take(left).map(ToString::to_string).collect();
                return Err(format!("expected  {expected}\n  among     {}", got.join("\n            ")));
            };
            client.received.remove(at);
        }
        Ok(())
    }

    fn expect_closed(&mut self, who: &str, code: Option<u8>) -> Result<(), String> {
        let client = self.client(who)?;
        client.nothing_left(who)?;
        let Some(close) = client.driver.closed else { return Err(format!("{who} is still open")) };
        if !client.driver.written.is_empty() {
            return Err(format!("{who} got part of a packet: {:02x?}", client.driver.written));
        }
        client.over = true;
        match code {
            Some(code) if code != close.reason as u8 => {
                Err(format!("expected  {who} closed {code:02x}\n  got       {} ({})", close.reason, close.what))
            }
            _ => Ok(()),
        }
    }

    /// Whatever a client got stands in a line before time goes on.
    fn nothing_left(&self) -> Result<(), String> {
        for (who, client) in &self.clients {
            client.nothing_left(who)?;
            if let (Some(close), false) = (client.driver.closed, client.over) {
                return Err(format!("no line expects that {who} was closed: {} ({})", close.reason, close.what));
            }
        }
        Ok(())
    }

    fn expect_counter(&self, name: &str, value: u64) -> Result<(), String> {
        let counter = Counter::ALL.iter().find(|counter| counter.name() == name);
        let got = self.server.broker.counters.get(*counter.ok_or_else(|| format!("no counter is called {name}"))?);
        if got == value { Ok(()) } else { Err(format!("expected  {name} = {value}\n  got       {got}")) }
    }

    fn expect_total(&self, name: &str, value: usize) -> Result<(), String> {
        let broker = &self.server.broker;
        let got = match name {
            "sessions" => broker.sessions.len(),
            "subscriptions" => broker.index.len(),
            "retained" => broker.retained.len(),
            "retained_bytes" => broker.retained.bytes(),
            "queued_bytes" => broker.budget().used(),
            _ => return Err(format!("no total is called {name}")),
        };
        if got == value { Ok(()) } else { Err(format!("expected  {name} = {value}\n  got       {got}")) }
    }
}

/// How the bytes of one line arrive.
fn pieces(bytes: &[u8], reads: Reads) -> Vec<&[u8]> {
    const EDGE: usize = 2048;
    match reads {
        Reads::Whole => vec![bytes],
        Reads::Single if bytes.len() <= 2 * EDGE => bytes.chunks(1).collect(),
        Reads::Single => {
            let (head, rest) = bytes.split_at(EDGE);
            let (middle, tail) = rest.split_at(rest.len() - EDGE);
            head.chunks(1).chain(middle.chunks(1009)).chain(tail.chunks(1)).collect()
        }
    }
}
