//! `$SYS` as tools for mosquitto read it.

use std::process::Command;

use crate::{client::Kind, folder::Folder, probes::start, program::Program, tools};

/// What mosquitto_sub shows of `filter`, `count` messages, as topic and payload.
fn heard(program: &Program, filter: &str, count: usize) -> Vec<(String, String)> {
    let mut command = Command::new("mosquitto_sub");
    command.args(["-p", &program.port("mqtt"), "-t", filter, "-C", &count.to_string(), "-W", "25", "-F", "%t\t%p"]);
    let output = command.output().expect("it is installed");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().filter_map(|line| line.split_once('\t')).map(|(topic, value)| (topic.into(), value.into())).collect()
}

#[test]
fn mosquitto_sub_finds_the_topics_that_mosquitto_has() {
    if !tools::installed(Kind::Mosquitto) {
        return;
    }
    let folder = Folder::new();
    let program = start(&folder, &[("SysInterval", "1s")]);
    let all = heard(&program, "$SYS/#", 51);
    let value = |topic: &str| {
        let found = all.iter().find(|(found, _)| found.strip_prefix("$SYS/broker/") == Some(topic));
        found.map_or_else(|| panic!("no {topic} in {all:#?}"), |(_, value)| value.as_str())
    };
    assert!(value("version").starts_with("lacewing version "));
    assert!(value("uptime").ends_with(" seconds"));
    assert_eq!((value("clients/connected"), value("subscriptions/count")), ("1", "1"));
    for topic in
        ["load/bytes/received/1min", "load/publish/sent/15min", "publish/messages/dropped", "messages/received"]
    {
        assert!(value(topic).parse::<f64>().is_ok(), "{topic}");
    }
    assert_eq!(heard(&program, "$SYS/broker/clients/total", 1)[0].1, "1", "the first one has gone");
}

#[test]
fn it_can_be_switched_off() {
    if !tools::installed(Kind::Mosquitto) {
        return;
    }
    let folder = Folder::new();
    let program = start(&folder, &[("SysInterval", "none")]);
    let mut command = Command::new("mosquitto_sub");
    command.args(["-p", &program.port("mqtt"), "-t", "$SYS/#", "-C", "1", "-W", "3"]);
    let output = command.output().expect("it is installed");
    assert_eq!(
        (output.status.code(), output.stdout.len()),
        (Some(27), 0),
        "27 is mosquitto_sub's time-out: {output:?}"
    );
}
