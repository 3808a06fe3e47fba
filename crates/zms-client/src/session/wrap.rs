//! What a session has given out, where that is sealed for somebody else. spec/wrapped.md

use zms_core::{
    audit::{Action, Event, Outcome},
    id::ScopeId,
};

use super::{Session, SessionError};

impl Session {
    /// Notes that what this session has given out is about to be sealed for whoever has a wrapping
    /// token, and tells which scopes that is of, each at its revision.
    ///
    /// # Errors
    /// [`SessionError`]: then it must not be sealed.
    pub fn note_wrapped(&mut self) -> Result<Vec<(ScopeId, u64)>, SessionError> {
        let given: Vec<_> = self.given.iter().copied().collect();
        let event = self.event(Action::Wrap, None, 0, Outcome::Done);
        let events = event.of_each(given.iter().copied());
        self.note(Action::Wrap, &events)?;
        Ok(given)
    }

    /// Remembers the scopes that entries tell of.
    pub(super) fn remember(&mut self, events: &[Event]) {
        let given = |event: &Event| event.scope.map(|scope| (scope, event.revision));
        self.given.extend(events.iter().filter_map(given));
    }
}
