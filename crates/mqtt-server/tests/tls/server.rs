//! A server that gives back the first line of each connection and the next ones until the client leaves, and tells how handshakes ended.

use mqtt_server::endpoint::TlsSettings;
use mqtt_server::tls::{Acceptor, ClientCertificate, Loaded, Tickets, load};
use rustls::HandshakeKind;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// Long enough for a busy machine; no test waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct EchoServer {
    pub address: SocketAddr,
    acceptor: Arc<Acceptor>,
    tickets: Tickets,
    outcomes: mpsc::Receiver<Outcome>,
    _runtime: Runtime,
}

/// How a handshake ended.
#[derive(Debug)]
pub struct Outcome {
    pub result: Result<Session, String>,
}

#[derive(Debug)]
pub struct Session {
    pub resumed: bool,
    pub client: Option<ClientCertificate>,
}

impl EchoServer {
    pub fn start(settings: &TlsSettings, alpn: &[&[u8]]) -> EchoServer {
        let tickets = Tickets::new().unwrap();
        let acceptor = Arc::new(Acceptor::new(load(settings, alpn, &tickets).unwrap().config));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, outcomes) = mpsc::channel();
        runtime.spawn(serve(listener, acceptor.clone(), sender));
        EchoServer { address, acceptor, tickets, outcomes, _runtime: runtime }
    }

    /// Loads `settings` and has them in force.
    pub fn replace(&self, settings: &TlsSettings) -> Loaded {
        let loaded = load(settings, &[], &self.tickets).unwrap();
        self.acceptor.replace(loaded.config.clone());
        loaded
    }

    /// How the next handshake ended.
    pub fn outcome(&self) -> Result<Session, String> {
        self.outcomes.recv_timeout(PATIENCE).unwrap().result
    }
}

async fn serve(listener: TcpListener, acceptor: Arc<Acceptor>, outcomes: mpsc::Sender<Outcome>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(echo(stream, acceptor.clone(), outcomes.clone()));
    }
}

async fn echo(stream: TcpStream, acceptor: Arc<Acceptor>, outcomes: mpsc::Sender<Outcome>) {
    let stream = match acceptor.accept(stream).await {
        Ok(stream) => stream,
        Err(error) => return outcomes.send(Outcome { result: Err(error.to_string()) }).unwrap(),
    };
    let connection = stream.get_ref().1;
    let resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
    let client = connection.peer_certificates().and_then(ClientCertificate::of);
    outcomes.send(Outcome { result: Ok(Session { resumed, client }) }).unwrap();
    let (reader, mut writer) = tokio::io::split(stream);
    let mut lines = BufReader::new(reader).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if writer.write_all(format!("echo {line}\n").as_bytes()).await.is_err() || line == "bye" {
            break;
        }
    }
    let _ = writer.shutdown().await;
}
