//! Who may connect: the extension point and its implementations.

mod anonymous;
mod credentials;
mod passwords;
mod scram;
#[cfg(test)]
mod suite;

pub use anonymous::Anonymous;
pub use credentials::{Iterations, NameError, ParseError, PasswordError, ScramCredentials, ScramUsers};
pub use mqtt_core::{Credentials, Verdict};
pub use passwords::{HashError, PasswordHash, Passwords, Users};
pub use scram::Scram;

use std::pin::Pin;

/// Decides about every CONNECT, and leads the exchanges of enhanced authentication (5.0, 4.12).
///
/// It is asked on a worker: what takes longer than some microseconds goes into [`Answer::Later`].
pub trait Authenticator: Send + Sync + 'static {
    /// Judges a CONNECT without Authentication Method.
    fn authenticate(&self, credentials: &Credentials<'_>) -> Answer;

    /// Begins an exchange with a CONNECT's Authentication Method, or repeats it on a connection that asks to re-authenticate. `None` refuses an
    /// unknown method with 0x8C. The first Authentication Data goes into the exchange's first step.
    fn begin(&self, method: &str, credentials: &Credentials<'_>) -> Option<Box<dyn Exchange>> {
        let _ = (method, credentials);
        None
    }
}

/// One enhanced authentication under way.
pub trait Exchange: Send {
    /// Takes the client's next Authentication Data, empty if it sent none.
    fn step(&mut self, data: &[u8]) -> Answer;
}

/// A verdict, or the promise of one.
pub enum Answer {
    /// Decided.
    Now(Verdict),
    /// Decided later. The connection waits; `Limits::connect_timeout` bounds it.
    Later(Pin<Box<dyn Future<Output = Verdict> + Send>>),
}
