//! SCRAM-SHA-256 over a socket, with a client written from RFC 5802 and RFC 7677.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use mqtt_server::{
    Limits,
    auth::{Iterations, Scram, ScramCredentials, ScramUsers},
};
use sha2::{Digest, Sha256};

use crate::{
    peer::{Connect, Peer, V5, V311},
    running::Running,
};

const METHOD: &str = "SCRAM-SHA-256";
const BARE: &str = "n=user,r=client-nonce";

fn start() -> Running {
    let iterations = Iterations::new(Iterations::MINIMUM).expect("the least is allowed");
    let mut users = ScramUsers::new();
    users.insert("user", ScramCredentials::from_password("pencil", iterations).expect("usable")).expect("a name");
    Running::with(Limits::default(), Scram::new(users).expect("randomness"))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key).expect("any length").chain_update(text).finalize().into_bytes().to_vec()
}

/// client-final-message for a challenge, and the server-final-message that proves the server.
fn answer(challenge: &str, bare: &str, password: &str) -> (String, String) {
    let field = |name: &str| challenge.split(',').find_map(|field| field.strip_prefix(name)).expect("the field");
    let salt = BASE64_STANDARD.decode(field("s=")).expect("base64");
    let iterations = field("i=").parse().expect("a number");
    let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), &salt, iterations);
    let without_proof = format!("c=biws,r={}", field("r="));
    let auth_message = format!("{bare},{challenge},{without_proof}");
    let client_key = mac(&salted, "Client Key");
    let signature = mac(&Sha256::digest(&client_key), &auth_message);
    let proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, mask)| key ^ mask).collect();
    let server = mac(&mac(&salted, "Server Key"), &auth_message);
    (format!("{without_proof},p={}", BASE64_STANDARD.encode(proof)), format!("v={}", BASE64_STANDARD.encode(server)))
}

/// CONNECT and the answer to the challenge; the expected server-final-message.
fn exchange(server: &Running, bare: &str, password: &str) -> (Peer, String) {
    let first = format!("n,,{bare}");
    let connect = Connect { method: Some((METHOD, &first)), ..Connect::new(V5, "scram") };
    let mut peer = Peer::begin(server.address(), &connect);
    let challenge = peer.expect(0xF0);
    assert_eq!(challenge.body[0], 0x18, "Continue authentication");
    let (last, expected) = answer(&challenge.authentication_data(), bare, password);
    peer.auth(0x18, METHOD, &last);
    (peer, expected)
}

#[test]
fn both_sides_prove_that_they_know_the_password() {
    let server = start();
    let (mut peer, expected) = exchange(&server, BARE, "pencil");
    let connack = peer.expect(0x20);
    assert_eq!(connack.body[1], 0);
    assert_eq!(connack.authentication_data(), expected);
    peer.ping();
}

#[test]
fn a_wrong_password_and_an_unknown_user_are_refused_alike() {
    let server = start();
    for (bare, password) in [(BARE, "pen"), ("n=nobody,r=client-nonce", "pencil")] {
        let (mut peer, _) = exchange(&server, bare, password);
        assert_eq!(peer.connack(), 0x87, "Not authorized");
        peer.is_closed();
    }
}

#[test]
fn a_client_authenticates_again_while_it_is_online() {
    let server = start();
    let (mut peer, _) = exchange(&server, BARE, "pencil");
    assert_eq!(peer.connack(), 0);
    for password in ["pencil", "pen"] {
        peer.auth(0x19, METHOD, &format!("n,,{BARE}"));
        let (last, expected) = answer(&peer.expect(0xF0).authentication_data(), BARE, password);
        peer.ping(); // served meanwhile
        peer.auth(0x18, METHOD, &last);
        if password == "pencil" {
            let done = peer.expect(0xF0);
            assert_eq!((done.body[0], done.authentication_data()), (0, expected));
        }
    }
    assert_eq!(peer.expect(0xE0).body[0], 0x87, "Not authorized");
    peer.is_closed();
}

#[test]
fn user_name_and_password_will_do_in_every_version() {
    let server = start();
    for (version, refused, nobody) in [(V311, 4, 5), (V5, 0x86, 0x87)] {
        let user = |name, password| Connect { user: Some((name, password)), ..Connect::new(version, "plain") };
        Peer::connect(server.address(), &user("user", "pencil")).ping();
        for (name, password) in [("user", "pen"), ("nobody", "pencil")] {
            assert_eq!(Peer::begin(server.address(), &user(name, password)).connack(), refused);
        }
        assert_eq!(Peer::begin(server.address(), &Connect::new(version, "plain")).connack(), nobody);
    }
}

/// Each check takes milliseconds, none of them on a worker.
#[test]
fn a_wave_of_passwords_keeps_nobody_from_being_served() {
    let server = start();
    let (mut online, _) = exchange(&server, BARE, "pencil");
    assert_eq!(online.connack(), 0);
    let wave: Vec<String> = (0..100).map(|number| format!("wave-{number}")).collect();
    let user = |id| Connect { user: Some(("user", "pencil")), ..Connect::new(V311, id) };
    let mut wave: Vec<Peer> = wave.iter().map(|id| Peer::begin(server.address(), &user(id))).collect();
    online.ping();
    wave.iter_mut().for_each(|peer| assert_eq!(peer.connack(), 0));
}
