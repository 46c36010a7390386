//! A broker and the clients that give it something to count.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::{
    BOUND,
    certificates::Authority,
    folder::Folder,
    program::{Program, Setting},
};

/// A running broker with MQTT, MQTT over TLS and HTTP, in which joe may connect.
pub struct Broker {
    program: Program,
    authority: PathBuf,
    _folder: Folder,
}

impl Broker {
    /// Starts it on free ports.
    pub fn start() -> Self {
        let folder = Folder::new();
        let authority = Authority::new("Servers");
        let [certificate, key] =
            authority.leaf("broker.test").write(&folder, "server").map(|path| path.display().to_string());
        let settings: [Setting; 7] = [
            ("Endpoints__http__Enabled", "true"),
            ("Endpoints__http__Url", "http://127.0.0.1:0"),
            ("Endpoints__tls__Url", "mqtts://127.0.0.1:0"),
            ("Endpoints__tls__Certificate__Path", &certificate),
            ("Endpoints__tls__Certificate__KeyPath", &key),
            ("AllowAnonymous", "false"),
            ("Users__joe__Password", "secret"),
        ];
        let program = Program::start(&folder, &[], &settings);
        let authority = folder.write("authority.pem", &authority.certificate);
        Self { program, authority, _folder: folder }
    }

    /// Where its metrics are.
    pub fn metrics(&self) -> SocketAddr {
        self.program.address("http")
    }

    /// Clients come, do all that is counted, and go: messages of every QoS for a session whose client is away and comes back, a retained one,
    /// a wrong password, a stranger that does not speak MQTT, and TLS.
    pub fn visit(&self) {
        let keeper = ["-i", "keeper", "-c", "-q", "2", "-t", "visit/#"];
        self.client("mosquitto_sub", "secret", &[&keeper[..], &["-E"]].concat(), "");
        for qos in ["0", "1", "2"] {
            self.client("mosquitto_pub", "secret", &["-V", "5", "-q", qos, "-t", "visit/topic", "-m", "hello"], "");
        }
        // One PUBLISH in 64 is timed.
        self.client("mosquitto_pub", "secret", &["-q", "0", "-t", "visit/many", "-l"], &"hello\n".repeat(300));
        self.client("mosquitto_pub", "secret", &["-r", "-t", "retained", "-m", "hello"], "");
        let got = self.client("mosquitto_sub", "secret", &[&keeper[..], &["-C", "2", "-W", "30"]].concat(), "");
        assert_eq!(got, "hello\nhello\n", "what waited for the session");
        self.client("mosquitto_pub", "wrong", &["-t", "visit/topic", "-m", "hello"], "");

        let authority = self.authority.to_string_lossy();
        let port = self.program.port("mqtts");
        self.client("mosquitto_pub", "secret", &["-p", &port, "--cafile", &authority, "-t", "tls", "-m", "hello"], "");

        let mut stranger = TcpStream::connect(self.program.address("mqtt")).expect("it listens");
        stranger.set_read_timeout(Some(BOUND)).expect("not zero");
        stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("it is open");
        let closed = stranger.read(&mut [0; 16]);
        assert!(matches!(closed, Ok(0) | Err(_)), "a stranger gets no answer");
    }

    /// Runs a client to its end and gives what it printed; a later option overrides an earlier one. A refused login is no failure here.
    fn client(&self, program: &str, password: &str, arguments: &[&str], input: &str) -> String {
        let mut command = Command::new(program);
        command.args(["-h", "localhost", "-p", &self.program.port("mqtt"), "-u", "joe", "-P", password]);
        let spawned =
            command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{program}: {error}"));
        let mut stdin = child.stdin.take().expect("it was piped");
        stdin.write_all(input.as_bytes()).expect("it reads what it is given");
        drop(stdin);
        let output = child.wait_with_output().expect("a child can be waited for");
        assert_eq!(output.status.success(), password == "secret", "{program} {arguments:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
