//! A set of shares, made and checked before anybody relies on it.

use zms_core::principal::Principal;
use zms_crypto::{
    SecretText,
    share::{Combiner, Encryption, Group, Passphrase, Scheme, Share, split},
};

use super::{
    Claim,
    notes::{self, Notes, Split},
};
use crate::{
    environment,
    exit::{Failure, Outcome},
    home::Home,
    output::Progress,
};

/// All shares of a key.
pub struct Set {
    /// Of which vault and key.
    pub claim: Claim,
    /// What the vault is called here.
    pub vault_name: String,
    /// When it was made, in unix seconds.
    pub at: u64,
    /// How its groups fit together.
    pub scheme: Scheme,
    /// The shares of each group.
    pub groups: Vec<Vec<Share>>,
}

/// One share, with what is said of it.
pub struct Member<'a> {
    /// Which group, from 1.
    pub group: usize,
    /// What the group needs.
    pub of: Group,
    /// The share.
    pub share: &'a Share,
}

impl Set {
    /// Splits an owner's seed, and combines every share once with others before it is given out.
    pub fn make(home: &Home, owner: &Principal, claim: Claim, scheme: Scheme) -> Outcome<Self> {
        let _drawn = Progress::spinner("making and checking the shares");
        let known = Notes::load(home).unwrap_or_default();
        let mut rng = environment::entropy();
        let groups = loop {
            let groups = split(owner.seed(), &scheme, Encryption::default(), &mut *rng);
            let name = super::set_name(&groups[0][0].parameters());
            // Two sets that are called the same could not be told apart.
            if known.splits.iter().all(|split| split.set != name) {
                break groups;
            }
        };
        let (at, vault_name) = (environment::now(), home.name().to_owned());
        let set = Self { claim, vault_name, at, scheme, groups };
        set.check(owner)?;
        Ok(set)
    }

    /// What it is called.
    pub fn name(&self) -> String {
        super::set_name(&self.groups[0][0].parameters())
    }

    /// Its shares, in their order.
    pub fn members(&self) -> impl Iterator<Item = Member<'_>> {
        let groups = (1..).zip(self.scheme.groups()).zip(&self.groups);
        groups.flat_map(|((group, of), shares)| {
            shares.iter().map(move |share| Member { group, of: *of, share })
        })
    }

    /// How it is noted.
    pub fn note(&self) -> Split {
        let groups = self.scheme.groups().iter();
        Split {
            at: self.at,
            key: self.claim.key.to_string(),
            set: self.name(),
            groups_needed: self.scheme.group_threshold(),
            groups: groups.map(|it| notes::Shares { needed: it.threshold, of: it.count }).collect(),
        }
    }

    /// Combines words that were written, in as many ways as it takes to use each share.
    fn check(&self, owner: &Principal) -> Outcome {
        let wrong = || Failure::other("the shares do not rebuild the key; none was given out");
        let needed = usize::from(self.scheme.group_threshold());
        let all = self.groups.len();
        for (at, group) in self.scheme.groups().iter().enumerate() {
            let threshold = usize::from(group.threshold);
            for first in (0..usize::from(group.count)).step_by(threshold) {
                let mut combiner = Combiner::default();
                for other in (0..needed).map(|step| (at + step) % all) {
                    let shares = &self.groups[other];
                    let threshold = usize::from(self.scheme.groups()[other].threshold);
                    let first = if other == at { first } else { 0 };
                    for member in (0..threshold).map(|step| (first + step) % shares.len()) {
                        let again = Share::parse(words(&shares[member]).expose());
                        combiner.add(again.map_err(|_| wrong())?).map_err(|_| wrong())?;
                    }
                }
                let key = combiner.finish_key(Passphrase::EMPTY).map_err(|_| wrong())?;
                if Principal::from_seed(owner.kind(), key).id() != owner.id() {
                    return Err(wrong());
                }
            }
        }
        Ok(())
    }
}

impl Member<'_> {
    /// Which of its group it is, from 1.
    pub fn index(&self) -> u8 {
        self.share.member_index() + 1
    }

    /// Its words.
    pub fn words(&self) -> SecretText {
        words(self.share)
    }

    /// Which share it is of how many, in words.
    pub fn title(&self) -> String {
        let of = self.of.count;
        match self.share.parameters().group_count {
            1 => format!("Share {} of {of}", self.index()),
            _ => format!("Share {} of {of} in group {}", self.index(), self.group),
        }
    }

    /// What it takes to rebuild the key, in words.
    pub fn needed(&self) -> String {
        let set = self.share.parameters();
        let shares = match (self.of.threshold, self.of.count) {
            (1, 1) => "this share alone".to_owned(),
            (needed, count) if needed == count => format!("all {count} shares"),
            (needed, count) => format!("any {needed} of the {count} shares"),
        };
        let groups = match (set.group_threshold, set.group_count) {
            (_, 1) => return shares,
            (1, all) => format!("and no other of the {all} groups"),
            (needed, all) if needed == all => format!("and as well of all {all} groups"),
            (needed, all) => format!("and so on for {needed} of the {all} groups in all"),
        };
        format!("{shares} of this group, {groups}")
    }

    /// Its name among files.
    pub fn file_name(&self) -> String {
        let (set, of) = (super::set_name(&self.share.parameters()), self.of.count);
        match self.share.parameters().group_count {
            1 => format!("zms-share-{set}-{}-of-{of}.html", self.index()),
            _ => format!("zms-share-{set}-group-{}-{}-of-{of}.html", self.group, self.index()),
        }
    }
}

fn words(share: &Share) -> SecretText {
    share.to_words()
}
