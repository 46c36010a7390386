//! What every [`Authenticator`] promises, checked for all of them.

use super::{Anonymous, Answer, Authenticator, Credentials, Passwords, Scram, ScramUsers, Users, Verdict};

fn decided(answer: Answer) -> Verdict {
    match answer {
        Answer::Now(verdict) => verdict,
        Answer::Later(future) => tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future),
    }
}

fn check(authenticator: &dyn Authenticator) {
    let nobody = Credentials { client_id: "c", user_name: None, password: None };
    let garbage = Credentials { client_id: "", user_name: Some("\u{FEFF}"), password: Some(&[0xFF, 0x00]) };
    for credentials in [nobody, garbage] {
        let verdict = decided(authenticator.authenticate(&credentials));
        assert!(!matches!(verdict, Verdict::Continue(_)), "without a method nothing is to be continued");
        assert!(authenticator.begin("", &credentials).is_none(), "no method has an empty name");
        assert!(authenticator.begin("NO-SUCH-METHOD", &credentials).is_none());
    }
}

#[test]
fn every_authenticator_decides_at_once_without_a_method_and_refuses_unknown_methods() {
    let all: [Box<dyn Authenticator>; 3] = [
        Box::new(Anonymous),
        Box::new(Passwords::new(Users::default())),
        Box::new(Scram::new(ScramUsers::new()).unwrap()),
    ];
    all.iter().for_each(|authenticator| check(&**authenticator));
}
