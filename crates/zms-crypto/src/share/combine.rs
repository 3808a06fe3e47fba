//! From shares, in any order, back to the secret. spec/shares.md#combining

use std::collections::BTreeMap;

use super::{Parameters, Passphrase, Share, feistel::decrypt, progress::Progress, threshold};
use crate::{keys::Key, secret::SecretBytes};

/// Takes shares one by one until it has enough.
#[derive(Default)]
pub struct Combiner {
    parameters: Option<Parameters>,
    groups: BTreeMap<u8, Vec<Share>>,
}

/// In what a share differs from those of the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Field {
    /// The random number that all shares of a set bear.
    Identifier,
    /// Whether the identifier takes part in the cipher.
    Extendable,
    /// How slow the cipher is.
    IterationExponent,
    /// How many groups are needed.
    GroupThreshold,
    /// How many groups there are.
    GroupCount,
    /// How long the secret is.
    SecretLength,
    /// How many shares of its group are needed.
    MemberThreshold,
}

/// A share that was not taken; what was taken before is kept. Counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// It is of another set.
    #[error("the share is of another set")]
    OtherSet {
        /// The first field that shows it.
        field: Field,
    },
    /// It was taken already.
    #[error("share {member} of group {group} was given already")]
    Duplicate {
        /// Which group.
        group: u8,
        /// Which of its shares.
        member: u8,
    },
    /// Another one was taken in its place: they are of two sets that look alike.
    #[error("share {member} of group {group} was given already, with other words")]
    Conflict {
        /// Which group.
        group: u8,
        /// Which of its shares.
        member: u8,
    },
    /// Its group has as many as it needs.
    #[error("group {group} has all the shares that it needs")]
    GroupComplete {
        /// Which group.
        group: u8,
    },
    /// There are enough.
    #[error("there are enough shares already")]
    Complete,
}

/// The shares yield no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfinished {
    /// More shares are needed.
    #[error("more shares are needed")]
    TooFew,
    /// The shares of a group are not all of one set, though they look so.
    #[error("the shares of group {group} do not fit together: at least one is of another set")]
    Group {
        /// Which group, from 1.
        group: u8,
    },
    /// The groups are not all of one set, though they look so.
    #[error("the groups do not fit together: at least one is of another set")]
    Groups,
    /// The secret is no key.
    #[error("the shares hold a secret of {length} bytes, not a key")]
    NotAKey {
        /// How many bytes it has.
        length: usize,
    },
}

impl Combiner {
    /// Takes a share and says what is still needed.
    ///
    /// # Errors
    /// [`Refused`] where it does not belong to those before it or is not needed; those are kept.
    pub fn add(&mut self, share: Share) -> Result<Progress, Refused> {
        let parameters = *self.parameters.get_or_insert(share.parameters);
        if let Some(field) = first_difference(&parameters, &share.parameters) {
            return Err(Refused::OtherSet { field });
        }
        let (group, member) = (share.group_index + 1, share.member_index + 1);
        let members = self.groups.get(&share.group_index).map_or(&[][..], Vec::as_slice);
        if members.iter().any(|known| known.member_threshold != share.member_threshold) {
            return Err(Refused::OtherSet { field: Field::MemberThreshold });
        }
        if let Some(same) = members.iter().find(|known| known.member_index == share.member_index) {
            return Err(if same.has_value_of(&share) {
                Refused::Duplicate { group, member }
            } else {
                Refused::Conflict { group, member }
            });
        }
        if Progress::of(&parameters, &self.groups).is_complete() {
            return Err(Refused::Complete);
        }
        if is_complete(members) {
            return Err(Refused::GroupComplete { group });
        }
        self.groups.entry(share.group_index).or_default().push(share);
        Ok(Progress::of(&parameters, &self.groups))
    }

    /// What is still needed; nothing is known before the first share.
    pub fn progress(&self) -> Option<Progress> {
        Some(Progress::of(self.parameters.as_ref()?, &self.groups))
    }

    /// What all shares taken so far have in common.
    pub const fn parameters(&self) -> Option<Parameters> {
        self.parameters
    }

    /// Rebuilds the secret. **Compare what it yields with something known**: another passphrase
    /// gives another secret and no error. The shares are kept, for another passphrase.
    ///
    /// # Errors
    /// [`Unfinished`] where shares are missing or do not fit together.
    pub fn finish(&self, passphrase: Passphrase<'_>) -> Result<SecretBytes, Unfinished> {
        let parameters = self.parameters.ok_or(Unfinished::TooFew)?;
        let needed = usize::from(parameters.group_threshold);
        let mut values = Vec::with_capacity(needed);
        for (&index, members) in self.groups.iter().filter(|(_, members)| is_complete(members)) {
            // EXPOSE: each share is a point of its group's polynomials.
            let points: Vec<_> = members
                .iter()
                .map(|share| (share.member_index, share.value.expose().as_slice()))
                .collect();
            let value =
                threshold::rebuild(&points).map_err(|_| Unfinished::Group { group: index + 1 })?;
            values.push((index, value));
        }
        if values.len() < needed {
            return Err(Unfinished::TooFew);
        }
        // EXPOSE: each group is a point of the secret's polynomials.
        let points: Vec<_> =
            values.iter().map(|(index, value)| (*index, value.expose().as_slice())).collect();
        let encrypted = threshold::rebuild(&points).map_err(|_| Unfinished::Groups)?;
        Ok(decrypt(encrypted.expose(), passphrase, &parameters))
    }

    /// Rebuilds a key, as [`Combiner::finish`] does.
    ///
    /// # Errors
    /// As [`Combiner::finish`], and [`Unfinished::NotAKey`] for a secret that has not 32 bytes.
    pub fn finish_key(&self, passphrase: Passphrase<'_>) -> Result<Key, Unfinished> {
        let secret = self.finish(passphrase)?;
        // EXPOSE: the secret moves into a key.
        let bytes = secret.expose();
        let key = bytes.as_slice().try_into();
        Ok(Key::from_bytes(key.map_err(|_| Unfinished::NotAKey { length: bytes.len() })?))
    }
}

fn is_complete(members: &[Share]) -> bool {
    members.first().is_some_and(|first| members.len() == usize::from(first.member_threshold))
}

fn first_difference(ours: &Parameters, theirs: &Parameters) -> Option<Field> {
    [
        (Field::Identifier, ours.identifier != theirs.identifier),
        (Field::Extendable, ours.extendable != theirs.extendable),
        (Field::IterationExponent, ours.iteration_exponent != theirs.iteration_exponent),
        (Field::GroupThreshold, ours.group_threshold != theirs.group_threshold),
        (Field::GroupCount, ours.group_count != theirs.group_count),
        (Field::SecretLength, ours.secret_len != theirs.secret_len),
    ]
    .into_iter()
    .find_map(|(field, differs)| differs.then_some(field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::IterationExponent;

    const OURS: Parameters = Parameters {
        identifier: 7,
        extendable: true,
        iteration_exponent: IterationExponent::DEFAULT,
        group_threshold: 1,
        group_count: 2,
        secret_len: 32,
    };

    #[test]
    fn each_parameter_tells_another_set() {
        let slow = IterationExponent::new(2).expect("four bits");
        for (field, theirs) in [
            (None, OURS),
            (Some(Field::Identifier), Parameters { identifier: 8, ..OURS }),
            (Some(Field::Extendable), Parameters { extendable: false, ..OURS }),
            (Some(Field::IterationExponent), Parameters { iteration_exponent: slow, ..OURS }),
            (Some(Field::GroupThreshold), Parameters { group_threshold: 2, ..OURS }),
            (Some(Field::GroupCount), Parameters { group_count: 3, ..OURS }),
            (Some(Field::SecretLength), Parameters { secret_len: 16, ..OURS }),
        ] {
            assert_eq!(first_difference(&OURS, &theirs), field);
        }
    }
}
