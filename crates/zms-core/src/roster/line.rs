//! A member's line: its key, its rights, its limits. spec/roster.md#line

use std::collections::BTreeMap;

use zms_crypto::{
    parts::{Malformed, Parts, PartsReader},
    sign::VerifyingKey,
};

use crate::{
    id::{PrincipalId, ScopeId},
    principal::{Kind, Principal, principal_id},
};

const TAG: &str = "zms/v1/line";

/// What a member may do with a scope; a greater right includes the lesser ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Right {
    /// Read this scope's own records.
    Exact = 1,
    /// Read the subtree.
    Read = 2,
    /// Read, write and shape the subtree.
    Write = 3,
}

impl Right {
    /// Reads the number of a line.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Exact),
            2 => Some(Self::Read),
            3 => Some(Self::Write),
            _ => None,
        }
    }
}

/// Rights by scope: one each, the greatest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rights(BTreeMap<ScopeId, Right>);

impl Rights {
    /// Adds a right; a greater one that is there stays.
    pub fn add(&mut self, scope: ScopeId, right: Right) {
        let held = self.0.entry(scope).or_insert(right);
        *held = right.max(*held);
    }

    /// Takes a scope's right out.
    pub fn remove(&mut self, scope: ScopeId) -> Option<Right> {
        self.0.remove(&scope)
    }

    /// The right on exactly this scope.
    pub fn on(&self, scope: ScopeId) -> Option<Right> {
        self.0.get(&scope).copied()
    }

    /// All of them, by scope id.
    pub fn iter(&self) -> impl Iterator<Item = (ScopeId, Right)> + '_ {
        self.0.iter().map(|(scope, right)| (*scope, *right))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many scopes are named.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// `LP(scope id || right, ..)`, sorted.
    pub fn encode(&self) -> Vec<u8> {
        self.0
            .iter()
            .fold(Parts::default(), |parts, (scope, right)| {
                let mut part = [0; 17];
                part[..16].copy_from_slice(scope.as_bytes());
                part[16] = *right as u8;
                parts.bytes(&part)
            })
            .finish()
    }

    /// Reads the encoding.
    ///
    /// # Errors
    /// [`Malformed`] where it is unsorted, names a scope twice or an unknown right.
    pub fn parse(encoded: &[u8]) -> Result<Self, Malformed> {
        let (mut parts, mut rights) = (PartsReader::new(encoded), BTreeMap::new());
        while !parts.is_empty() {
            let [scope @ .., right] = parts.array::<17>()?;
            let scope = ScopeId(scope);
            if rights.last_key_value().is_some_and(|(last, _)| *last >= scope) {
                return Err(Malformed);
            }
            rights.insert(scope, Right::from_number(right).ok_or(Malformed)?);
        }
        Ok(Self(rights))
    }
}

/// Limits that a live engine enforces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// Address ranges in CIDR text; none means any.
    pub addresses: Vec<String>,
    /// Most uses; 0 means unlimited.
    pub uses: u32,
}

impl Limits {
    /// So many uses, from anywhere; 0 is without a limit.
    pub const fn of_uses(uses: u32) -> Self {
        Self { addresses: Vec::new(), uses }
    }

    fn encode(&self) -> Vec<u8> {
        if *self == Self::default() {
            return Vec::new();
        }
        let addresses = self.addresses.iter().map(String::as_bytes);
        Parts::default().bytes(&Parts::default().each(addresses).finish()).u32(self.uses).finish()
    }

    fn parse(encoded: &[u8]) -> Result<Self, Malformed> {
        if encoded.is_empty() {
            return Ok(Self::default());
        }
        let mut parts = PartsReader::new(encoded);
        let (mut list, mut limits) = (PartsReader::new(parts.bytes()?), Self::default());
        while !list.is_empty() {
            let text = std::str::from_utf8(list.bytes()?).map_err(|_| Malformed)?;
            limits.addresses.push(text.to_owned());
        }
        limits.uses = parts.u32()?;
        parts.end()?;
        // "No limits" has one encoding: nothing.
        if limits == Self::default() { Err(Malformed) } else { Ok(limits) }
    }
}

/// What the roster says of one member. Its hash stands under the members' tree head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The member.
    pub principal: PrincipalId,
    /// Verifies what it signs.
    pub vk: VerifyingKey,
    /// What it is.
    pub kind: Kind,
    /// Unix seconds before which nothing it signs counts.
    pub not_before: u64,
    /// Unix seconds past which it is nobody; `None` is never.
    pub expires: Option<u64>,
    /// What it may do where.
    pub rights: Rights,
    /// What an engine holds it to.
    pub limits: Limits,
}

impl Line {
    /// A line for a principal, without limits.
    pub fn new(
        principal: &Principal,
        not_before: u64,
        expires: Option<u64>,
        rights: Rights,
    ) -> Self {
        Self {
            principal: principal.id(),
            vk: principal.verifying_key(),
            kind: principal.kind(),
            not_before,
            expires,
            rights,
            limits: Limits::default(),
        }
    }

    /// The encoding whose hash is listed.
    pub fn encode(&self) -> Vec<u8> {
        Parts::tagged(TAG)
            .bytes(self.principal.as_bytes())
            .bytes(&self.vk.0)
            .u8(self.kind as u8)
            .u64(self.not_before)
            .u64(self.expires.unwrap_or(0))
            .bytes(&self.rights.encode())
            .bytes(&self.limits.encode())
            .finish()
    }

    /// Reads a line; the principal's id is recomputed from its key.
    ///
    /// # Errors
    /// [`Malformed`] for anything but exactly these parts.
    pub fn parse(encoded: &[u8]) -> Result<Self, Malformed> {
        let mut parts = PartsReader::tagged(encoded, TAG)?;
        let line = Self {
            principal: PrincipalId(parts.array()?),
            vk: VerifyingKey(parts.array()?),
            kind: Kind::from_number(parts.u8()?).ok_or(Malformed)?,
            not_before: parts.u64()?,
            expires: Some(parts.u64()?).filter(|at| *at != 0),
            rights: Rights::parse(parts.bytes()?)?,
            limits: Limits::parse(parts.bytes()?)?,
        };
        parts.end()?;
        if line.principal == principal_id(&line.vk) { Ok(line) } else { Err(Malformed) }
    }

    /// Whether the line is past its end.
    pub fn expired(&self, now: u64) -> bool {
        self.expires.is_some_and(|at| now > at)
    }

    /// Whether a time lies in the line's validity.
    pub fn covers(&self, time: u64) -> bool {
        time >= self.not_before && !self.expired(time)
    }

    /// Whether the line may write in a scope of this lineage.
    pub fn writes(&self, lineage: &[ScopeId]) -> bool {
        lineage.iter().any(|scope| self.rights.on(*scope) == Some(Right::Write))
    }
}
