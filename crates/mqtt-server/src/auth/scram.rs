//! SCRAM-SHA-256 as an Authentication Method of MQTT 5 (4.12; RFC 5802, RFC 7677), the server's side.
//!
//! ```text
//! client                                          server
//! CONNECT  n,,n=<name>,r=<client nonce>        ->
//!                                              <- AUTH     r=<both nonces>,s=<salt>,i=<iterations>
//! AUTH     c=biws,r=<both nonces>,p=<proof>    ->
//!                                              <- CONNACK  v=<server signature>
//! ```
//!
//! Guarantees: no input panics; the password never travels and both sides prove that they know it; proofs are compared in
//! constant time; a user who does not exist is asked like one who does and refused at the same step. A client that sends
//! User Name in CONNECT as well must name the same user there: that is the name permissions go by.
//!
//! Clients of any version may send User Name and Password instead, checked against the same credentials. That costs
//! thousands of hashes and is done by few threads beside the ones that serve connections.
//!
//! Left out: channel binding (`p=`, SCRAM-SHA-256-PLUS), acting for another user (authzid), and the `e=` message, since a
//! reason code says as much.

use super::credentials::{Key, ScramCredentials, ScramUsers, key_from_base64, prepare};
use super::{Answer, Authenticator, Exchange};
use base64::{Engine, prelude::BASE64_STANDARD};
use mqtt_core::{Credentials, Verdict};
use mqtt_wire::ReasonCode;
use std::io;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task;

const METHOD: &str = "SCRAM-SHA-256";
/// Names and nonces are short, and the server's answer repeats the nonce: it must fit Authentication Data.
const MAXIMUM_MESSAGE_LENGTH: usize = 4_096;
/// 144 bits, a multiple of three: base64 without padding.
const NONCE_LENGTH: usize = 18;

/// Lets in the users of a [`ScramUsers`], by SCRAM-SHA-256 or by User Name and Password.
pub struct Scram {
    users: Arc<ScramUsers>,
    /// Makes the salts of users who do not exist.
    secret: Key,
    /// How many passwords are checked at the same time.
    checks: Arc<Semaphore>,
}

impl Scram {
    /// With a random secret. Fails if the operating system gives no randomness.
    pub fn new(users: ScramUsers) -> io::Result<Scram> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        Ok(Scram::with_secret(users, secret))
    }

    /// With a secret that outlives the process or is shared by the nodes of a cluster: the salt of a user who does not
    /// exist then stays the same, as a real one would.
    pub fn with_secret(users: ScramUsers, secret: [u8; 32]) -> Scram {
        // Half of the cores, so that a wave of connects leaves the others to those who are online.
        let checks = std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2));
        Scram { users: Arc::new(users), secret, checks: Arc::new(Semaphore::new(checks)) }
    }

    fn exchange(&self, credentials: &Credentials<'_>, nonce: NonceSource) -> ScramExchange {
        ScramExchange {
            users: Arc::clone(&self.users),
            secret: self.secret,
            user_name: credentials.user_name.map(Into::into),
            nonce,
            stage: Stage::First,
        }
    }
}

impl Authenticator for Scram {
    fn authenticate(&self, credentials: &Credentials<'_>) -> Answer {
        let (Some(name), Some(password)) = (credentials.user_name, credentials.password) else {
            return Answer::Now(Verdict::Refuse(ReasonCode::NotAuthorized));
        };
        let Ok(password) = String::from_utf8(password.to_vec()) else {
            return Answer::Now(Verdict::Refuse(ReasonCode::BadUserNameOrPassword));
        };
        let stored = self.users.credentials(name, &self.secret);
        let checks = Arc::clone(&self.checks);
        Answer::Later(Box::pin(async move {
            let Ok(permit) = checks.acquire_owned().await else {
                return Verdict::Refuse(ReasonCode::ServerUnavailable);
            };
            let check = task::spawn_blocking(move || {
                let _held_even_if_the_client_is_gone = permit;
                stored.verify_password(&password)
            });
            match check.await {
                Ok(true) => Verdict::Accept(None),
                Ok(false) => Verdict::Refuse(ReasonCode::BadUserNameOrPassword),
                Err(_) => Verdict::Refuse(ReasonCode::ServerUnavailable), // the runtime is shutting down
            }
        }))
    }

    fn begin(&self, method: &str, credentials: &Credentials<'_>) -> Option<Box<dyn Exchange>> {
        (method == METHOD).then(|| Box::new(self.exchange(credentials, random_nonce)) as Box<dyn Exchange>)
    }
}

type NonceSource = fn() -> io::Result<String>;

fn random_nonce() -> io::Result<String> {
    let mut nonce = [0; NONCE_LENGTH];
    getrandom::fill(&mut nonce)?;
    Ok(BASE64_STANDARD.encode(nonce))
}

/// One authentication.
struct ScramExchange {
    users: Arc<ScramUsers>,
    secret: Key,
    /// User Name of CONNECT.
    user_name: Option<Box<str>>,
    nonce: NonceSource,
    stage: Stage,
}

/// Which message of the client is next.
enum Stage {
    First,
    Final(Box<Challenge>),
    Over,
}

/// What the server has asked.
struct Challenge {
    credentials: ScramCredentials,
    /// `c=` of the answer: base64 of the header, as no channel is bound.
    binding: String,
    /// Of both sides.
    nonce: String,
    /// client-first-message-bare "," server-first-message.
    messages: String,
}

impl Exchange for ScramExchange {
    fn step(&mut self, data: &[u8]) -> Answer {
        let verdict = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::First => self.on_first(data),
            Stage::Final(challenge) => challenge.on_final(data),
            Stage::Over => Err(ReasonCode::ProtocolError),
        };
        Answer::Now(verdict.unwrap_or_else(Verdict::Refuse))
    }
}

impl ScramExchange {
    fn on_first(&mut self, data: &[u8]) -> Result<Verdict, ReasonCode> {
        let message = ClientFirst::parse(data)?;
        let name = prepare(&message.name).ok_or(ReasonCode::NotAuthorized)?;
        let same = |other: &str| other == name;
        if message.authzid.is_some_and(|authzid| !prepare(&authzid).as_deref().is_some_and(same))
            || !self.user_name.as_deref().is_none_or(same)
        {
            return Err(ReasonCode::NotAuthorized);
        }
        let server_nonce = (self.nonce)().map_err(|_| ReasonCode::ServerUnavailable)?;
        let nonce = format!("{}{server_nonce}", message.nonce);
        let credentials = self.users.credentials(&name, &self.secret);
        let salt = BASE64_STANDARD.encode(credentials.salt());
        let server_first = format!("r={nonce},s={salt},i={}", credentials.iterations().get());
        self.stage = Stage::Final(Box::new(Challenge {
            credentials,
            binding: BASE64_STANDARD.encode(message.header),
            nonce,
            messages: format!("{},{server_first}", message.bare),
        }));
        Ok(Verdict::Continue(server_first.into_bytes()))
    }
}

impl Challenge {
    fn on_final(&self, data: &[u8]) -> Result<Verdict, ReasonCode> {
        let message = ClientFinal::parse(data)?;
        let auth_message = format!("{},{}", self.messages, message.without_proof);
        let proven = self.credentials.verify_proof(&auth_message, &message.proof);
        if message.binding != self.binding || message.nonce != self.nonce || !proven {
            return Err(ReasonCode::NotAuthorized);
        }
        let signature = BASE64_STANDARD.encode(self.credentials.server_signature(&auth_message));
        Ok(Verdict::Accept(Some(format!("v={signature}").into_bytes())))
    }
}

/// client-first-message (RFC 5802 section 7):
/// `("n" | "y") "," ["a=" authzid] "," "n=" name "," "r=" nonce *("," extension)`
struct ClientFirst<'a> {
    /// Up to and with the second comma.
    header: &'a str,
    /// After it.
    bare: &'a str,
    authzid: Option<String>,
    name: String,
    nonce: &'a str,
}

impl<'a> ClientFirst<'a> {
    fn parse(data: &'a [u8]) -> Result<ClientFirst<'a>, ReasonCode> {
        let text = text(data)?;
        match text.split(',').next() {
            Some("n" | "y") => {}
            Some(binding) if binding.starts_with("p=") => return Err(ReasonCode::NotAuthorized),
            _ => return Err(ReasonCode::ProtocolError),
        }
        ClientFirst::parse_fields(text).ok_or(ReasonCode::ProtocolError)
    }

    fn parse_fields(text: &'a str) -> Option<ClientFirst<'a>> {
        let (second_comma, _) = text.match_indices(',').nth(1)?;
        let (header, bare) = text.split_at(second_comma + 1);
        let authzid = match header.split(',').nth(1)? {
            "" => None,
            field => Some(unescape(field.strip_prefix("a=")?)?),
        };
        let mut fields = bare.split(',');
        let name = unescape(fields.next()?.strip_prefix("n=")?)?; // "m=", an extension that must be understood, fails here
        let nonce = fields.next()?.strip_prefix("r=")?;
        let printable = !nonce.is_empty() && nonce.bytes().all(|byte| byte.is_ascii_graphic());
        (printable && fields.all(is_extension)).then_some(ClientFirst { header, bare, authzid, name, nonce })
    }
}

/// client-final-message: `"c=" binding "," "r=" nonce *("," extension) "," "p=" proof`
struct ClientFinal<'a> {
    without_proof: &'a str,
    binding: &'a str,
    nonce: &'a str,
    proof: Key,
}

impl<'a> ClientFinal<'a> {
    fn parse(data: &'a [u8]) -> Result<ClientFinal<'a>, ReasonCode> {
        ClientFinal::parse_fields(text(data)?).ok_or(ReasonCode::ProtocolError)
    }

    fn parse_fields(text: &'a str) -> Option<ClientFinal<'a>> {
        let (without_proof, proof) = text.rsplit_once(",p=")?;
        let mut fields = without_proof.split(',');
        let binding = fields.next()?.strip_prefix("c=")?;
        let nonce = fields.next()?.strip_prefix("r=")?;
        let proof = key_from_base64(proof)?;
        fields.all(is_extension).then_some(ClientFinal { without_proof, binding, nonce, proof })
    }
}

fn text(data: &[u8]) -> Result<&str, ReasonCode> {
    match std::str::from_utf8(data) {
        Ok(text) if data.len() <= MAXIMUM_MESSAGE_LENGTH && !text.contains('\0') => Ok(text),
        _ => Err(ReasonCode::ProtocolError),
    }
}

/// saslname: `,` and `=` are written as `=2C` and `=3D`.
fn unescape(name: &str) -> Option<String> {
    let mut parts = name.split('=');
    let mut unescaped = parts.next().filter(|_| !name.is_empty())?.to_owned();
    for part in parts {
        let (character, rest) = match part.strip_prefix("2C") {
            Some(rest) => (',', rest),
            None => ('=', part.strip_prefix("3D")?),
        };
        unescaped.push(character);
        unescaped.push_str(rest);
    }
    Some(unescaped)
}

/// attr-val: ignored, as no extension is known.
fn is_extension(field: &str) -> bool {
    matches!(field.as_bytes(), [letter, b'=', _, ..] if letter.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, KeyInit, Mac};
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    const PENCIL: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
    const NOT_AUTHORIZED: Verdict = Verdict::Refuse(ReasonCode::NotAuthorized);
    const PROTOCOL_ERROR: Verdict = Verdict::Refuse(ReasonCode::ProtocolError);

    fn scram(names: &[&str]) -> Scram {
        let mut users = ScramUsers::new();
        for name in names {
            users.insert(name, PENCIL.parse().unwrap()).unwrap();
        }
        Scram::new(users).unwrap()
    }

    fn credentials<'a>(user_name: Option<&'a str>, password: Option<&'a [u8]>) -> Credentials<'a> {
        Credentials { client_id: "client", user_name, password }
    }

    fn begin(scram: &Scram) -> Box<dyn Exchange> {
        scram.begin(METHOD, &credentials(None, None)).expect("the method is known")
    }

    fn step(exchange: &mut dyn Exchange, data: impl AsRef<[u8]>) -> Verdict {
        match exchange.step(data.as_ref()) {
            Answer::Now(verdict) => verdict,
            Answer::Later(_) => panic!("SCRAM needs no waiting"),
        }
    }

    fn challenge(exchange: &mut dyn Exchange, first: &str) -> String {
        match step(exchange, first) {
            Verdict::Continue(data) => String::from_utf8(data).unwrap(),
            other => panic!("{first:?} got {other:?}"),
        }
    }

    /// The client's side, for one password.
    struct Client {
        header: &'static str,
        bare: &'static str,
        password: &'static str,
    }

    const CLIENT: Client = Client { header: "n,,", bare: "n=user,r=abc", password: "pencil" };

    impl Client {
        fn first(&self) -> String {
            format!("{}{}", self.header, self.bare)
        }

        /// client-final-message, and the server-final-message that it expects.
        fn answer(&self, server_first: &str) -> (String, String) {
            let field = |name: &str| server_first.split(',').find_map(|field| field.strip_prefix(name)).unwrap();
            let salt = BASE64_STANDARD.decode(field("s=")).unwrap();
            let iterations = field("i=").parse().unwrap();
            let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(self.password.as_bytes(), &salt, iterations);
            let without_proof = format!("c={},r={}", BASE64_STANDARD.encode(self.header), field("r="));
            let auth_message = format!("{},{server_first},{without_proof}", self.bare);
            let client_key = mac(&salted, "Client Key");
            let signature = mac(&Sha256::digest(client_key), &auth_message);
            let proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, mask)| key ^ mask).collect();
            let expected = BASE64_STANDARD.encode(mac(&mac(&salted, "Server Key"), &auth_message));
            (format!("{without_proof},p={}", BASE64_STANDARD.encode(proof)), format!("v={expected}"))
        }

        /// The server's last word, and whether it is the one this client expects.
        fn run(&self, exchange: &mut dyn Exchange) -> (Verdict, bool) {
            let (last, expected) = self.answer(&challenge(exchange, &self.first()));
            let verdict = step(exchange, last);
            let proven = verdict == Verdict::Accept(Some(expected.into_bytes()));
            (verdict, proven)
        }
    }

    fn mac(key: &[u8], text: &str) -> [u8; 32] {
        Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(text).finalize().into_bytes().into()
    }

    #[test]
    fn the_exchange_of_rfc_7677_section_3() {
        let nonce = || Ok("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".to_owned());
        let mut exchange = scram(&["user"]).exchange(&credentials(None, None), nonce);
        let server_first = challenge(&mut exchange, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        assert_eq!(
            server_first,
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        );
        let client_final = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        let server_final = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
        assert_eq!(step(&mut exchange, client_final), Verdict::Accept(Some(server_final.to_vec())));
        assert_eq!(step(&mut exchange, client_final), PROTOCOL_ERROR, "an exchange ends once");
    }

    #[test]
    fn who_knows_the_password_is_let_in() {
        let scram = scram(&["user", "a,b=c"]);
        for (header, bare) in [
            ("n,,", "n=user,r=abc"),
            ("y,,", "n=user,r=abc"),
            ("n,a=user,", "n=user,r=abc,x=ignored"),
            ("n,a=a=2Cb=3Dc,", "n=a=2Cb=3Dc,r=~!"),
            ("n,,", "n=us\u{ad}er,r=abc"),
        ] {
            let (verdict, proven) = Client { header, bare, ..CLIENT }.run(&mut *begin(&scram));
            assert!(proven, "{header}{bare}: {verdict:?}");
        }
        assert!(scram.begin("SCRAM-SHA-1", &credentials(None, None)).is_none());
    }

    #[test]
    fn a_wrong_password_is_refused() {
        let (verdict, _) = Client { password: "pen", ..CLIENT }.run(&mut *begin(&scram(&["user"])));
        assert_eq!(verdict, NOT_AUTHORIZED);
    }

    #[test]
    fn an_unknown_user_is_refused_at_the_same_step_as_a_wrong_password() {
        let scram = scram(&["user"]);
        let unknown = Client { bare: "n=nobody,r=abc", ..CLIENT };
        assert_eq!(unknown.run(&mut *begin(&scram)).0, NOT_AUTHORIZED);
        let [one, other] = [0, 1].map(|_| challenge(&mut *begin(&scram), &unknown.first()));
        let salt = |challenge: &str| challenge.split(',').skip(1).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(salt(&one), salt(&other));
        assert_ne!(one, other, "the nonce is new");
        assert_eq!(one.len(), challenge(&mut *begin(&scram), &CLIENT.first()).len());
    }

    #[test]
    fn an_answer_that_was_tampered_with_is_refused() {
        let scram = scram(&["user"]);
        let refused = |tamper: &dyn Fn(&str) -> String| {
            let mut exchange = begin(&scram);
            let (last, _) = CLIENT.answer(&challenge(&mut *exchange, &CLIENT.first()));
            step(&mut *exchange, tamper(&last))
        };
        assert_eq!(refused(&|last| last.replace("r=abc", "r=abd")), NOT_AUTHORIZED);
        assert_eq!(refused(&|last| last.replace(",p=", "x,p=")), NOT_AUTHORIZED, "nonce");
        assert_eq!(refused(&|last| last.replace("biws", "eSws")), NOT_AUTHORIZED, "y,, after n,,");
        assert_eq!(refused(&|last| last.replace(",p=", ",x=y,p=")), NOT_AUTHORIZED, "extension");
        let other_proof = |last: &str| format!("{},p={}", last.split(",p=").next().unwrap(), "A".repeat(43) + "=");
        assert_eq!(refused(&other_proof), NOT_AUTHORIZED);
        assert_eq!(refused(&|last| last[..last.len() - 4].to_owned()), PROTOCOL_ERROR, "short proof");
        assert_eq!(refused(&|last| last.replace(",p=", ",q=")), PROTOCOL_ERROR);
        assert_eq!(refused(&|_| String::new()), PROTOCOL_ERROR);
    }

    #[test]
    fn the_right_proof_of_another_nonce_or_binding_is_refused() {
        let scram = scram(&["user"]);
        let mut exchange = begin(&scram);
        let server_first = challenge(&mut *exchange, &CLIENT.first()).replace("r=abc", "r=abd");
        assert_eq!(step(&mut *exchange, CLIENT.answer(&server_first).0), NOT_AUTHORIZED);
        let mut exchange = begin(&scram);
        let server_first = challenge(&mut *exchange, &CLIENT.first());
        let (last, _) = Client { header: "y,,", ..CLIENT }.answer(&server_first);
        assert_eq!(step(&mut *exchange, last), NOT_AUTHORIZED);
    }

    #[test]
    fn first_messages_that_are_no_first_messages_are_refused() {
        let scram = scram(&["user"]);
        for (first, verdict) in [
            ("p=tls-exporter,,n=user,r=abc", NOT_AUTHORIZED),
            ("n,a=other,n=user,r=abc", NOT_AUTHORIZED),
            ("n,,n=us\u{7}er,r=abc", NOT_AUTHORIZED),
            ("n,a=,n=user,r=abc", PROTOCOL_ERROR),
            ("n,user,n=user,r=abc", PROTOCOL_ERROR),
            ("n,,m=x,n=user,r=abc", PROTOCOL_ERROR),
            ("n,,n=,r=abc", PROTOCOL_ERROR),
            ("n,,n=us=er,r=abc", PROTOCOL_ERROR),
            ("n,,n=us=2cer,r=abc", PROTOCOL_ERROR),
            ("n,,n=us\0er,r=abc", PROTOCOL_ERROR),
            ("n,,n=user,r=", PROTOCOL_ERROR),
            ("n,,n=user,r=a b", PROTOCOL_ERROR),
            ("n,,n=user,r=abc,", PROTOCOL_ERROR),
            ("n,,n=user,r=abc,x=", PROTOCOL_ERROR),
            ("n,,n=user", PROTOCOL_ERROR),
            ("n,", PROTOCOL_ERROR),
            ("z,,n=user,r=abc", PROTOCOL_ERROR),
            ("", PROTOCOL_ERROR),
        ] {
            assert_eq!(step(&mut *begin(&scram), first), verdict, "{first:?}");
        }
    }

    #[test]
    fn a_message_may_not_exceed_the_limit() {
        let scram = scram(&["user"]);
        let first = |length: usize| format!("n,,n=user,r={}", "r".repeat(length - 12));
        let longest = challenge(&mut *begin(&scram), &first(MAXIMUM_MESSAGE_LENGTH));
        assert!(longest.len() < usize::from(u16::MAX));
        assert_eq!(step(&mut *begin(&scram), first(MAXIMUM_MESSAGE_LENGTH + 1)), PROTOCOL_ERROR);
    }

    #[test]
    fn user_name_of_connect_must_be_the_user_who_authenticates() {
        let scram = scram(&["user", "admin"]);
        let mut exchange = scram.begin(METHOD, &credentials(Some("user"), None)).unwrap();
        assert!(CLIENT.run(&mut *exchange).1);
        let mut exchange = scram.begin(METHOD, &credentials(Some("admin"), None)).unwrap();
        assert_eq!(step(&mut *exchange, CLIENT.first()), NOT_AUTHORIZED);
    }

    #[tokio::test]
    async fn user_name_and_password_are_checked_against_the_same_credentials() {
        let scram = scram(&["user"]);
        for (user_name, password, verdict) in [
            (Some("user"), Some(&b"pencil"[..]), Verdict::Accept(None)),
            (Some("user"), Some(b"pen"), Verdict::Refuse(ReasonCode::BadUserNameOrPassword)),
            (Some("user"), Some(b"\xff"), Verdict::Refuse(ReasonCode::BadUserNameOrPassword)),
            (Some("user"), Some(b""), Verdict::Refuse(ReasonCode::BadUserNameOrPassword)),
            (Some("nobody"), Some(b"pencil"), Verdict::Refuse(ReasonCode::BadUserNameOrPassword)),
            (Some("user"), None, NOT_AUTHORIZED),
            (None, Some(b"pencil"), NOT_AUTHORIZED),
            (None, None, NOT_AUTHORIZED),
        ] {
            let got = match scram.authenticate(&credentials(user_name, password)) {
                Answer::Now(verdict) => verdict,
                Answer::Later(verdict) => verdict.await,
            };
            assert_eq!(got, verdict, "{user_name:?} {password:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(first in any::<Vec<u8>>(), last in any::<Vec<u8>>()) {
            let scram = scram(&["user"]);
            let mut exchange = begin(&scram);
            prop_assert!(!matches!(step(&mut *exchange, first), Verdict::Accept(_)));
            let mut exchange = begin(&scram);
            challenge(&mut *exchange, &CLIENT.first());
            prop_assert!(matches!(step(&mut *exchange, last), Verdict::Refuse(_)));
        }

        #[test]
        fn almost_a_message_is_answered(
            first in "[nyp]?,?(a=)?[a=2C3D]{0,6},?(n=)?(\\PC|=2C|=3D|,){0,8},?(r=)?[!-~]{0,8}",
            last in "(c=)?(biws)?,(r=)?[!-~]{0,8}(,\\PC=\\PC)?,(p=)?[A-Za-z0-9+/]{0,44}={0,2}",
        ) {
            let scram = scram(&["user"]);
            let mut exchange = begin(&scram);
            if matches!(step(&mut *exchange, first), Verdict::Continue(_)) {
                prop_assert!(matches!(step(&mut *exchange, last), Verdict::Refuse(_)));
            }
        }
    }
}
