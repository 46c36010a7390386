//! What an answer's body is: bytes that are there, or text as it comes about.

use http_body_util::Full;
use hyper::body::{self, Bytes, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of an answer.
pub enum Body {
    /// All of it.
    Whole(Full<Bytes>),
    /// What comes about, as long as it does.
    Live(Box<dyn Live>),
}

/// Text that comes about while it is read.
pub trait Live: Send {
    /// The next piece; `None` after the last.
    fn poll_text(&mut self, task: &mut Context<'_>) -> Poll<Option<Bytes>>;
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Body {
        Body::Whole(Full::new(bytes.into()))
    }
}

impl body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Body>, task: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Body::Whole(whole) => Pin::new(whole).poll_frame(task),
            Body::Live(live) => live.poll_text(task).map(|text| text.map(|text| Ok(Frame::data(text)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Whole(whole) => whole.is_end_stream(),
            Body::Live(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Whole(whole) => whole.size_hint(),
            Body::Live(_) => SizeHint::default(),
        }
    }
}
