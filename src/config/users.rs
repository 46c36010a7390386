//! The passwords of users, of which only hashes stay.

use super::secret::Secret;
use mqtt_server::auth::PasswordHash;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

/// How hashes of other programs begin, which would otherwise be taken for plain texts.
const FOREIGN: [&str; 8] = ["$argon2", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$7$", "$scrypt$"];

/// The argon2id hash that a secret is, or that of the plain text that it is.
///
/// # Errors
/// What is allowed.
pub fn hash(user: &str, secret: &Secret) -> Result<PasswordHash, String> {
    let text = secret.expose();
    if text.starts_with("$argon2id$") {
        return PasswordHash::parse(text).map_err(|_| "a whole argon2id hash".to_owned());
    }
    if FOREIGN.iter().any(|start| text.starts_with(start)) {
        return Err("an argon2id hash or a plain text, not a hash of another kind".to_owned());
    }
    PasswordHash::with_salt(text, &salt(user, text)).map_err(|error| format!("a password that can be hashed: {error}"))
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
