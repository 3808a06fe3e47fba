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
        let given = self.given.clone();
        let event = |(scope, revision)| self.event(Action::Wrap, scope, revision, Outcome::Done);
        let mut events: Vec<Event> =
            given.iter().map(|&(scope, revision)| event((Some(scope), revision))).collect();
        if events.is_empty() {
            events.push(event((None, 0)));
        }
        self.note(Action::Wrap, &events)?;
        Ok(given)
    }

    /// Remembers the scopes that entries tell of.
    pub(super) fn remember(&mut self, events: &[Event]) {
        for event in events {
            let given = event.scope.map(|scope| (scope, event.revision));
            self.given.extend(given.filter(|given| !self.given.contains(given)));
        }
    }
}
