//! Scripts as they are written: one file holds several, each a name, settings and steps. See `README.md` beside this file for the language.

use crate::authenticator::Authenticator;
use crate::packet::Packet;
use crate::version::Version;
use crate::words::{Word, hex, raw, words};
use mqtt_core::{Limits, Load};
use std::time::Duration;

/// One script.
pub struct Script {
    pub name: String,
    /// From the root of the workspace.
    pub file: String,
    /// The line of the name.
    pub line: usize,
    pub settings: Settings,
    pub steps: Vec<Step>,
}

/// What holds during a whole script.
#[derive(Clone)]
pub struct Settings {
    pub limits: Limits,
    pub authenticator: Authenticator,
    /// What a CONNECT without version word speaks.
    pub version: Version,
    /// The script is to fail with a message that holds this text: it tests the runner.
    pub fails: Option<String>,
}

/// One line.
pub struct Step {
    pub line: usize,
    pub text: String,
    pub action: Action,
}

impl Step {
    /// Whether a client sends something.
    pub fn is_send(&self) -> bool {
        matches!(self.action, Action::Send { .. })
    }
}

/// What a line does.
#[derive(Clone)]
pub enum Action {
    /// `a> PACKET`; with `a>>` it goes together with what `a` sends next.
    Send { who: String, what: Sending, held: bool },
    /// `a< PACKET`; with `a<~` in any order among adjacent lines of that kind.
    Expect { who: String, packet: Packet, unordered: bool },
    /// `a< nothing`.
    Nothing { who: String },
    /// `a closed [CODE]`: the server closed, for that reason.
    Closed { who: String, code: Option<u8> },
    /// `a open`: the connection is up.
    Open { who: String },
    /// `a lost`: the socket is gone without DISCONNECT.
    Lost { who: String },
    /// `a opens`: a connection that says nothing yet.
    Opens { who: String },
    /// `a speaks VERSION`: how to read the answers to bytes.
    Speaks { who: String, version: Version },
    /// `a decided`: an authenticator that is `later` answers.
    Decided { who: String },
    /// `a stalls`: its socket takes no more; `a flows`: it does again.
    Stall { who: String, stalled: bool },
    /// `wait DURATION`.
    Wait(Duration),
    /// `counter NAME = N`.
    Counter { name: String, value: u64 },
    /// `total sessions|subscriptions|retained = N`.
    Total { name: String, value: usize },
    /// `shutdown CODE`.
    Shutdown { code: u8 },
    /// `load STEP`: overload protection.
    Load(Load),
    /// `quiesce CODE [SERVER-REFERENCE]`: no CONNECT and no PUBLISH is taken from now on.
    Quiesce { code: u8, server_reference: Option<String> },
    /// `wills published`, `wills dropped`: what becomes of all wills.
    Wills { published: bool },
    /// `a sent-off DURATION`: the connection ends once the client has what waits for it, or after the time.
    SentOff { who: String, flush: Duration },
    /// `broker> PUBLISH ...`: a message of the broker's own.
    Publish(Packet),
}

/// What a client sends.
#[derive(Clone)]
pub enum Sending {
    Packet(Packet),
    Bytes(Vec<u8>),
}

/// A script in its file, not yet read: its name is enough for a list of tests.
pub struct Source {
    pub name: String,
    /// From the root of the workspace.
    file: String,
    /// The line of the name.
    line: usize,
    lines: Vec<String>,
    version: Version,
}

/// The scripts of a file.
pub fn sources(file: &str, text: &str, version: Version) -> Result<Vec<Source>, String> {
    let mut sources: Vec<Source> = Vec::new();
    for (at, line) in text.lines().map(str::trim).enumerate() {
        if let Some(title) = line.strip_prefix("== ") {
            let name = title.split('[').next().unwrap_or(title).trim().to_string();
            if sources.iter().any(|source| source.name == name) {
                return Err(format!("{file}:{}: a second script of this name: {name}", at + 1));
            }
            sources.push(Source { name, file: file.into(), line: at + 1, lines: Vec::new(), version });
        } else if let Some(source) = sources.last_mut() {
            source.lines.push(line.into());
        } else if !line.is_empty() && !line.starts_with('#') {
            return Err(format!("{file}:{}: a line before the first script", at + 1));
        }
    }
    Ok(sources)
}

impl Source {
    /// Reads the script.
    pub fn read(&self) -> Result<Script, String> {
        let settings = Settings {
            limits: Limits::default(),
            authenticator: Authenticator::default(),
            version: self.version,
            fails: None,
        };
        let (name, file) = (self.name.clone(), self.file.clone());
        let mut script = Script { name, file, line: self.line, settings, steps: Vec::new() };
        for (at, line) in self.lines.iter().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let number = self.line + 1 + at;
            let read = repeated(line)
                .and_then(|lines| lines.iter().try_for_each(|line| parse_line(&mut script, number, line)));
            read.map_err(|error| format!("{}:{number}: {error}\n    {line}", self.file))?;
        }
        Ok(script)
    }
}

/// `LINE for A..B` stands for the line with `%n` being A to B.
fn repeated(line: &str) -> Result<Vec<String>, String> {
    let found = line.rsplit_once(" for ").and_then(|(line, range)| Some((line, range.split_once("..")?)));
    let Some((line, (first, last))) = found else { return Ok(vec![line.into()]) };
    let number = |text: &str| text.trim().parse::<u32>().map_err(|_| format!("{text:?} is no number"));
    Ok((number(first)?..=number(last)?).map(|n| line.replace("%n", &n.to_string())).collect())
}

fn parse_line(script: &mut Script, line: usize, text: &str) -> Result<(), String> {
    let (head, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim();
    match head {
        "limits" => return words(rest)?.into_iter().try_for_each(|word| set_limit(&mut script.settings.limits, word)),
        "auth" => return script.settings.authenticator.configure(words(rest)?),
        "fails" => {
            script.settings.fails = Some(rest.into());
            return Ok(());
        }
        _ => {}
    }
    let actions = match head {
        "wait" => vec![Action::Wait(duration(rest)?)],
        "counter" => {
            let (name, value) = equation(rest)?;
            vec![Action::Counter { name, value }]
        }
        "total" => {
            let (name, value) = equation(rest)?;
            vec![Action::Total { name, value: value as usize }]
        }
        "shutdown" => vec![Action::Shutdown { code: hex(rest)? }],
        "load" => {
            let step = Load::ALL.into_iter().find(|step| step.name() == rest);
            vec![Action::Load(step.ok_or_else(|| format!("no step of overload protection: {rest}"))?)]
        }
        "quiesce" => {
            let (code, reference) = rest.split_once(' ').unwrap_or((rest, ""));
            let server_reference = Some(reference.to_owned()).filter(|reference| !reference.is_empty());
            vec![Action::Quiesce { code: hex(code)?, server_reference }]
        }
        "wills" => vec![Action::Wills { published: rest == "published" }],
        "broker>" => vec![Action::Publish(Packet::parse(rest)?)],
        _ => client_line(head, rest)?,
    };
    script.steps.extend(actions.into_iter().map(|action| Step { line, text: text.into(), action }));
    Ok(())
}

fn client_line(head: &str, rest: &str) -> Result<Vec<Action>, String> {
    let arrow = head.find(['<', '>']).unwrap_or(head.len());
    let (who, arrow) = (head[..arrow].to_string(), &head[arrow..]);
    Ok(vec![match arrow {
        ">" | ">>" => Action::Send { who, what: sending(rest)?, held: arrow == ">>" },
        "<" if rest == "nothing" => Action::Nothing { who },
        "<" | "<~" => Action::Expect { who, packet: Packet::parse(rest)?, unordered: arrow == "<~" },
        "" => return event(who, rest),
        _ => return Err(format!("no arrow is {arrow}")),
    }])
}

fn sending(rest: &str) -> Result<Sending, String> {
    if let Some(bytes) = rest.strip_prefix("hex ") {
        return Ok(Sending::Bytes(raw(bytes)?));
    }
    if let Some(bytes) = rest.strip_prefix("frame ") {
        let bytes = raw(bytes)?;
        let (&first, body) = bytes.split_first().ok_or("a frame has a first byte")?;
        return Ok(Sending::Bytes(crate::encode::frame(first, body)?));
    }
    Packet::parse(rest).map(Sending::Packet)
}

fn event(who: String, rest: &str) -> Result<Vec<Action>, String> {
    let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    Ok(match verb {
        "closed" if rest.is_empty() => vec![Action::Closed { who, code: None }],
        "closed" => vec![Action::Closed { who, code: Some(hex(rest)?) }],
        "open" => vec![Action::Open { who }],
        "lost" => vec![Action::Lost { who }],
        "opens" => vec![Action::Opens { who }],
        "stalls" | "flows" => vec![Action::Stall { who, stalled: verb == "stalls" }],
        "sent-off" => vec![Action::SentOff { who, flush: duration(rest)? }],
        "decided" => vec![Action::Decided { who }],
        "speaks" => {
            let version = Version::parse(rest).ok_or("no such version")?;
            vec![Action::Speaks { who, version }]
        }
        "connects" => connects(who, "clean ", rest, "")?,
        "returns" => connects(who, "", rest, "")?,
        "resumes" => connects(who, "", rest, "present ")?,
        "subscribes" => subscribes(who, rest)?,
        "leaves" => {
            let what = Sending::Packet(Packet::parse(format!("DISCONNECT {rest}").trim())?);
            let send = Action::Send { who: who.clone(), what, held: false };
            vec![send, Action::Closed { who, code: None }]
        }
        _ => return Err(format!("{who} does not know how to {verb:?}")),
    })
}

/// `a connects ...`: CONNECT with Clean Start, answered by CONNACK 00. `returns` is without Clean Start, `resumes` also finds a session.
fn connects(who: String, clean: &str, rest: &str, present: &str) -> Result<Vec<Action>, String> {
    let has_id = words(rest)?.iter().any(|word| word.key.as_deref() == Some("id"));
    let id = if has_id { String::new() } else { format!("id={who} ") };
    let connect = Packet::parse(format!("CONNECT {id}{clean}{rest}").trim())?;
    let connack = Packet::parse(&format!("CONNACK {present}..."))?;
    Ok(vec![
        Action::Send { who: who.clone(), what: Sending::Packet(connect), held: false },
        Action::Expect { who, packet: connack, unordered: false },
    ])
}

/// `a subscribes FILTER OPTION... FILTER OPTION...`: SUBSCRIBE with identifier 65000, answered by SUBACK with the QoS asked for.
fn subscribes(who: String, rest: &str) -> Result<Vec<Action>, String> {
    let subscribe = Packet::parse(&format!("SUBSCRIBE 65000 {rest}"))?;
    let mut suback = Packet::parse("SUBACK 65000")?;
    let mut granted = Vec::new();
    for field in &subscribe.fields {
        match &*field.name {
            "filter" => granted.push(b'0'),
            "qos" => *granted.last_mut().ok_or("an option before the filter")? = field.value[0],
            _ => {}
        }
    }
    granted.iter().for_each(|&digit| suback.push("code", [b'0', digit]));
    Ok(vec![
        Action::Send { who: who.clone(), what: Sending::Packet(subscribe), held: false },
        Action::Expect { who, packet: suback, unordered: false },
    ])
}

fn equation(text: &str) -> Result<(String, u64), String> {
    let (name, value) = text.split_once('=').ok_or("NAME = NUMBER")?;
    Ok((name.trim().into(), value.trim().parse().map_err(|_| format!("{value:?} is no number"))?))
}

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(char::is_alphabetic);
    let number: u64 = digits.parse().map_err(|_| format!("{text:?} is no duration"))?;
    Ok(match &text[digits.len()..] {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number * 60),
        "h" => Duration::from_secs(number * 3600),
        "d" => Duration::from_secs(number * 24 * 3600),
        unit => return Err(format!("{unit:?} is no unit of time")),
    })
}

fn set_limit(limits: &mut Limits, word: Word) -> Result<(), String> {
    let name = word.key.ok_or("limits are NAME=VALUE")?;
    let value = String::from_utf8_lossy(&word.value).into_owned();
    let number = || value.parse::<u64>().map_err(|_| format!("{name}={value} is no number"));
    match &*name {
        "sessions" => limits.sessions = number()? as usize,
        "connect_timeout" => limits.connect_timeout = duration(&value)?,
        "connect_packet_size" => limits.connect_packet_size = number()? as usize,
        "packet_size" => limits.packet_size = number()? as usize,
        "packet_size_v5" => limits.packet_size_v5 = Some(number()? as usize),
        "client_id_length" => limits.client_id_length = number()? as usize,
        "topic_length" => limits.topic_length = number()? as usize,
        "topic_levels" => limits.topic_levels = number()? as usize,
        "subscriptions" => limits.subscriptions = number()? as usize,
        "subscription_bytes" => limits.subscription_bytes = number()? as usize,
        "inbox_messages" => limits.inbox_messages = number()? as usize,
        "inbox_bytes" => limits.inbox_bytes = number()? as usize,
        "queued_bytes" => limits.queued_bytes = number()? as usize,
        "in_flight" => limits.in_flight = number()? as u16,
        "in_flight_v5" => limits.in_flight_v5 = Some(number()? as u16),
        "receive_maximum" => limits.receive_maximum = number()? as u16,
        "topic_alias_maximum" => limits.topic_alias_maximum = number()? as u16,
        "topic_aliases_sent" => limits.topic_aliases_sent = number()? as u16,
        "topic_alias_length" => limits.topic_alias_length = number()? as u16,
        "retained_messages" => limits.retained_messages = number()? as usize,
        "retained_bytes" => limits.retained_bytes = number()? as usize,
        "session_expiry" => limits.session_expiry = number()? as u32,
        "session_expiry_v3" => limits.session_expiry_v3 = number()? as u32,
        "keep_alive" => limits.keep_alive = Some(number()? as u16),
        "route_caches" => limits.route_caches = number()? as usize,
        "route_cache" => limits.route_cache = number()? as usize,
        _ => return Err(format!("the core has no limit {name}")),
    }
    Ok(())
}
