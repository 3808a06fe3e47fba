//! Mints and lists tokens.

use zms_core::{
    audit::Action,
    bundle::Standing,
    change::{
        rotate::rotate,
        token::{Grant, NewToken, TokenKind, create},
    },
    id::PrincipalId,
    open::{OpenScope, Reading},
    path::{ScopePath, Segment},
    principal::Principal,
    roster::{Limits, Right},
};

use super::{Session, SessionError};

/// One scope that a token is asked for.
pub struct TokenScope {
    /// Where.
    pub path: ScopePath,
    /// Whether it may also write there.
    pub write: bool,
    /// Whether the scopes above are read too.
    pub inherit: bool,
}

/// A token to be made.
pub struct TokenRequest {
    /// The name people will know it by.
    pub label: Segment,
    /// What it is for.
    pub scopes: Vec<TokenScope>,
    /// Unix seconds past which it is nobody.
    pub expires: Option<u64>,
    /// What an engine holds it to.
    pub limits: Limits,
    /// Whether it is a second administrator: then its scopes say nothing.
    pub administers: bool,
}

/// What an administrator sees of a token.
pub struct TokenInfo {
    /// Its public id.
    pub id: PrincipalId,
    /// The name people know it by.
    pub label: String,
    /// What it is.
    pub kind: zms_core::principal::Kind,
    /// Unix seconds of its making.
    pub created: u64,
    /// Unix seconds past which it is nobody.
    pub expires: Option<u64>,
    /// What it opens: the path, and the right there.
    pub scopes: Vec<(ScopePath, Right)>,
    /// What an engine holds it to.
    pub limits: Limits,
}

impl Session {
    /// Makes a service token and gives back its principal, whose seed is to be shown once.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn create_token(&mut self, request: &TokenRequest) -> Result<Principal, SessionError> {
        self.change(Action::Grant, |opening, rng| {
            let ways: Vec<Vec<OpenScope>> = request
                .scopes
                .iter()
                .map(|scope| opening.way(&scope.path, Reading::Structure))
                .collect::<Result<_, _>>()?;
            let grants = request.scopes.iter().zip(&ways).map(|(scope, way)| Grant {
                way,
                write: scope.write,
                inherit: scope.inherit,
            });
            let new = NewToken {
                label: request.label.clone(),
                kind: match request.administers {
                    true => TokenKind::Administrator,
                    false => TokenKind::Service,
                },
                grants: grants.collect(),
                expires: request.expires,
                limits: request.limits.clone(),
            };
            let (batch, principal) = create(opening, &new, rng)?;
            Ok((Some(batch), principal))
        })
    }

    /// Replaces a token by one with the same name and rights, and gives back its principal. The old
    /// one is out at once; what it could open is pending. `expires` is in unix seconds.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn rotate_token(
        &mut self,
        old: PrincipalId,
        expires: Option<u64>,
    ) -> Result<Principal, SessionError> {
        self.change(Action::Grant, |opening, rng| {
            let (batch, principal) = rotate(opening, old, expires, rng)?;
            Ok((Some(batch), principal))
        })
    }

    /// Whether the store has a member of this id: its word, proven by nothing.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn lists(&self, principal: PrincipalId) -> Result<bool, SessionError> {
        Ok(matches!(self.standing(principal)?, Standing::Member(_)))
    }

    /// What the store knows of somebody now. It is not verified.
    ///
    /// # Errors
    /// [`SessionError::Store`].
    pub fn standing(&self, principal: PrincipalId) -> Result<Standing, SessionError> {
        let standing = self.store.bundle().and_then(|bundle| bundle.standing(principal));
        standing.map_err(SessionError::Store)
    }

    /// All members of the vault, by name.
    ///
    /// # Errors
    /// [`SessionError`]; only an administrator sees them.
    pub fn tokens(&mut self) -> Result<Vec<TokenInfo>, SessionError> {
        let (mut tokens, vault, seen) = self.opened_audited(Action::Read, |opening, _| {
            let members =
                opening.members()?.ok_or(zms_core::change::ChangeError::NotAdministrator)?;
            let info = |id| {
                let (line, escrow) = (members.line(id)?, members.escrow(id)?);
                let (_, keyring) = members.keyring(id)?;
                let scopes = keyring
                    .entries
                    .iter()
                    .filter_map(|entry| Some((entry.path.clone(), line.rights.on(entry.scope())?)));
                let mut scopes: Vec<_> = scopes.collect();
                scopes.sort();
                Ok(TokenInfo {
                    id,
                    label: escrow.label,
                    kind: line.kind,
                    created: line.not_before,
                    expires: line.expires,
                    scopes,
                    limits: line.limits,
                })
            };
            members.ids().map(info).collect::<Result<Vec<_>, SessionError>>()
        })?;
        self.keep(vault, seen)?;
        tokens.sort_by(|a, b| a.label.cmp(&b.label));
        Ok(tokens)
    }
}
