//! The brokers that are compared, and how each is started.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::certificate::Certificate;
use crate::process::free_port;
use crate::workspace;

/// The version of the peer from which the bars were taken.
pub const PEER_VERSION: &str = "2.0.11";

/// What a broker is to serve.
#[derive(Debug, Clone, Copy)]
pub enum Listening<'a> {
    Tcp,
    /// Ours alone, with telemetry for a collector that is not there: nobody else's work is measured.
    Traced,
    Tls(&'a Certificate),
    WebSocket,
    /// Ours alone. TCP is served as well, on the same number of port: whether that accepts tells when the broker is there.
    Quic(&'a Certificate),
}

/// A broker to measure.
#[derive(Debug)]
pub enum Contender {
    /// Ours, built from this workspace.
    Lacewing { binary: PathBuf },
    /// The peer that everyone can install.
    Mosquitto { binary: PathBuf },
    /// Any command line in the place of ours; `{port}` stands for the port.
    Custom { words: Vec<String> },
}

impl Contender {
    /// Ours, from `cargo build --release`.
    pub fn lacewing() -> Result<Self> {
        let status = workspace::cargo()
            .args(["build", "--release", "--locked", "--package", "lacewing"])
            .status()
            .context("cargo build")?;
        if !status.success() {
            bail!("lacewing does not build");
        }
        Ok(Self::Lacewing { binary: workspace::target_dir()?.join("release/lacewing") })
    }

    /// The mosquitto of the search path.
    pub fn mosquitto() -> Result<Self> {
        match workspace::find_program("mosquitto") {
            Some(binary) => Ok(Self::Mosquitto { binary }),
            None => bail!("there is no mosquitto to compare with; run: apt-get install mosquitto"),
        }
    }

    /// Some other broker in the place of ours.
    pub fn custom(command_line: &str) -> Result<Self> {
        let words: Vec<_> = command_line.split_whitespace().map(str::to_owned).collect();
        if words.is_empty() {
            bail!("--ours needs a command");
        }
        Ok(Self::Custom { words })
    }

    /// The name in the tables.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Lacewing { .. } | Self::Custom { .. } => "lacewing",
            Self::Mosquitto { .. } => "mosquitto",
        }
    }

    /// What the broker says its version is.
    pub fn version(&self) -> String {
        let (binary, option) = match self {
            Self::Lacewing { binary } => (binary, "--version"),
            Self::Mosquitto { binary } => (binary, "-h"),
            Self::Custom { words } => return words.join(" "),
        };
        let said = Command::new(binary).arg(option).output().map(|output| output.stdout).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let words = said.lines().next().unwrap_or_default().split_whitespace();
        words.last().unwrap_or("unknown").to_owned()
    }

    /// The program and its arguments for serving `port` on loopback; files it needs go into `folder`.
    pub fn command_line(&self, listening: Listening<'_>, port: u16, folder: &Path) -> Result<Vec<String>> {
        match self {
            Self::Lacewing { binary } => {
                let arguments = lacewing_arguments(listening, port);
                Ok([vec![binary.display().to_string()], arguments].concat())
            }
            Self::Mosquitto { binary } => {
                let file = folder.join("mosquitto.conf");
                fs::write(&file, mosquitto_configuration(listening, port)?)
                    .with_context(|| format!("{}", file.display()))?;
                Ok(vec![binary.display().to_string(), "-c".into(), file.display().to_string()])
            }
            Self::Custom { words } => match listening {
                Listening::Tcp => Ok(words.iter().map(|word| word.replace("{port}", &port.to_string())).collect()),
                Listening::Traced | Listening::Tls(_) | Listening::WebSocket | Listening::Quic(_) => {
                    bail!("a command given with --ours serves TCP alone")
                }
            },
        }
    }
}

fn lacewing_arguments(listening: Listening<'_>, port: u16) -> Vec<String> {
    let address = format!("127.0.0.1:{port}");
    let settings = match listening {
        Listening::Tcp => return vec!["--listen".into(), address],
        Listening::Traced => vec![
            format!("Endpoints:mqtt:Url=tcp://{address}"),
            "Endpoints:http:Enabled=false".into(),
            "Telemetry:OtlpEndpoint=http://127.0.0.1:1".into(),
            "Telemetry:Traces:Sampler=traceidratio".into(),
            "Telemetry:Traces:Ratio=0.01".into(),
        ],
        Listening::Tls(certificate) => vec![
            format!("Endpoints:tls:Url=tcps://{address}"),
            format!("Endpoints:tls:Certificate:Path={}", certificate.file.display()),
            format!("Endpoints:tls:Certificate:KeyPath={}", certificate.key_file.display()),
            "Endpoints:mqtt:Enabled=false".into(),
            "Endpoints:http:Enabled=false".into(),
        ],
        Listening::Quic(certificate) => vec![
            format!("Endpoints:quic:Url=mqtt-quic://{address}"),
            format!("Endpoints:quic:Certificate:Path={}", certificate.file.display()),
            format!("Endpoints:quic:Certificate:KeyPath={}", certificate.key_file.display()),
            format!("Endpoints:mqtt:Url=tcp://{address}"),
            "Endpoints:http:Enabled=false".into(),
        ],
        Listening::WebSocket => {
            vec![format!("Endpoints:http:Url=http://{address}"), "Endpoints:mqtt:Enabled=false".into()]
        }
    };
    settings.into_iter().flat_map(|setting| ["--set".to_owned(), setting]).collect()
}

/// mosquitto at its fastest: nothing written, nothing dropped, every write sent at once.
fn mosquitto_configuration(listening: Listening<'_>, port: u16) -> Result<String> {
    let listener = match listening {
        Listening::Tcp => String::new(),
        Listening::Tls(certificate) => {
            format!("certfile {}\nkeyfile {}\n", certificate.file.display(), certificate.key_file.display())
        }
        // With WebSockets alone, mosquitto 2.0.11 says that it listens on nothing and ends.
        Listening::WebSocket => {
            format!("protocol websockets\nsocket_domain ipv4\nlistener {} 127.0.0.1\n", free_port()?)
        }
        Listening::Quic(_) | Listening::Traced => bail!("mosquitto has neither QUIC nor OTLP"),
    };
    Ok(format!(
        "listener {port} 127.0.0.1\n\
         {listener}\
         allow_anonymous true\n\
         persistence false\n\
         log_type none\n\
         set_tcp_nodelay true\n\
         max_inflight_messages 0\n\
         max_queued_messages 0\n\
         sys_interval 0\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_custom_command_gets_the_port() {
        let broker = Contender::custom("mosquitto -p {port}").unwrap();
        assert_eq!(broker.command_line(Listening::Tcp, 1883, Path::new("")).unwrap(), ["mosquitto", "-p", "1883"]);
        assert!(broker.command_line(Listening::WebSocket, 1883, Path::new("")).is_err());
        assert!(Contender::custom("  ").is_err());
    }

    #[test]
    fn settings_of_ours_leave_one_endpoint() {
        assert_eq!(lacewing_arguments(Listening::Tcp, 1), ["--listen", "127.0.0.1:1"]);
        assert_eq!(
            lacewing_arguments(Listening::WebSocket, 1),
            ["--set", "Endpoints:http:Url=http://127.0.0.1:1", "--set", "Endpoints:mqtt:Enabled=false"]
        );
    }

    #[test]
    fn settings_of_a_listener_follow_it_at_once() {
        let configuration = mosquitto_configuration(Listening::WebSocket, 7).unwrap();
        assert!(configuration.starts_with("listener 7 127.0.0.1\nprotocol websockets\n"), "{configuration}");
        let configuration = mosquitto_configuration(Listening::Tcp, 7).unwrap();
        assert!(configuration.starts_with("listener 7 127.0.0.1\nallow_anonymous true\n"), "{configuration}");
    }
}
