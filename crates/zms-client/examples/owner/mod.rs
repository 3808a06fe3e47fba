//! The owner of a vault that `zms init` made, at work in this process as the command line is.
#![expect(clippy::disallowed_methods, reason = "an example is its own owner of files and clock")]

use std::{cell::Cell, fs, path::Path, rc::Rc, time::SystemTime};

use rand_core::UnwrapErr;
use zms_client::{Session, pins::PinFolder};
use zms_core::{
    audit::{Entry, Event},
    batch::Batch,
    bundle::{Bundle, Trouble},
    id::PrincipalId,
    key_file::KeyFile,
    path::SecretName,
    record::{Payload, ValueKind},
};
use zms_crypto::{CryptoRng, SecretBytes};
use zms_store::{CommitError, Store};
use zms_store_sqlite::SqliteStore;

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Unix seconds.
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The system's entropy.
pub fn entropy() -> Box<dyn CryptoRng> {
    Box::new(UnwrapErr(getrandom::SysRng))
}

/// A session of the owner, and how often a commit of it lost a race.
pub fn session(home: &Path) -> (Session, Rc<Cell<u64>>) {
    let text = fs::read_to_string(home.join("zms.master.key")).expect("`zms init` made a key");
    let owner = KeyFile::parse(&text).and_then(|file| file.open(None)).expect("the key opens");
    let store = SqliteStore::open(&home.join("zms.db")).expect("the database opens");
    let conflicts = Rc::new(Cell::new(0));
    let store = Counting(store.expect("`zms init` made a database"), Rc::clone(&conflicts));
    let pins = PinFolder::new(home.join("pins"));
    (Session::new(Box::new(store), owner, pins, now, entropy()), conflicts)
}

/// A secret with a random value of 32 to 64 characters.
pub fn secret(name: &str, rng: &mut dyn CryptoRng) -> Payload {
    let length = 32 + rng.next_u32() as usize % 33;
    Payload {
        name: SecretName::parse(name).expect("the name is a good one"),
        value: SecretBytes::from(letters(length, rng).as_bytes()),
        kind: ValueKind::Secret,
        note: String::new(),
        created_at: now(),
        expires_at: None,
    }
}

/// So many random letters and digits.
pub fn letters(length: usize, rng: &mut dyn CryptoRng) -> String {
    (0..length).map(|_| char::from(LETTERS[rng.next_u32() as usize % LETTERS.len()])).collect()
}

/// A store that counts conflicts, which a session does not tell: it tries again.
struct Counting(SqliteStore, Rc<Cell<u64>>);

impl Store for Counting {
    fn bundle(&self) -> Result<Box<dyn Bundle + '_>, Trouble> {
        self.0.bundle()
    }

    fn commit(&mut self, batch: &Batch, events: &[Event]) -> Result<(), CommitError> {
        let committed = self.0.commit(batch, events);
        if matches!(committed, Err(CommitError::Conflict)) {
            self.1.set(self.1.get() + 1);
        }
        committed
    }

    fn audit_append(&mut self, events: &[Event]) -> Result<(), Trouble> {
        self.0.audit_append(events)
    }

    fn spend(
        &mut self,
        principal: PrincipalId,
        most: u32,
        events: &[Event],
    ) -> Result<bool, Trouble> {
        self.0.spend(principal, most, events)
    }

    fn audit_chains(&self) -> Result<Vec<(u64, u64)>, Trouble> {
        self.0.audit_chains()
    }

    fn audit_read(&self, chain: u64, after: u64, limit: usize) -> Result<Vec<Entry>, Trouble> {
        self.0.audit_read(chain, after, limit)
    }
}
