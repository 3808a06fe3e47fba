//! Lists entries, with the names that the caller's own keys open. spec/audit.md#listing

use std::collections::{BTreeMap, VecDeque};

use zms_core::{
    audit::{Action, Entry, Event},
    bundle::Trouble,
    history::History,
    id::{PrincipalId, ScopeId},
    path::{ScopePath, SecretName},
    principal::Kind,
};

use super::{AuditNames, PAGE};
use crate::session::{Choose, Session, SessionError, history::past_of_secret, read::held};

/// One secret, as the audit can tell of it.
pub struct Subject {
    /// The scope that it lives in, or did.
    pub path: ScopePath,
    scope: ScopeId,
    history: History,
}

impl Subject {
    /// Whether an event concerns the secret: it was read or exposed while it was live, or what was
    /// done changed it.
    pub fn concerned_by(&self, event: &Event) -> bool {
        let mut versions = self.history.versions().iter();
        event.scope == Some(self.scope)
            && match event.action {
                Action::Read | Action::Expose => {
                    versions.any(|version| version.live_at(event.revision))
                }
                Action::ReadPast => versions.any(|version| version.rev_from <= event.revision),
                _ => versions.any(|version| {
                    version.rev_from == event.revision || version.rev_to == Some(event.revision)
                }),
            }
    }
}

/// Reads the audit, oldest first. A token is given its own entries only.
pub struct AuditReader<'s> {
    session: &'s mut Session,
    names: AuditNames,
    /// The place in each chain behind which to go on.
    behind: BTreeMap<u64, u64>,
}

impl Session {
    /// Begins before the first entry. Listing gives no secret out, and leaves no entry.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn audit(&mut self) -> Result<AuditReader<'_>, SessionError> {
        let names = self.audit_names()?;
        Ok(AuditReader { session: self, names, behind: BTreeMap::new() })
    }

    /// The secret that a place sees under a name, or that its scope held once.
    ///
    /// # Errors
    /// [`SessionError`]; the path that was chosen where there never was one.
    pub fn audit_subject(
        &mut self,
        choose: Choose<'_>,
        name: &SecretName,
    ) -> Result<Result<Subject, ScopePath>, SessionError> {
        let (subject, vault, seen) = self.opened_audited(Action::Read, |opening, _| {
            let path = choose(&held(opening.keyring()))?;
            let (scope, history) = past_of_secret(opening, &path, name)?;
            let (path, scope) = (scope.path.clone(), scope.id());
            if history.versions().is_empty() {
                return Ok(Err(path));
            }
            Ok(Ok(Subject { path, scope, history }))
        })?;
        self.keep(vault, seen)?;
        Ok(subject)
    }
}

impl AuditReader<'_> {
    /// What ids are called.
    pub const fn names(&self) -> &AuditNames {
        &self.names
    }

    /// Whether all entries are given, and not the caller's own only.
    pub fn sees_all(&self) -> bool {
        self.session.principal.kind() == Kind::Administrator
    }

    /// The session that reads.
    pub const fn session(&self) -> &Session {
        self.session
    }

    /// Who reads.
    pub const fn me(&self) -> PrincipalId {
        self.session.principal.id()
    }

    /// Learns the names that are new.
    ///
    /// # Errors
    /// [`SessionError`], also where the caller has been revoked meanwhile.
    pub fn refresh(&mut self) -> Result<(), SessionError> {
        self.names = self.session.audit_names()?;
        Ok(())
    }

    /// The next entries that match; `None` at the end, which more may follow. A chain keeps its
    /// order, and several are merged by time.
    ///
    /// # Errors
    /// [`SessionError::Store`].
    pub fn next_page(
        &mut self,
        matches: &dyn Fn(&Entry) -> bool,
    ) -> Result<Option<Vec<Entry>>, SessionError> {
        let mut pages: Vec<VecDeque<Entry>> = Vec::new();
        for chain in self.session.audit_ends().map_err(SessionError::Store)?.into_keys() {
            let behind = self.behind.get(&chain).copied().unwrap_or(0);
            let page = self.session.store.audit_read(chain, behind, PAGE);
            pages.push(page.map_err(SessionError::Store)?.into());
        }
        let full: Vec<bool> = pages.iter().map(|page| page.len() == PAGE).collect();
        let mut merged = Vec::new();
        loop {
            let next = pages.iter().enumerate();
            let next = next.filter_map(|(at, page)| Some((page.front()?.event.time, at))).min();
            let Some(entry) = next.and_then(|(_, at)| pages[at].pop_front()) else { break };
            self.behind.insert(entry.chain, entry.seq);
            merged.push(entry);
            // What a full page did not show may come before the other chains' next entries.
            let ended = |(page, full): (&VecDeque<Entry>, &bool)| *full && page.is_empty();
            if pages.iter().zip(&full).any(ended) {
                break;
            }
        }
        if merged.is_empty() {
            return Ok(None);
        }
        merged.retain(|entry| self.shows(entry) && matches(entry));
        Ok(Some(merged))
    }

    /// The last entries that match, oldest first. Goes on behind them.
    ///
    /// # Errors
    /// [`SessionError::Store`].
    pub fn last(
        &mut self,
        limit: usize,
        matches: &dyn Fn(&Entry) -> bool,
    ) -> Result<Vec<Entry>, SessionError> {
        let ends = self.session.audit_ends().map_err(SessionError::Store)?;
        let mut found = Vec::new();
        for (chain, end) in &ends {
            let of_chain = self.last_of(*chain, *end, limit, matches);
            found.extend(of_chain.map_err(SessionError::Store)?);
        }
        self.behind = ends;
        // Stable: what happened in one chain at one time stays in its order.
        found.sort_by_key(|entry| entry.event.time);
        Ok(found.split_off(found.len().saturating_sub(limit)))
    }

    /// From the end back, window by window.
    fn last_of(
        &self,
        chain: u64,
        end: u64,
        limit: usize,
        matches: &dyn Fn(&Entry) -> bool,
    ) -> Result<Vec<Entry>, Trouble> {
        let shown = |entry: &Entry| entry.seq <= end && self.shows(entry) && matches(entry);
        let (mut found, mut before) = (VecDeque::new(), end);
        while before > 0 && found.len() < limit {
            let behind = before.saturating_sub(PAGE as u64);
            let mut window = self.session.store.audit_read(chain, behind, PAGE)?;
            window.retain(|entry| entry.seq <= before);
            if window.is_empty() {
                // No chain has such gaps. From the start it takes as long as there are entries.
                return self.last_by_reading_all(chain, limit, &shown);
            }
            window.into_iter().rev().filter(shown).for_each(|entry| found.push_front(entry));
            before = behind;
        }
        let more = found.len().saturating_sub(limit);
        Ok(found.into_iter().skip(more).collect())
    }

    fn last_by_reading_all(
        &self,
        chain: u64,
        limit: usize,
        shown: &dyn Fn(&Entry) -> bool,
    ) -> Result<Vec<Entry>, Trouble> {
        let (mut found, mut behind) = (VecDeque::new(), 0);
        loop {
            let page = self.session.store.audit_read(chain, behind, PAGE)?;
            let Some(last) = page.last() else { return Ok(found.into()) };
            behind = last.seq;
            found.extend(page.into_iter().filter(shown));
            found.drain(..found.len().saturating_sub(limit));
        }
    }

    fn shows(&self, entry: &Entry) -> bool {
        self.sees_all() || entry.event.principal == self.me()
    }
}
