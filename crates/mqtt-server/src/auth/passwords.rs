//! User names and passwords, as argon2id hashes (RFC 9106).

use super::{Answer, Authenticator, Credentials, Verdict};
use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Argon2, Params};
use mqtt_wire::ReasonCode;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// A password as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Arc<str>);

/// Why a text gives no hash. Neither shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashError {
    /// It is no whole argon2id hash in PHC format, although it should be one.
    NotAHash,
    /// It cannot be hashed now: there is too little memory, or no randomness for a salt.
    NotHashed,
}

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HashError::NotAHash => "it is no whole argon2id hash in PHC format ($argon2id$v=19$...)",
            HashError::NotHashed => "it cannot be hashed: there is too little memory or no randomness",
        })
    }
}

impl std::error::Error for HashError {}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

impl PasswordHash {
    /// An argon2id hash in PHC format as it is, any other text hashed with a random salt.
    ///
    /// # Errors
    /// The text begins with `$argon2` and is no hash: a damaged hash is not to become a password.
    pub fn of(text: &str) -> Result<PasswordHash, HashError> {
        if text.starts_with("$argon2") {
            return PasswordHash::parse(text);
        }
        let hash = Argon2::default().hash_password(text.as_bytes()).map_err(|_| HashError::NotHashed)?;
        Ok(PasswordHash(hash.to_string().into()))
    }

    /// An argon2id hash in PHC format, `$argon2id$v=19$m=...,t=...,p=...$salt$hash`.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<PasswordHash, HashError> {
        let hash = Phc::new(text).map_err(|_| HashError::NotAHash)?;
        let whole = hash.algorithm.as_str() == "argon2id" && hash.salt.is_some() && hash.hash.is_some();
        match whole && Params::try_from(&hash).is_ok() {
            true => Ok(PasswordHash(text.into())),
            false => Err(HashError::NotAHash),
        }
    }

    /// A password hashed with a salt that nobody outside can know; the same salt gives the same hash. Takes as long as a check.
    ///
    /// # Errors
    /// There is too little memory.
    pub fn with_salt(password: &str, salt: &[u8; 16]) -> Result<PasswordHash, HashError> {
        let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), salt);
        Ok(PasswordHash(hash.map_err(|_| HashError::NotHashed)?.to_string().into()))
    }

    /// Whether it is the hash of this password. Takes some ten milliseconds and 19 MiB, or what the hash says.
    pub fn matches(&self, password: &[u8]) -> bool {
        Phc::new(&self.0).is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok())
    }

    /// As text in PHC format.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Users and what is asked of who names none. Replaced as a whole while the server runs.
#[derive(Clone, Debug, Default)]
pub struct Users {
    /// Passwords by user name.
    pub passwords: HashMap<String, PasswordHash>,
    /// Whether clients without credentials may connect. `None`: only while there are no users.
    pub allow_anonymous: Option<bool>,
}

impl Users {
    /// Whether clients without credentials may connect.
    pub fn allows_anonymous(&self) -> bool {
        self.allow_anonymous.unwrap_or(self.passwords.is_empty())
    }

    /// Whether anybody may connect, whatever credentials are sent.
    pub fn is_open(&self) -> bool {
        self.passwords.is_empty() && self.allows_anonymous()
    }
}

/// Checks user names and passwords.
///
/// A hash takes some ten milliseconds and 19 MiB: checks run beside the workers, at most two at once, and unknown users take as long as known
/// ones. A password that was right once is not remembered.
#[derive(Clone)]
pub struct Passwords {
    users: Arc<RwLock<Arc<Users>>>,
    checks: Arc<Semaphore>,
}

/// Passwords checked at once: a flood of them takes 40 MB and leaves a processor to the others.
const CHECKS: usize = 2;

impl Passwords {
    /// Checks against `users`.
    pub fn new(users: Users) -> Passwords {
        Passwords { users: Arc::new(RwLock::new(Arc::new(users))), checks: Arc::new(Semaphore::new(CHECKS)) }
    }

    /// Checks against `users` from now on; connections that exist stay.
    pub fn replace(&self, users: Users) {
        *self.users.write() = Arc::new(users);
    }

    fn users(&self) -> Arc<Users> {
        self.users.read().clone()
    }
}

impl Authenticator for Passwords {
    fn authenticate(&self, credentials: &Credentials<'_>) -> Answer {
        let users = self.users();
        if users.is_open() {
            return Answer::Now(Verdict::Accept(None));
        }
        let (Some(name), Some(password)) = (credentials.user_name, credentials.password) else {
            let nobody = credentials.user_name.is_none() && credentials.password.is_none();
            return Answer::Now(match nobody && users.allows_anonymous() {
                true => Verdict::Accept(None),
                false => Verdict::Refuse(ReasonCode::NotAuthorized),
            });
        };
        let known = users.passwords.get(name);
        // Unknown users cost somebody else's check, whose result does not count.
        let Some(hash) = known.or_else(|| users.passwords.values().next()).cloned() else {
            return Answer::Now(Verdict::Refuse(ReasonCode::NotAuthorized));
        };
        let is_known = known.is_some();
        let (password, checks) = (password.to_vec(), self.checks.clone());
        Answer::Later(Box::pin(async move {
            // Dropped when the connection ends: who has gone is not checked.
            let Ok(_turn) = checks.acquire().await else { return Verdict::Refuse(ReasonCode::ServerUnavailable) };
            match spawn_blocking(move || hash.matches(&password) && is_known).await {
                Ok(true) => Verdict::Accept(None),
                Ok(false) => Verdict::Refuse(ReasonCode::BadUserNameOrPassword),
                Err(_) => Verdict::Refuse(ReasonCode::ServerUnavailable),
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(passwords: &Passwords, user_name: Option<&str>, password: Option<&[u8]>) -> Verdict {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        match passwords.authenticate(&Credentials { client_id: "c", user_name, password }) {
            Answer::Now(verdict) => verdict,
            Answer::Later(verdict) => runtime.block_on(verdict),
        }
    }

    fn users(allow_anonymous: Option<bool>) -> Users {
        let passwords = HashMap::from([("joe".to_owned(), PasswordHash::of("secret").unwrap())]);
        Users { passwords, allow_anonymous }
    }

    #[test]
    fn the_right_password_of_a_known_user_is_let_in_and_nothing_else() {
        let passwords = Passwords::new(users(None));
        let bad = Verdict::Refuse(ReasonCode::BadUserNameOrPassword);
        let nobody = Verdict::Refuse(ReasonCode::NotAuthorized);
        assert_eq!(verdict(&passwords, Some("joe"), Some(b"secret")), Verdict::Accept(None));
        assert_eq!(verdict(&passwords, Some("joe"), Some(b"Secret")), bad);
        assert_eq!(verdict(&passwords, Some("jane"), Some(b"secret")), bad);
        assert_eq!(verdict(&passwords, Some("joe"), None), nobody);
        assert_eq!(verdict(&passwords, None, Some(b"secret")), nobody);
        assert_eq!(verdict(&passwords, None, None), nobody);
    }

    #[test]
    fn anonymous_clients_are_let_in_while_there_are_no_users_or_the_key_says_so() {
        let open = Passwords::new(Users::default());
        assert_eq!(verdict(&open, None, None), Verdict::Accept(None));
        assert_eq!(verdict(&open, Some("whoever"), Some(b"x")), Verdict::Accept(None));
        let closed = Passwords::new(Users { allow_anonymous: Some(false), ..Users::default() });
        assert_eq!(verdict(&closed, None, None), Verdict::Refuse(ReasonCode::NotAuthorized));
        let both = Passwords::new(users(Some(true)));
        assert_eq!(verdict(&both, None, None), Verdict::Accept(None));
        assert_eq!(verdict(&both, Some("joe"), Some(b"?")), Verdict::Refuse(ReasonCode::BadUserNameOrPassword));
        both.replace(users(None));
        assert_eq!(verdict(&both, None, None), Verdict::Refuse(ReasonCode::NotAuthorized));
    }

    #[test]
    fn a_hash_is_taken_as_it_is_and_a_damaged_one_is_no_password() {
        let hash = PasswordHash::of("secret").unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$"));
        assert_eq!(PasswordHash::of(hash.as_str()).unwrap(), hash);
        assert_eq!(PasswordHash::of(&hash.as_str()[..40]), Err(HashError::NotAHash));
        assert_eq!(PasswordHash::of("$argon2i$v=19$m=16,t=2,p=1$c2FsdHNhbHQ$AAAA"), Err(HashError::NotAHash));
        assert_eq!(
            PasswordHash::of("$argon2id$v=19$m=7,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA"),
            Err(HashError::NotAHash)
        );
        assert_eq!(PasswordHash::parse("secret"), Err(HashError::NotAHash));
        assert_eq!(format!("{hash:?}"), "PasswordHash(..)");
    }

    #[test]
    fn the_same_salt_gives_the_same_hash() {
        let hash = PasswordHash::with_salt("secret", &[1; 16]).unwrap();
        assert_eq!(PasswordHash::with_salt("secret", &[1; 16]).unwrap(), hash);
        assert_ne!(PasswordHash::with_salt("secret", &[2; 16]).unwrap(), hash);
        assert!(hash.matches(b"secret") && !hash.matches(b"Secret"));
    }
}
