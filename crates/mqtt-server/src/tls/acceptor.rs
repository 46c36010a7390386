//! TLS handshakes with the configuration of the moment.

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{Accept, TlsAcceptor};

/// Takes connections into TLS. The configuration can be replaced at any time: handshakes that begin afterwards see the new one,
/// connections that exist keep theirs.
#[derive(Debug)]
pub struct Acceptor {
    config: ArcSwap<ServerConfig>,
}

impl Acceptor {
    /// Accepts with `config`, as [`load`](super::load) made it.
    pub fn new(config: Arc<ServerConfig>) -> Acceptor {
        Acceptor { config: ArcSwap::new(config) }
    }

    /// Accepts with `config` from now on.
    pub fn replace(&self, config: Arc<ServerConfig>) {
        self.config.store(config);
    }

    /// What is in force.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.config.load_full()
    }

    /// The handshake as a future, which gives the stream inside or the reason of the failure: an error of the stream, or of kind
    /// `InvalidData` with a [`rustls::Error`] inside, of which the client was told by an alert. It has no time limit of its own.
    pub fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> Accept<S> {
        TlsAcceptor::from(self.config()).accept(stream)
    }
}
