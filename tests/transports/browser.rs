//! MQTT.js in a page of headless Chromium: WebSocket in clear, over TLS, and as a stream of the page's own HTTP/2 connection (RFC 8441).

use std::{path::PathBuf, process::Command};

use serde_json::{Value, json};

use crate::{client::Kind, folder::Folder, program::Program, script, script::Script, tools};

/// The browser; nothing where it or what drives it is missing, which is said.
fn browser() -> Option<Script> {
    if !tools::installed(Kind::MqttJs) {
        return None;
    }
    if !tools::node_folder().join("node_modules/playwright-core").is_dir() {
        tools::skip("no playwright-core in node_modules (LACEWING_TEST_NODE or target/test-tools/node)");
        return None;
    }
    let chromium =
        ["/usr/bin/chromium", "/usr/bin/chromium-browser"].map(PathBuf::from).into_iter().find(|path| path.exists());
    let Some(chromium) = chromium else {
        tools::skip("no chromium is installed");
        return None;
    };
    let mut command = Command::new("node");
    command.arg(script::path("browser.js")).arg(chromium).current_dir(tools::node_folder());
    Some(Script::start(command))
}

/// MQTT.js publishes to itself from the page; the status that opened its WebSocket, and whether that was an upgrade.
fn talk(browser: &mut Script, url: &str) -> (Value, Value) {
    let mut outcomes = Vec::new();
    for version in [4, 5] {
        let seen = browser.step("talk", json!({ "url": url, "version": version }));
        assert_eq!(seen["payloads"], json!([[0, 5], [1, 126], [2, 300_000]]), "{url}, MQTT {version}");
        outcomes.push((seen["status"].clone(), seen["upgrade"].clone()));
    }
    assert_eq!(outcomes[0], outcomes[1]);
    outcomes.remove(0)
}

#[test]
fn a_page_publishes_and_receives_over_every_kind_of_web_socket() {
    let Some(mut browser) = browser() else { return };
    let folder = Folder::new();
    let settings = [
        ("Endpoints__http__Enabled", "true"),
        ("Endpoints__http__Url", "http://127.0.0.1:0"),
        ("Endpoints__web__Url", "https://127.0.0.1:0"),
    ];
    let program = Program::start(&folder, &[], &settings);
    let (plain, secure) = (program.address("http"), program.address("https"));
    // The answer to an unknown path is a page as well as any.
    let page = browser.step("visit", json!({ "url": format!("http://{plain}/") }));
    assert_eq!(page["protocol"], "http/1.1");
    let upgraded = (json!(101), json!(true));
    assert_eq!(talk(&mut browser, &format!("ws://{plain}/mqtt")), upgraded);
    // No connection to that place is open: the browser makes one of HTTP/1.1 for the WebSocket.
    assert_eq!(talk(&mut browser, &format!("wss://{secure}/mqtt")), upgraded);
    let page = browser.step("visit", json!({ "url": format!("https://{secure}/") }));
    assert_eq!(page["protocol"], "h2");
    // HTTP/2 knows no upgrade: what has none was opened by an extended CONNECT, on the connection of the page.
    assert_eq!(talk(&mut browser, &format!("wss://{secure}/mqtt")), (json!(200), json!(false)));
}
