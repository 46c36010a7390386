//! Users and their passwords, of which only hashes stay.

use super::secret::Secret;
use argon2::password_hash::{PasswordHash as Parsed, PasswordHasher, SaltString};
use argon2::{Algorithm, Argon2, Params};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

/// How hashes of other programs begin, which would otherwise be taken for plain texts.
const FOREIGN: [&str; 8] = ["$argon2", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$7$", "$scrypt$"];

/// An argon2id hash in the PHC format. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// `$argon2id$v=19$m=...,t=...,p=...$salt$hash`.
    pub fn phc(&self) -> &str {
        &self.0
    }

    /// The hash that a secret is, or that of the plain text that it is.
    ///
    /// # Errors
    /// What is allowed.
    pub fn of(user: &str, secret: &Secret) -> Result<PasswordHash, String> {
        let text = secret.expose();
        if text.starts_with("$argon2id$") {
            let parsed = Parsed::new(text).ok().filter(|hash| hash.hash.is_some() && hash.salt.is_some());
            let usable = parsed.is_some_and(|hash| Params::try_from(&hash).is_ok());
            return if usable { Ok(PasswordHash(text.to_owned())) } else { Err("a whole argon2id hash".to_owned()) };
        }
        if FOREIGN.iter().any(|start| text.starts_with(start)) {
            return Err("an argon2id hash or a plain text, not a hash of another kind".to_owned());
        }
        let argon = Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, Params::DEFAULT);
        let salt = SaltString::encode_b64(&salt(user, text)).map_err(|error| error.to_string())?;
        let hash =
            argon.hash_password(text.as_bytes(), &salt).map_err(|_| "a password that can be hashed".to_owned())?;
        Ok(PasswordHash(hash.to_string()))
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(super::error::MASK)
    }
}

/// A salt that stays the same for the same user and password until the process ends, so that a reload sees no change where there is none, and
/// that nobody outside can know.
fn salt(user: &str, password: &str) -> [u8; 16] {
    static KEYS: OnceLock<[RandomState; 2]> = OnceLock::new();
    let mut salt = [0; 16];
    for (half, key) in salt.chunks_exact_mut(8).zip(KEYS.get_or_init(Default::default)) {
        half.copy_from_slice(&key.hash_one((user, password)).to_le_bytes());
    }
    salt
}
