//! Entries of a request that only reads: they are stored when its answer is made and before it is sent,
//! with those of all who wait for theirs at the same time. spec/audit.md

use std::{
    mem,
    sync::{Arc, Mutex},
};

use zms_core::{audit::Event, id::VaultId};

use super::{Answer, Refusal};
use crate::{held::held, state::Engine};

/// What is still to be noted of one request.
#[derive(Default)]
pub struct Later(Mutex<Vec<(VaultId, Vec<Event>)>>);

impl Later {
    /// Adds entries of a vault.
    pub(super) fn add(&self, vault: VaultId, events: &[Event]) {
        held(&self.0).push((vault, events.to_vec()));
    }

    /// The answer, once all that it tells is noted; where that can not be, there is none. A refusal
    /// stands whether or not it can be noted.
    pub(super) async fn settle(
        &self,
        engine: &Arc<Engine>,
        answer: Result<Answer, Refusal>,
    ) -> Result<Answer, Refusal> {
        let entries = mem::take(&mut *held(&self.0));
        let mut noted = Ok(());
        for (vault, events) in entries {
            noted = engine.note(vault, events).await.and(noted);
        }
        let answer = answer?;
        noted?;
        Ok(answer)
    }
}
