//! Queries: each has one spelling, so that what is signed says one thing. spec/engine.md#http
//!
//! A query is read by writing again what was understood, and comparing.

use std::{collections::BTreeSet, fmt::Write};

use zms_crypto::parts::Malformed;

use crate::{
    audit::Action,
    bundle::{
        Wanted,
        collect::{Of, Since, Wish},
    },
    id::{NameIndex, ScopeId},
};

/// Longest query in bytes: about a thousand ids.
pub const MAX_QUERY: usize = 32 * 1024;
/// Longest wait for a change, in seconds.
pub const MAX_WAIT: u64 = 50;
/// Most audit entries on a page.
pub const MAX_PAGE: usize = 10_000;

/// Which live records are to come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Records {
    /// All, whole.
    #[default]
    All,
    /// These whole, the others bare.
    Only(BTreeSet<NameIndex>),
    /// None at all.
    None,
}

/// Of which scopes the records come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Whose {
    /// Of all.
    #[default]
    All,
    /// Of those that the line itself names.
    Own,
    /// Of these.
    These(BTreeSet<ScopeId>),
}

/// What is asked of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BundleQuery {
    /// Only while there were so many commits.
    pub at: Option<u64>,
    /// The last so many messages of each chain; `None` is all of them.
    pub last: Option<u64>,
    /// Of the scopes that the line leads to, those; `None` is all of them.
    pub scopes: Option<BTreeSet<ScopeId>>,
    /// Which records.
    pub records: Records,
    /// Of which scopes.
    pub of: Whose,
    /// What the scopes were, too.
    pub past: bool,
    /// All members' parts and escrows, for administrators.
    pub everyone: bool,
}

impl BundleQuery {
    /// The query, without its `?`; empty where everything is asked for as it is now.
    pub fn encode(&self) -> String {
        let mut parts = Parts::default();
        parts.number("at", self.at);
        parts.number("last", self.last);
        if let Some(scopes) = &self.scopes {
            parts.put("scopes", &ids(scopes));
        }
        match &self.records {
            Records::All => {}
            Records::None => parts.put("records", "none"),
            Records::Only(names) => parts.put("records", &ids(names)),
        }
        match &self.of {
            Whose::All => {}
            Whose::Own => parts.put("of", "own"),
            Whose::These(scopes) => parts.put("of", &ids(scopes)),
        }
        for (name, asked) in [("past", self.past), ("everyone", self.everyone)] {
            if asked {
                parts.put(name, "1");
            }
        }
        parts.0
    }

    /// Reads a query, without its `?`.
    ///
    /// # Errors
    /// [`Malformed`] for anything but what [`BundleQuery::encode`] writes, and for what is longer
    /// than [`MAX_QUERY`].
    pub fn parse(query: &str) -> Result<Self, Malformed> {
        let mut asked = Self::default();
        for (name, value) in pairs(query)? {
            match name {
                "at" => asked.at = Some(number(value)?),
                "last" => asked.last = Some(number(value)?),
                "scopes" => asked.scopes = Some(set(value, ScopeId)?),
                "records" if value == "none" => asked.records = Records::None,
                "records" => asked.records = Records::Only(set(value, NameIndex)?),
                "of" if value == "own" => asked.of = Whose::Own,
                "of" => asked.of = Whose::These(set(value, ScopeId)?),
                "past" => asked.past = true,
                "everyone" => asked.everyone = true,
                _ => return Err(Malformed),
            }
        }
        same(asked.encode() == query, asked)
    }

    /// What is to be collected.
    pub fn wish(&self) -> Wish<'_> {
        Wish {
            scopes: self.scopes.as_ref(),
            records: match &self.records {
                Records::All => Some(Wanted::All),
                Records::Only(names) => Some(Wanted::Only(names.iter().copied().collect())),
                Records::None => None,
            },
            of: match &self.of {
                Whose::All => Of::All,
                Whose::Own => Of::Own,
                Whose::These(scopes) => Of::These(scopes),
            },
            since: self.last.map_or(Since::Beginning, Since::Last),
            past: self.past,
            everyone: self.everyone,
        }
    }
}

/// What a commit does, for the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitQuery {
    /// What its author calls it.
    pub action: Action,
}

impl CommitQuery {
    /// The query, without its `?`.
    pub fn encode(self) -> String {
        format!("action={}", self.action as u8)
    }

    /// Reads a query, without its `?`.
    ///
    /// # Errors
    /// [`Malformed`] for anything but one known action.
    pub fn parse(query: &str) -> Result<Self, Malformed> {
        let [("action", value)] = pairs(query)?[..] else { return Err(Malformed) };
        let known = u8::try_from(number(value)?).ok().and_then(Action::from_number);
        let asked = Self { action: known.ok_or(Malformed)? };
        same(asked.encode() == query, asked)
    }
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangesQuery {
    /// A commit behind so many.
    pub after: u64,
    /// For so many seconds, at most [`MAX_WAIT`].
    pub wait: u64,
}

impl ChangesQuery {
    /// The query, without its `?`.
    pub fn encode(self) -> String {
        format!("after={}&wait={}", self.after, self.wait)
    }

    /// Reads a query, without its `?`.
    ///
    /// # Errors
    /// [`Malformed`] for anything but both parts, and for a longer wait than [`MAX_WAIT`].
    pub fn parse(query: &str) -> Result<Self, Malformed> {
        let [("after", after), ("wait", wait)] = pairs(query)?[..] else { return Err(Malformed) };
        let asked = Self { after: number(after)?, wait: number(wait)? };
        same(asked.wait <= MAX_WAIT && asked.encode() == query, asked)
    }
}

/// Which audit entries are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditQuery {
    /// The chain.
    pub chain: u64,
    /// Behind this place.
    pub after: u64,
    /// So many, at most [`MAX_PAGE`].
    pub limit: usize,
}

impl AuditQuery {
    /// The query, without its `?`.
    pub fn encode(self) -> String {
        format!("chain={}&after={}&limit={}", self.chain, self.after, self.limit)
    }

    /// Reads a query, without its `?`.
    ///
    /// # Errors
    /// [`Malformed`] for anything but all three parts, and for more than [`MAX_PAGE`].
    pub fn parse(query: &str) -> Result<Self, Malformed> {
        let [("chain", chain), ("after", after), ("limit", limit)] = pairs(query)?[..] else {
            return Err(Malformed);
        };
        let limit = usize::try_from(number(limit)?).map_err(|_| Malformed)?;
        let asked = Self { chain: number(chain)?, after: number(after)?, limit };
        same(limit <= MAX_PAGE && asked.encode() == query, asked)
    }
}

/// A query in the making.
#[derive(Default)]
struct Parts(String);

impl Parts {
    fn put(&mut self, name: &str, value: &str) {
        let between = if self.0.is_empty() { "" } else { "&" };
        write!(self.0, "{between}{name}={value}").expect("a string takes every part");
    }

    fn number(&mut self, name: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.put(name, &value.to_string());
        }
    }
}

fn ids<T: ToString>(set: &BTreeSet<T>) -> String {
    set.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}

fn set<T: Ord>(text: &str, id: impl Fn([u8; 16]) -> T) -> Result<BTreeSet<T>, Malformed> {
    let ids = text.split(',').filter(|_| !text.is_empty());
    ids.map(|text| {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| Malformed)?;
        Ok(id(bytes))
    })
    .collect()
}

fn number(text: &str) -> Result<u64, Malformed> {
    text.parse().map_err(|_| Malformed)
}

fn pairs(query: &str) -> Result<Vec<(&str, &str)>, Malformed> {
    if query.len() > MAX_QUERY {
        return Err(Malformed);
    }
    let parts = query.split('&').filter(|_| !query.is_empty());
    parts.map(|part| part.split_once('=').ok_or(Malformed)).collect()
}

fn same<T>(holds: bool, asked: T) -> Result<T, Malformed> {
    if holds { Ok(asked) } else { Err(Malformed) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked() -> impl Strategy<Value = BundleQuery> {
        let scopes = || prop::collection::btree_set(any::<[u8; 16]>().prop_map(ScopeId), 0..4);
        let of = prop_oneof![Just(Whose::All), Just(Whose::Own), scopes().prop_map(Whose::These)];
        let names = prop::collection::btree_set(any::<[u8; 16]>().prop_map(NameIndex), 0..4);
        let records =
            prop_oneof![Just(Records::All), Just(Records::None), names.prop_map(Records::Only),];
        let numbers = (prop::option::of(any::<u64>()), prop::option::of(any::<u64>()));
        (numbers, prop::option::of(scopes()), records, of, any::<(bool, bool)>()).prop_map(
            |((at, last), scopes, records, of, (past, everyone))| BundleQuery {
                at,
                last,
                scopes,
                records,
                of,
                past,
                everyone,
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_asked_is_read_as_it_was_written(asked in asked()) {
            prop_assert_eq!(BundleQuery::parse(&asked.encode()), Ok(asked));
        }

        #[test]
        fn queries_of_any_shape_are_read_or_refused(
            query in "((at|last|scopes|records|of|past|everyone|action|after|wait|chain|limit)=[0-9a-f,]{0,40}&?){0,4}"
        ) {
            if let Ok(asked) = BundleQuery::parse(&query) {
                prop_assert_eq!(asked.encode(), query.clone());
            }
            if let Ok(asked) = CommitQuery::parse(&query) {
                prop_assert_eq!(asked.encode(), query.clone());
            }
            if let Ok(asked) = ChangesQuery::parse(&query) {
                prop_assert_eq!(asked.encode(), query.clone());
            }
            if let Ok(asked) = AuditQuery::parse(&query) {
                prop_assert_eq!(asked.encode(), query);
            }
        }
    }

    #[test]
    fn a_query_has_one_spelling() {
        let id = "0123456789abcdef0123456789abcdef";
        for good in [
            "",
            "at=7",
            "scopes=",
            "records=none",
            "of=own",
            "of=",
            "at=1&last=2&past=1&everyone=1",
        ] {
            assert!(BundleQuery::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "?",
            "&",
            "at",
            "at=",
            "at=07",
            "at=+7",
            "at=18446744073709551616",
            "at=1&at=1",
            "last=1&at=1",
            "at=1&",
            "past=0",
            "past=true",
            "records=all",
            "records=None",
            "of=Own",
            "of=own&records=none",
            "limit=1",
            "at=1;last=1",
            "a%74=1",
            &format!("scopes={id},{id}"),
            &format!("scopes={}", id.to_uppercase()),
            &format!("scopes={},{id}", id.replace('0', "f")),
            &format!("scopes={id},"),
            &format!("scopes={}", &id[1..]),
            &format!("last={}", "0".repeat(MAX_QUERY)),
        ] {
            assert_eq!(BundleQuery::parse(bad), Err(Malformed), "{bad}");
        }
        assert!(ChangesQuery::parse("after=0&wait=50").is_ok());
        for bad in ["after=0", "after=0&wait=51", "wait=1&after=0", "after=0&wait=1&wait=1"] {
            assert_eq!(ChangesQuery::parse(bad), Err(Malformed), "{bad}");
        }
        assert!(CommitQuery::parse("action=2").is_ok());
        for bad in ["", "action=", "action=0", "action=258", "action=02", "action=2&action=2"] {
            assert_eq!(CommitQuery::parse(bad), Err(Malformed), "{bad}");
        }
        assert!(AuditQuery::parse("chain=0&after=0&limit=10000").is_ok());
        for bad in ["chain=0&after=0", "chain=0&after=0&limit=10001", "limit=1&chain=0&after=0"] {
            assert_eq!(AuditQuery::parse(bad), Err(Malformed), "{bad}");
        }
    }
}
