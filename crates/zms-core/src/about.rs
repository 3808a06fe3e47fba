//! What is said of a scope as a whole: marks on its versions, and what is asked of those who write
//! it as a whole. spec/versions.md#about

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use crate::cbor;

/// Most versions that are shown where nothing else is said.
pub const USUAL_VERSIONS: u32 = 10;
/// Most marks, and most revisions that are no versions, that are kept: the newest.
const KEPT: usize = 4096;

/// A mark on one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// From then on (unix seconds) it is not shown; that can be taken back.
    Deleted(u64),
    /// It is not shown any more.
    Destroyed,
}

/// What is said of a scope beside its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// Revisions that changed records and are no version of their own, with the version that was
    /// the newest then.
    pub quiet: BTreeMap<u64, u64>,
    /// Marks on versions.
    pub marks: BTreeMap<u64, Mark>,
    /// What people say of it, by their own keys.
    pub custom: BTreeMap<String, String>,
    /// How many versions are shown; 0 is as usual.
    pub max_versions: u32,
    /// Whether who writes it as a whole has to name the version before.
    pub cas_required: bool,
    /// Seconds after which a version is deleted; 0 is never.
    pub delete_after: u64,
    /// Versions up to this one are forgotten: as if they had never been.
    pub forgotten: u64,
    /// What it is for.
    pub description: String,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Wire {
    #[n(1)]
    quiet: Option<Vec<(u64, u64)>>,
    /// The version, and unix seconds, or 0 where it is destroyed.
    #[n(2)]
    marks: Option<Vec<(u64, u64)>>,
    #[n(3)]
    custom: Option<Vec<(String, String)>>,
    #[n(4)]
    max_versions: Option<u32>,
    /// 1, or absent.
    #[n(5)]
    cas_required: Option<u8>,
    #[n(6)]
    delete_after: Option<u64>,
    #[n(7)]
    forgotten: Option<u64>,
    #[n(8)]
    description: Option<String>,
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}

fn number<T: PartialEq + Default>(number: T) -> Option<T> {
    Some(number).filter(|number| *number != T::default())
}

/// A list in which every key stands once, ascending.
fn map<K: Ord, V>(list: Option<Vec<(K, V)>>) -> Option<BTreeMap<K, V>> {
    let Some(list) = list else { return Some(BTreeMap::new()) };
    let sorted = list.is_sorted_by(|one, next| one.0 < next.0) && !list.is_empty();
    sorted.then(|| list.into_iter().collect())
}

impl About {
    /// The value's bytes.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mark = |(version, mark): (&u64, &Mark)| match mark {
            Mark::Deleted(at) => (*version, (*at).max(1)),
            Mark::Destroyed => (*version, 0),
        };
        let custom = self.custom.iter().map(|(key, value)| (key.clone(), value.clone()));
        let wire = Wire {
            quiet: some(
                self.quiet.iter().map(|(revision, version)| (*revision, *version)).collect(),
            ),
            marks: some(self.marks.iter().map(mark).collect()),
            custom: some(custom.collect()),
            max_versions: number(self.max_versions),
            cas_required: self.cas_required.then_some(1),
            delete_after: number(self.delete_after),
            forgotten: number(self.forgotten),
            description: Some(self.description.clone()).filter(|text| !text.is_empty()),
        };
        let texts: usize =
            self.custom.iter().map(|(key, value)| key.len() + value.len() + 12).sum();
        let pairs = (self.quiet.len() + self.marks.len()) * 20;
        cbor::encode(&wire, texts + pairs + self.description.len() + 100)
    }

    /// Reads the value's bytes.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let wire: Wire = cbor::decode(bytes).ok()?;
        let zeros = wire.max_versions == Some(0)
            || wire.delete_after == Some(0)
            || wire.forgotten == Some(0)
            || wire.cas_required.is_some_and(|required| required != 1)
            || wire.description.as_deref() == Some("");
        if zeros {
            return None;
        }
        let mark =
            |(version, at)| (version, if at == 0 { Mark::Destroyed } else { Mark::Deleted(at) });
        Some(Self {
            quiet: map(wire.quiet)?,
            marks: map(wire.marks)?.into_iter().map(mark).collect(),
            custom: map(wire.custom)?,
            max_versions: wire.max_versions.unwrap_or(0),
            cas_required: wire.cas_required.is_some(),
            delete_after: wire.delete_after.unwrap_or(0),
            forgotten: wire.forgotten.unwrap_or(0),
            description: wire.description.unwrap_or_default(),
        })
    }

    /// Whether a version is not shown at a time in unix seconds.
    pub fn hides(&self, version: u64, now: u64) -> bool {
        match self.marks.get(&version) {
            Some(Mark::Deleted(at)) => now >= *at,
            Some(Mark::Destroyed) => true,
            None => false,
        }
    }

    /// Whether anything is said that would not be there without somebody saying it.
    pub fn says(&self) -> bool {
        let Self { custom, max_versions, cas_required, delete_after, description, .. } = self;
        !custom.is_empty()
            || !description.is_empty()
            || *max_versions > 0
            || *cas_required
            || *delete_after > 0
    }

    /// Lets go of the oldest of what would grow without an end.
    #[must_use]
    pub fn trimmed(mut self) -> Self {
        while self.quiet.len() > KEPT {
            self.quiet.pop_first();
        }
        while self.marks.len() > KEPT {
            self.marks.pop_first();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_state_has_one_encoding() {
        let about = About {
            quiet: [(3, 2), (5, 2)].into(),
            marks: [(1, Mark::Destroyed), (2, Mark::Deleted(1_700_000_000))].into(),
            custom: [("owner".to_owned(), "team".to_owned())].into(),
            max_versions: 4,
            cas_required: true,
            delete_after: 60,
            forgotten: 1,
            description: "of a mount".to_owned(),
        };
        assert_eq!(About::decode(&about.encode()), Some(about));
        assert_eq!(About::decode(&About::default().encode()), Some(About::default()));
        for bad in
            ["a10400", "a10502", "a10160", "a1018182010281", "a101828203028201 02", "a10860", ""]
        {
            let bytes = hex::decode(bad.replace(' ', "")).unwrap_or_default();
            assert_eq!(About::decode(&bytes), None, "{bad}");
        }
    }

    #[test]
    fn a_version_is_hidden_from_its_time_on() {
        let about = About { marks: [(2, Mark::Deleted(100))].into(), ..About::default() };
        assert!(!about.hides(2, 99) && about.hides(2, 100) && !about.hides(1, 100));
    }
}
