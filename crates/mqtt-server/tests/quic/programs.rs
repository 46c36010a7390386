//! Python's aioquic, with its own QUIC and TLS.

use crate::server::{BOUND, Running};
use crate::tools;
use mqtt_server::Counter;
use tokio::process::Command;
use tokio::time::timeout;

#[tokio::test]
async fn aioquic_finds_no_fault() {
    let Some(python) = tools::python("aioquic") else { return };
    let server = Running::start().await;
    let mut command = Command::new(python);
    command.arg(tools::script("aioquic_client.py")).arg(server.address.port().to_string());
    command.arg(server.certificates.authority()).kill_on_drop(true);
    let output = timeout(3 * BOUND, command.output()).await.expect("in time").unwrap();
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.trim(), "all good", "{errors}");
    server.has_connections(0).await;
    assert!(server.count(Counter::StreamsAwaited) > 0, "it has asked for more streams than there may be");
}
