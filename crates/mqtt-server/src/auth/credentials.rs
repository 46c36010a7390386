//! What a server keeps of a password for SCRAM-SHA-256, and for whom (RFC 5802 section 3, RFC 7677).
//!
//! Guarantees: [`ScramCredentials`] let a server check a password and prove that it knows them, but the password cannot
//! be read from them; keys are compared in constant time and not shown by `Debug`. A user who does not exist gets
//! credentials that look like anybody's and that no password fits.
//!
//! Names and passwords are prepared with SASLprep (RFC 4013). Characters newer than Unicode 3.2, emoji among them, are
//! prohibited by it and refused when credentials are made.
//!
//! Left out: reading files of users, removing one (make a new [`ScramUsers`]), and wiping keys from memory.
//!
//! The text form is the one PostgreSQL keeps in `pg_authid`, base64 with padding:
//!
//! ```text
//! SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>
//! ```

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::io;
use std::str::FromStr;
use subtle::ConstantTimeEq;

const SCHEME: &str = "SCRAM-SHA-256";
const NEW_SALT_LENGTH: usize = 16;
/// Others use 12 to 32 bytes; the salt travels to the client in every exchange.
const MAXIMUM_SALT_LENGTH: usize = 2 * KEY_LENGTH;
const KEY_LENGTH: usize = 32;

/// An output of SHA-256.
pub(super) type Key = [u8; KEY_LENGTH];

/// How often PBKDF2 hashes a password: the price of guessing one, which client and server pay as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Iterations(u32);

impl Iterations {
    /// The least that RFC 7677 section 4 allows.
    pub const MINIMUM: u32 = 4_096;
    /// Bounds what one list of users makes clients pay at every connect, and the server for every plain password.
    pub const MAXIMUM: u32 = 100_000;

    /// `None` outside [`MINIMUM`](Self::MINIMUM) to [`MAXIMUM`](Self::MAXIMUM).
    pub const fn new(count: u32) -> Option<Iterations> {
        match count {
            Self::MINIMUM..=Self::MAXIMUM => Some(Iterations(count)),
            _ => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Default for Iterations {
    /// 15,000, the rule of thumb of RFC 7677 section 4. More would be paid by devices on batteries at every connect.
    fn default() -> Iterations {
        Iterations(15_000)
    }
}

/// What is kept of one password.
#[derive(Clone)]
pub struct ScramCredentials {
    salt: Box<[u8]>,
    iterations: Iterations,
    stored_key: Key,
    server_key: Key,
}

/// Why no credentials were made of a password.
#[derive(Debug)]
pub enum PasswordError {
    /// It is empty or has a character that SASLprep prohibits: choose another.
    Unusable,
    /// The operating system gave no random salt.
    Random(io::Error),
}

/// Which part of the text form is wrong. The text is not repeated, since it is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Not `SCRAM-SHA-256$..:..$..:..`.
    Form,
    /// No number, or outside the range of [`Iterations`].
    Iterations,
    /// Not base64, empty or longer than 64 bytes.
    Salt,
    /// Not base64 of 32 bytes.
    Key,
}

impl ScramCredentials {
    /// Makes credentials with a random salt. Takes milliseconds of computing.
    pub fn from_password(password: &str, iterations: Iterations) -> Result<ScramCredentials, PasswordError> {
        let password = prepare(password).ok_or(PasswordError::Unusable)?;
        let mut salt = [0; NEW_SALT_LENGTH];
        getrandom::fill(&mut salt).map_err(|error| PasswordError::Random(error.into()))?;
        Ok(ScramCredentials::derive(&password, &salt, iterations))
    }

    /// Whether these were made from this password. Takes milliseconds of computing, whatever the answer.
    pub fn verify_password(&self, password: &str) -> bool {
        let prepared = prepare(password);
        let made = ScramCredentials::derive(prepared.as_deref().unwrap_or_default(), &self.salt, self.iterations);
        prepared.is_some() && made.stored_key.ct_eq(&self.stored_key).into()
    }

    /// Whether the client that sent `proof` for `auth_message` knows the client key (RFC 5802 section 3).
    pub(super) fn verify_proof(&self, auth_message: &str, proof: &Key) -> bool {
        let mut client_key = hmac(&self.stored_key, &[auth_message.as_bytes()]);
        client_key.iter_mut().zip(proof).for_each(|(byte, mask)| *byte ^= mask);
        hash(&client_key).ct_eq(&self.stored_key).into()
    }

    /// The server's proof that it knows these credentials.
    pub(super) fn server_signature(&self, auth_message: &str) -> Key {
        hmac(&self.server_key, &[auth_message.as_bytes()])
    }

    pub(super) fn salt(&self) -> &[u8] {
        &self.salt
    }

    pub(super) fn iterations(&self) -> Iterations {
        self.iterations
    }

    fn derive(prepared: &str, salt: &[u8], iterations: Iterations) -> ScramCredentials {
        let salted: Key = pbkdf2::pbkdf2_hmac_array::<Sha256, KEY_LENGTH>(prepared.as_bytes(), salt, iterations.get());
        ScramCredentials {
            salt: salt.into(),
            iterations,
            stored_key: hash(&hmac(&salted, &[b"Client Key"])),
            server_key: hmac(&salted, &[b"Server Key"]),
        }
    }
}

impl FromStr for ScramCredentials {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<ScramCredentials, ParseError> {
        let rest = text.strip_prefix(SCHEME).and_then(|rest| rest.strip_prefix('$')).ok_or(ParseError::Form)?;
        let (cost, keys) = rest.split_once('$').ok_or(ParseError::Form)?;
        let (iterations, salt) = cost.split_once(':').ok_or(ParseError::Form)?;
        let (stored_key, server_key) = keys.split_once(':').ok_or(ParseError::Form)?;
        let salt = BASE64_STANDARD.decode(salt).map_err(|_| ParseError::Salt)?;
        if salt.is_empty() || salt.len() > MAXIMUM_SALT_LENGTH {
            return Err(ParseError::Salt);
        }
        Ok(ScramCredentials {
            salt: salt.into(),
            iterations: iterations.parse().ok().and_then(Iterations::new).ok_or(ParseError::Iterations)?,
            stored_key: key_from_base64(stored_key).ok_or(ParseError::Key)?,
            server_key: key_from_base64(server_key).ok_or(ParseError::Key)?,
        })
    }
}

impl fmt::Display for ScramCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [salt, stored_key, server_key] =
            [&*self.salt, &self.stored_key, &self.server_key].map(|bytes| BASE64_STANDARD.encode(bytes));
        write!(f, "{SCHEME}${}:{salt}${stored_key}:{server_key}", self.iterations.get())
    }
}

impl fmt::Debug for ScramCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramCredentials").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PasswordError::Unusable => f.write_str("the password is empty or has a character that SASLprep prohibits"),
            PasswordError::Random(error) => write!(f, "the operating system gave no random salt: {error}"),
        }
    }
}

impl std::error::Error for PasswordError {}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::Form => f.write_str("not SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>"),
            ParseError::Iterations => {
                write!(f, "the iterations are no number from {} to {}", Iterations::MINIMUM, Iterations::MAXIMUM)
            }
            ParseError::Salt => write!(f, "the salt is not base64 of 1 to {MAXIMUM_SALT_LENGTH} bytes"),
            ParseError::Key => write!(f, "StoredKey or ServerKey is not base64 of {KEY_LENGTH} bytes"),
        }
    }
}

impl std::error::Error for ParseError {}

/// The users that exist, by prepared name.
#[derive(Clone, Debug, Default)]
pub struct ScramUsers {
    users: HashMap<Box<str>, ScramCredentials>,
    shapes: BTreeSet<Shape>,
}

/// What anybody may see of credentials, apart from the random bytes of the salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    iterations: Iterations,
    salt_length: usize,
}

/// A user's name is empty or has a character that SASLprep prohibits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameError;

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the user name is empty or has a character that SASLprep prohibits")
    }
}

impl std::error::Error for NameError {}

impl ScramUsers {
    /// Nobody.
    pub fn new() -> ScramUsers {
        ScramUsers::default()
    }

    /// Adds a user under the prepared form of `name`. Gives the credentials that the user had before.
    pub fn insert(&mut self, name: &str, credentials: ScramCredentials) -> Result<Option<ScramCredentials>, NameError> {
        let name = prepare(name).ok_or(NameError)?;
        self.shapes.insert(Shape { iterations: credentials.iterations, salt_length: credentials.salt.len() });
        Ok(self.users.insert(name.into(), credentials))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The credentials of a user, or made-up ones that stay the same as long as `secret` and the shapes do.
    pub(super) fn credentials(&self, prepared: &str, secret: &Key) -> ScramCredentials {
        // Made up for everybody: the time taken must not tell who exists.
        let decoy = self.decoy(prepared, secret);
        self.users.get(prepared).cloned().unwrap_or(decoy)
    }

    /// Keys drawn from a pseudorandom function: nobody knows what hashes to this stored key.
    fn decoy(&self, prepared: &str, secret: &Key) -> ScramCredentials {
        let draw = |label: &[u8]| hmac(secret, &[label, b"\0", prepared.as_bytes()]);
        let nth = draw(b"shape")[..4].iter().fold(0, |number, &byte| number << 8 | usize::from(byte));
        let shape = self.shapes.iter().nth(nth % self.shapes.len().max(1));
        let Shape { iterations, salt_length } =
            shape.copied().unwrap_or(Shape { iterations: Iterations::default(), salt_length: NEW_SALT_LENGTH });
        let mut salt = [draw(b"salt, first half"), draw(b"salt, second half")].concat();
        salt.truncate(salt_length);
        ScramCredentials {
            salt: salt.into(),
            iterations,
            stored_key: draw(b"stored key"),
            server_key: draw(b"server key"),
        }
    }
}

/// SASLprep; `None` if a character is prohibited or nothing is left.
pub(super) fn prepare(text: &str) -> Option<Cow<'_, str>> {
    stringprep::saslprep(text).ok().filter(|prepared| !prepared.is_empty())
}

pub(super) fn key_from_base64(text: &str) -> Option<Key> {
    BASE64_STANDARD.decode(text).ok()?.try_into().ok()
}

fn hmac(key: &Key, parts: &[&[u8]]) -> Key {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

fn hash(data: &[u8]) -> Key {
    Sha256::digest(data).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Of "pencil" with the salt of RFC 7677 section 3, computed with another implementation.
    const PENCIL: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

    fn cheap() -> Iterations {
        Iterations::new(Iterations::MINIMUM).unwrap()
    }

    #[test]
    fn a_known_password_gives_the_known_keys() {
        let credentials: ScramCredentials = PENCIL.parse().unwrap();
        assert_eq!(credentials.to_string(), PENCIL);
        assert_eq!(ScramCredentials::derive("pencil", credentials.salt(), cheap()).to_string(), PENCIL);
        assert!(credentials.verify_password("pencil"));
        assert!(credentials.verify_password("pen\u{ad}cil"), "SASLprep drops the soft hyphen");
        assert!(!credentials.verify_password("pencils"));
        assert!(!credentials.verify_password(""));
        assert!(!credentials.verify_password("pen\u{7}cil"));
    }

    #[test]
    fn every_salt_is_new() {
        let [one, other] = [0, 1].map(|_| ScramCredentials::from_password("p\u{e4}ss", cheap()).unwrap());
        assert_ne!(one.salt(), other.salt());
        assert!(one.verify_password("p\u{e4}ss") && one.verify_password("pa\u{308}ss"));
        assert!(one.to_string().parse::<ScramCredentials>().unwrap().verify_password("p\u{e4}ss"));
    }

    #[test]
    fn unusable_passwords_and_names_are_refused() {
        for unusable in ["", "\u{ad}", "a\0b", "a\u{7f}", "\u{1f980}"] {
            let made = ScramCredentials::from_password(unusable, cheap());
            assert!(matches!(made, Err(PasswordError::Unusable)), "{unusable:?}");
            assert_eq!(ScramUsers::new().insert(unusable, PENCIL.parse().unwrap()).err(), Some(NameError));
        }
    }

    #[test]
    fn each_part_of_the_text_form_is_checked() {
        let error = |from: &str, to: &str| PENCIL.replace(from, to).parse::<ScramCredentials>().unwrap_err();
        assert_eq!(error("SHA-256", "SHA-1"), ParseError::Form);
        assert_eq!(error(":", ";"), ParseError::Form);
        assert_eq!(error("4096", "4095"), ParseError::Iterations);
        assert_eq!(error("4096", "100001"), ParseError::Iterations);
        assert_eq!(error("4096", "-1"), ParseError::Iterations);
        assert_eq!(error("W22ZaJ0SNY7soEsUEjb6gQ==", ""), ParseError::Salt);
        assert_eq!(error("W22ZaJ0SNY7soEsUEjb6gQ==", "W22Z!"), ParseError::Salt);
        assert_eq!(error("W22ZaJ0SNY7soEsUEjb6gQ==", &"AAAA".repeat(22)), ParseError::Salt);
        assert_eq!(error("WG5d", ""), ParseError::Key);
        assert_eq!(error("l2dU=", "l2dU=:"), ParseError::Key);
    }

    #[test]
    fn a_user_who_does_not_exist_looks_like_one_who_does() {
        let mut users = ScramUsers::new();
        let secret = [7; KEY_LENGTH];
        assert_eq!(users.credentials("nobody", &secret).iterations(), Iterations::default());
        users.insert("user", PENCIL.replace("gQ==", "gQEC").parse().unwrap()).unwrap();
        assert_eq!((users.len(), users.is_empty()), (1, false));
        let decoy = users.credentials("nobody", &secret);
        assert_eq!((decoy.iterations(), decoy.salt().len()), (cheap(), 18));
        assert_eq!(decoy.to_string(), users.credentials("nobody", &secret).to_string());
        assert_ne!(decoy.salt(), users.credentials("nobody else", &secret).salt());
        assert_ne!(decoy.salt(), users.credentials("nobody", &[8; KEY_LENGTH]).salt());
        assert!(!decoy.verify_password("") && !decoy.verify_password("pencil"));
    }

    #[test]
    fn debug_output_shows_no_key() {
        let shown = format!("{:?}", PENCIL.parse::<ScramCredentials>().unwrap());
        assert_eq!(shown, "ScramCredentials { iterations: Iterations(4096), .. }");
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in ".{0,200}", tail in "[0-9:$A-Za-z+/=]{0,120}") {
            let _ = text.parse::<ScramCredentials>();
            let _ = format!("SCRAM-SHA-256${tail}").parse::<ScramCredentials>();
            let _ = prepare(&text);
        }
    }
}
