//! Asks, signed as the caller, again where an answer was lost or the engine asks to wait.

use std::{cell::RefCell, thread::sleep, time::Duration};

use zms_core::{
    address::Address,
    bundle::{Packed, Trouble},
    engine::{self, path::Named},
    id::PrincipalId,
    request::{Asked, LIFETIME, sign},
};
use zms_crypto::{CryptoRng, Key};
use zms_store::CommitError;

use super::{
    answer::{foreign, garbled, trouble, uncommitted},
    cache::Kept,
    wire::{Answer, Line, Lost, Sent},
};

/// How often something is asked again, and how long is waited before.
const AGAIN: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];
/// Most seconds that are waited because an engine asks for it.
const PATIENCE: u64 = 5;

/// Who asks whom.
pub(super) struct Caller {
    line: Line,
    principal: PrincipalId,
    key: Key,
    clock: fn() -> u64,
    nonces: RefCell<Box<dyn CryptoRng + Send>>,
}

/// One question.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) body: &'a [u8],
    /// An answer that is held already.
    pub(super) unless: Option<&'a str>,
    /// Whether it may be asked twice.
    pub(super) again: bool,
    /// How long the engine may wait before it answers.
    pub(super) wait: Duration,
}

impl<'a> Question<'a> {
    pub(super) const fn get(path: &'a str) -> Self {
        let (query, body, wait) = ("", &[], Duration::ZERO);
        Self { method: "GET", path, query, body, unless: None, again: true, wait }
    }

    pub(super) const fn post(path: &'a str) -> Self {
        Self { method: "POST", ..Self::get(path) }
    }
}

impl Caller {
    pub(super) fn new(
        address: Address,
        principal: PrincipalId,
        key: Key,
        clock: fn() -> u64,
        nonces: Box<dyn CryptoRng + Send>,
    ) -> Self {
        let nonces = RefCell::new(nonces);
        Self { line: Line::new(address), principal, key, clock, nonces }
    }

    /// Another connection of the same caller.
    pub(super) fn again(&self, nonces: Box<dyn CryptoRng + Send>) -> Self {
        let (address, key) = (self.line.address().clone(), self.key.duplicate());
        Self::new(address, self.principal, key, self.clock, nonces)
    }

    pub(super) fn now(&self) -> u64 {
        (self.clock)()
    }

    pub(super) const fn key(&self) -> &Key {
        &self.key
    }

    /// Asks for what must be there.
    pub(super) fn ask(&self, question: &Question<'_>) -> Result<Answer, Trouble> {
        let answer = self.put(question, &self.key)?;
        match answer.status {
            200 | 201 | 204 | 304 => Ok(answer),
            _ => Err(trouble(&answer, &self.line.address().to_string())),
        }
    }

    /// Asks for a bundle; `None` where the one that is held is the same.
    pub(super) fn bundle(&self, query: &str, held: Option<&str>) -> Result<Option<Kept>, Trouble> {
        let path = engine::path::bundle(Named::Own);
        let answer = self.ask(&Question { query, unless: held, ..Question::get(&path) })?;
        if answer.status == 304 && held.is_some() {
            return Ok(None);
        }
        if answer.status != 200 || answer.kind != engine::BUNDLE_TYPE {
            return Err(foreign("it answers with something else than a bundle"));
        }
        let commits = answer.commits.ok_or_else(garbled)?;
        let packed = Packed::decode(&answer.body).map_err(|_| garbled())?;
        let etag = answer.etag.unwrap_or_default();
        Ok(Some(Kept { query: query.to_owned(), etag, commits, at: self.now(), packed }))
    }

    /// Hands in a commit. The same one again is answered as the first time.
    pub(super) fn commit(
        &self,
        path: &str,
        query: &str,
        body: &[u8],
        register: Option<&Key>,
    ) -> Result<(), CommitError> {
        let question = Question { query, body, ..Question::post(path) };
        let answer = self.put(&question, register.unwrap_or(&self.key))?;
        match answer.status {
            200 | 201 => Ok(()),
            _ => Err(uncommitted(&answer, &self.line.address().to_string())),
        }
    }

    /// Sends one signed request, and where it has to be sent again the same one.
    fn put(&self, question: &Question<'_>, key: &Key) -> Result<Answer, Trouble> {
        let Question { method, path, query, body, unless, again, wait } = *question;
        let (asked, target) = match query {
            "" => ("?".to_owned(), path.to_owned()),
            query => (format!("?{query}"), format!("{path}?{query}")),
        };
        let authority = self.line.address().authority();
        let asked = Asked { method, authority: &authority, path, query: &asked };
        let mut nonce = [0; 16];
        self.nonces.borrow_mut().fill_bytes(&mut nonce);
        let mut pauses = AGAIN.iter();
        let mut signed = self.now();
        loop {
            // It stays the same, byte for byte, as long as it is good: an answer that was lost is
            // given again and counted once.
            if self.now().saturating_sub(signed) > LIFETIME / 2 {
                signed = self.now();
            }
            let headers = sign(key, self.principal, &asked, body, signed, nonce);
            let sent = Sent { method, target: &target, headers: &headers, body, unless, wait };
            let (outcome, pause) = match self.line.send(&sent) {
                Ok(answer) if answer.status == 429 => {
                    let seconds = answer.retry_after.unwrap_or(1);
                    let waits = seconds <= PATIENCE;
                    (Ok(answer), waits.then(|| Duration::from_secs(seconds.max(1))))
                }
                Ok(answer) => return Ok(answer),
                Err(lost) => {
                    let pause = lost.sent && again;
                    (Err(unsure(lost, method)), pause.then_some(Duration::ZERO))
                }
            };
            match (pauses.next(), pause) {
                (Some(least), Some(pause)) => sleep(pause.max(*least)),
                _ => return outcome,
            }
        }
    }
}

/// What was handed in and not answered may have been kept.
fn unsure(lost: Lost, method: &str) -> Trouble {
    let Lost { trouble, sent } = lost;
    if !sent || method == "GET" {
        return trouble;
    }
    let why = format!("{}; whether the change was kept is not known", trouble.source);
    Trouble::new(trouble.class, why)
}
