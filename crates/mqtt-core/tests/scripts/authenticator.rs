//! Who is let in: what the `auth` line of a script says.

use crate::words::{Word, hex};
use mqtt_core::{AuthRequest, Verdict};
use mqtt_wire::ReasonCode;

/// A toy authenticator. Without any setting it lets in everybody who names no Authentication Method.
#[derive(Clone, Debug, Default)]
pub struct Authenticator {
    /// `user=name:password`: only these.
    users: Vec<Vec<u8>>,
    /// `refuse=CODE`: nobody.
    refuse: Option<ReasonCode>,
    /// `required`: it asks even those who named no method.
    required: bool,
    /// `later`: it answers when the script says `NAME decided`.
    pub later: bool,
    /// `method=NAME`: an exchange over AUTH packets.
    method: Option<Vec<u8>>,
    /// `first=DATA`: what CONNECT has to bring.
    first: Option<Vec<u8>>,
    /// `ask=QUESTION:ANSWER`, once for each step.
    asks: Vec<(Vec<u8>, Vec<u8>)>,
    /// `wrong=CODE`: for a wrong answer, 87 if it is not set.
    wrong: Option<ReasonCode>,
    /// `last=DATA`: what goes with the acceptance.
    last: Option<Vec<u8>>,
}

impl Authenticator {
    /// Takes the words of an `auth` line.
    pub fn configure(&mut self, words: Vec<Word>) -> Result<(), String> {
        for word in words {
            match (word.key.as_deref(), word.bare()) {
                (Some("user"), _) => self.users.push(word.value),
                (Some("refuse"), _) => self.refuse = Some(code(&word)?),
                (Some("wrong"), _) => self.wrong = Some(code(&word)?),
                (Some("method"), _) => self.method = Some(word.value),
                (Some("first"), _) => self.first = Some(word.value),
                (Some("last"), _) => self.last = Some(word.value),
                (Some("ask"), _) => {
                    let colon = word.value.iter().position(|&byte| byte == b':').ok_or("ask=question:answer")?;
                    self.asks.push((word.value[..colon].to_vec(), word.value[colon + 1..].to_vec()));
                }
                (None, Some("required")) => self.required = true,
                (None, Some("later")) => self.later = true,
                _ => return Err(format!("auth does not know {word:?}")),
            }
        }
        Ok(())
    }

    /// The answer to a request; `step` is where this connection's exchange stands.
    pub fn judge(&self, request: &AuthRequest<'_>, step: &mut usize) -> Verdict {
        if let Some(code) = self.refuse {
            return Verdict::Refuse(code);
        }
        match request {
            AuthRequest::Connect(_) if self.required => Verdict::Continue(b"who?".to_vec()),
            AuthRequest::Connect(_) if self.users.is_empty() => Verdict::Accept(None),
            AuthRequest::Connect(credentials) => {
                let name = credentials.user_name.unwrap_or_default().as_bytes();
                let pair = [name, b":", credentials.password.unwrap_or_default()].concat();
                match self.users.contains(&pair) {
                    true => Verdict::Accept(None),
                    false => Verdict::Refuse(ReasonCode::BadUserNameOrPassword),
                }
            }
            AuthRequest::Begin { method, .. } if self.method.as_deref() != Some(method.as_bytes()) => {
                Verdict::Refuse(ReasonCode::BadAuthenticationMethod)
            }
            AuthRequest::Begin { data, .. } => {
                *step = 0;
                self.proceed(self.first.as_deref().is_none_or(|first| first == *data), *step)
            }
            AuthRequest::Continue(data) => {
                let right = self.asks.get(*step).is_some_and(|(_, answer)| answer == data);
                *step += 1;
                self.proceed(right, *step)
            }
        }
    }

    fn proceed(&self, right: bool, step: usize) -> Verdict {
        match (right, self.asks.get(step)) {
            (false, _) => Verdict::Refuse(self.wrong.unwrap_or(ReasonCode::NotAuthorized)),
            (true, Some((question, _))) => Verdict::Continue(question.clone()),
            (true, None) => Verdict::Accept(self.last.clone()),
        }
    }
}

fn code(word: &Word) -> Result<ReasonCode, String> {
    ReasonCode::from_u8(hex(&String::from_utf8_lossy(&word.value))?).ok_or_else(|| "no such code".into())
}
