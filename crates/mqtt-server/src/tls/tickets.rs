//! Session tickets: what a client shows to resume a session without the whole handshake.
//!
//! A resumed session keeps the client certificate of its first handshake, unchecked. So a ticket is good only where the same client
//! certificates are valid: on another endpoint with other authorities, or after an authority was taken out or a certificate revoked, it
//! is refused and the client goes through a full handshake. Tickets live up to 12 hours, and as long as the process.

use super::{Fingerprint, TlsError};
use rustls::server::ProducesTickets;
use std::sync::Arc;

/// The keys of tickets. One for all endpoints, kept when certificates are loaded anew.
#[derive(Clone, Debug)]
pub struct Tickets {
    producer: Arc<dyn ProducesTickets>,
}

impl Tickets {
    /// New keys, changed every six hours.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn new() -> Result<Tickets, TlsError> {
        let producer = rustls::crypto::aws_lc_rs::Ticketer::new().map_err(TlsError::library)?;
        Ok(Tickets { producer })
    }

    /// Tickets for where `trust` decides whose certificates are valid.
    pub(crate) fn bound_to(&self, trust: Fingerprint) -> Arc<dyn ProducesTickets> {
        Arc::new(Bound { producer: self.producer.clone(), trust })
    }
}

/// Inside the encryption, a ticket begins with the 32 bytes of `trust`.
#[derive(Debug)]
struct Bound {
    producer: Arc<dyn ProducesTickets>,
    trust: Fingerprint,
}

impl ProducesTickets for Bound {
    fn enabled(&self) -> bool {
        self.producer.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.producer.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.producer.encrypt(&[self.trust.as_bytes(), plain].concat())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let bound = self.producer.decrypt(cipher)?;
        bound.strip_prefix(self.trust.as_bytes()).map(<[u8]>::to_vec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_good_only_under_the_trust_it_was_made_for() {
        let tickets = Tickets::new().unwrap();
        let ours = tickets.bound_to(Fingerprint::of(b"ours"));
        let ticket = ours.encrypt(b"state").unwrap();
        assert_eq!(ours.decrypt(&ticket).as_deref(), Some(&b"state"[..]));
        assert_eq!(tickets.bound_to(Fingerprint::of(b"ours")).decrypt(&ticket).as_deref(), Some(&b"state"[..]));
        assert_eq!(tickets.bound_to(Fingerprint::of(b"theirs")).decrypt(&ticket), None);
        assert_eq!(Tickets::new().unwrap().bound_to(Fingerprint::of(b"ours")).decrypt(&ticket), None);
        assert_eq!(ours.decrypt(b"garbage"), None);
    }
}
