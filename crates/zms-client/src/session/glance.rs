//! A look at what a store says, to learn when to read again.

use zms_core::{bundle::Trouble, id::ScopeId, revision::message_hash};

use super::{Session, View};

/// The newest roster and heads, by the hashes of their messages. A glance is the store's word: it
/// proves nothing, gives out nothing and leaves no audit entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    roster: Option<[u8; 32]>,
    heads: Vec<(ScopeId, Option<[u8; 32]>)>,
}

impl View {
    /// What a glance shows for as long as nothing changes that was read here.
    pub fn glance(&self) -> Glance {
        let head = |scope: &zms_core::open::OpenScope| (scope.id(), Some(scope.head_hash));
        Glance { roster: Some(self.roster.hash), heads: self.scopes.iter().map(head).collect() }
    }
}

impl Session {
    /// Looks at the same things again.
    ///
    /// # Errors
    /// [`Trouble`] where the store can not be read.
    pub fn glance(&self, at: &Glance) -> Result<Glance, Trouble> {
        let bundle = self.store.bundle()?;
        let roster = bundle.roster()?.map(|roster| message_hash(&roster.message));
        let head = |(scope, _): &(ScopeId, _)| {
            let head = bundle.head(*scope)?;
            Ok((*scope, head.map(|head| message_hash(&head.message))))
        };
        let heads = at.heads.iter().map(head).collect::<Result<_, Trouble>>()?;
        Ok(Glance { roster, heads })
    }
}
