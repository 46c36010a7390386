//! What stands between a client and a server: sees first flights, keeps answers back, sends copies.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::UdpSocket;

/// A relay of UDP, for one client at a time.
pub struct Relay {
    pub address: SocketAddr,
    server: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// What the client sent since the last look.
    seen: Mutex<Vec<Vec<u8>>>,
    keeps_answers: AtomicBool,
}

impl Relay {
    pub async fn start(server: SocketAddr) -> Relay {
        let front = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (address, shared) = (front.local_addr().unwrap(), Arc::new(Shared::default()));
        tokio::spawn(pass(front, server, shared.clone()));
        Relay { address, server, shared }
    }

    /// No answer of the server comes through any more: no handshake ends.
    pub fn keep_answers(&self) {
        self.shared.keeps_answers.store(true, Ordering::Relaxed);
    }

    /// What the client has sent since the last call.
    pub fn seen(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.shared.seen.lock().unwrap())
    }

    /// Sends copies of datagrams from somewhere else.
    pub async fn copy(&self, datagrams: &[Vec<u8>]) {
        let elsewhere = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        for datagram in datagrams {
            elsewhere.send_to(datagram, self.server).await.unwrap();
        }
    }
}

async fn pass(front: UdpSocket, server: SocketAddr, shared: Arc<Shared>) {
    let back = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (mut asked, mut answered) = ([0; 2048], [0; 2048]);
    let mut client = None;
    loop {
        tokio::select! {
            got = front.recv_from(&mut asked) => {
                let Ok((length, from)) = got else { return };
                client = Some(from);
                shared.seen.lock().unwrap().push(asked[..length].to_vec());
                back.send_to(&asked[..length], server).await.unwrap();
            }
            got = back.recv(&mut answered) => {
                let Ok(length) = got else { return };
                if let Some(client) = client && !shared.keeps_answers.load(Ordering::Relaxed) {
                    front.send_to(&answered[..length], client).await.unwrap();
                }
            }
        }
    }
}
