//! A client in another language, led step by step: one JSON object a line in, one answer a line out.
//!
//! Steps are `connect`, `subscribe`, `unsubscribe`, `publish`, `receive`, `closed` and `disconnect`; the scripts in
//! `scripts/` say what each takes and answers. A step that fails answers `{"error": ..}`, which ends the test.

use std::process::Command;

use serde_json::{Value, json};

use crate::{
    BOUND,
    broker::Broker,
    child::Process,
    client::{Client, Connect, Connected, Message, Version},
};

/// One client in a process of its own.
pub struct Puppet {
    process: Process,
}

impl Puppet {
    /// Starts the script.
    pub fn start(command: Command) -> Self {
        Self { process: Process::spawn(command) }
    }

    /// Starts the script, connects and subscribes.
    pub fn open(command: Command, broker: &Broker, connect: &Connect) -> Connected {
        let mut puppet = Self::start(command);
        let mut step = json!(connect);
        if connect.version == Version::V5 && !connect.clean {
            step["properties"] = json!({ "session_expiry_interval": Connect::EXPIRY });
        }
        let connack = puppet.connect(broker, step);
        assert_eq!(connack["reason"], 0, "CONNACK to {connect:?}");
        let granted = match connect.subscriptions.as_slice() {
            [] => Vec::new(),
            subscriptions => codes(&puppet.step("subscribe", json!({ "subscriptions": subscriptions }))),
        };
        Connected { client: Box::new(puppet), session_present: connack["session_present"].as_bool(), granted }
    }

    /// Connects as `step` says: `version`, `id`, `clean`, `will`, `properties`.
    pub fn connect(&mut self, broker: &Broker, mut step: Value) -> Value {
        step["host"] = json!(broker.address().ip());
        step["port"] = json!(broker.address().port());
        self.step("connect", step)
    }

    /// Carries out one step and gives its answer.
    pub fn step(&mut self, name: &str, mut arguments: Value) -> Value {
        arguments["step"] = json!(name);
        // Less than what the answer is given, so that the script can say what it waited for.
        arguments["bound"] = json!(BOUND.as_secs_f32() / 2.0);
        self.process.write_line(&arguments.to_string());
        let line = self.process.stdout_line().unwrap_or_else(|| panic!("the script ended at {name}"));
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line}"));
        assert!(answer.get("error").is_none(), "{name}: {}", answer["error"]);
        answer
    }
}

impl Client for Puppet {
    fn publish(&mut self, message: &Message) {
        self.step("publish", json!(message));
    }

    fn receive(&mut self) -> Message {
        serde_json::from_value(self.step("receive", json!({}))).expect("scripts answer with a message")
    }

    fn closed(&mut self) -> Option<u8> {
        let reason = self.step("closed", json!({}))["reason"].as_u64()?;
        Some(u8::try_from(reason).expect("a Reason Code is a byte"))
    }

    fn disconnect(mut self: Box<Self>) {
        self.step("disconnect", json!({}));
    }

    fn abort(self: Box<Self>) {
        // The process is killed and its socket closed by the system.
    }
}

/// The Reason Codes of an answer.
pub fn codes(answer: &Value) -> Vec<u8> {
    serde_json::from_value(answer["codes"].clone()).expect("scripts answer with codes")
}
