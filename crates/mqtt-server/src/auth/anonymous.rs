//! No authentication.

use super::{Answer, Authenticator, Credentials, Verdict};

/// Lets everybody in, whatever they say they are. Knows no Authentication Method.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anonymous;

impl Authenticator for Anonymous {
    fn authenticate(&self, _credentials: &Credentials<'_>) -> Answer {
        Answer::Now(Verdict::Accept(None))
    }
}
