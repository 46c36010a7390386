//! A byte stream, whatever carries it.

use tokio::io::{AsyncRead, AsyncWrite};

/// An ordered, loss-free byte stream in both directions [MQTT-4.2-1]. Everything that tokio can read and write will do.
pub trait Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Socket for S {}
