//! Waits for changes at an engine, on a connection of its own.

use std::time::Duration;

use zms_core::{
    bundle::Trouble,
    engine::{self, ChangesQuery, MAX_WAIT, path::Named},
};
use zms_crypto::CryptoRng;

use super::{
    answer::garbled,
    ask::{Caller, Question},
};

/// Asks an engine to say when something changes. It proves nothing: it says when to read again.
pub struct Watcher {
    caller: Caller,
    commits: u64,
}

impl Watcher {
    pub(super) fn new(caller: &Caller, rng: Box<dyn CryptoRng + Send>) -> Self {
        Self { caller: caller.again(rng), commits: 0 }
    }

    /// Waits until there are more commits than before; at once, the first time. `false`: there were
    /// none for a while.
    ///
    /// # Errors
    /// [`Trouble`] where the engine can not be asked.
    pub fn wait(&mut self) -> Result<bool, Trouble> {
        let wait = if self.commits == 0 { 0 } else { MAX_WAIT };
        let query = ChangesQuery { after: self.commits, wait }.encode();
        let path = engine::path::changes(Named::Own);
        let wait = Duration::from_secs(wait);
        let answer = self.caller.ask(&Question { query: &query, wait, ..Question::get(&path) })?;
        let commits = answer.commits.ok_or_else(garbled)?;
        // A vault that was restored may count anew: that is a change, too.
        let moved = commits != self.commits;
        self.commits = commits;
        Ok(moved)
    }
}
