//! Requests that are noted once: the same one again takes no use and leaves no entry of its own,
//! whichever server it comes to. spec/engine.md#http

use axum::http::StatusCode;
use zms_core::audit::Event;
use zms_store::{Noted, Request};

use super::caller::Caller;
use crate::{problem::Problem, vaults::Handle};

impl Caller {
    /// Notes this request. Without a limit of uses none is counted.
    fn note_once(
        &self,
        handle: &mut Handle,
        most: Option<u32>,
        events: &[Event],
    ) -> Result<Noted, Problem> {
        let (principal, mac) = (self.principal, self.claim.mac());
        let request = Request { principal, mac, good_until: self.claim.good_until() };
        let noted = handle.note_once(&request, self.now, most, events);
        noted.map_err(|trouble| Problem::audit(&trouble))
    }

    /// Takes a use for what is about to be given out, and notes it; `false` where none is left.
    pub(super) fn spend(&self, handle: &mut Handle, events: &[Event]) -> Result<bool, Problem> {
        match self.note_once(handle, Some(self.card.line.limits.uses), events)? {
            Noted::Done => Ok(true),
            Noted::Used => Ok(false),
            Noted::Again => {
                // It is given out again, so it is noted again.
                handle.audit_append(events).map_err(|trouble| Problem::audit(&trouble))?;
                Ok(true)
            }
        }
    }

    /// Takes a use for a commit, where they are counted, and notes that none is left.
    pub(super) fn spend_on_commit(
        &self,
        handle: &mut Handle,
        denied: &Event,
    ) -> Result<(), Problem> {
        let most = self.card.line.limits.uses;
        if most == 0 || self.note_once(handle, Some(most), &[])? != Noted::Used {
            return Ok(());
        }
        let noted = handle.audit_append(std::slice::from_ref(denied));
        noted.map_err(|trouble| Problem::audit(&trouble))?;
        Err(used())
    }

    /// Keeps what the caller hands in. What was handed in before by the same request is kept.
    pub(super) fn hand_in(&self, handle: &mut Handle, events: &[Event]) -> Result<(), Problem> {
        self.note_once(handle, None, events).map(drop)
    }
}

/// There was a number of uses, and there are none left.
pub(super) fn used() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "used", "all uses of the token are used")
}
