//! How many groups and shares there are, and how many of them are needed.

use super::MOST;

/// How many shares a group has, and how many of them it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// How many are needed, from 1 to `count`; more than 1 where there is more than one share.
    pub threshold: u8,
    /// How many there are, at most [`MOST`].
    pub count: u8,
}

/// Groups that fit together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    group_threshold: u8,
    groups: Vec<Group>,
}

/// The scheme can not be. Groups are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemeError {
    /// There is no group.
    #[error("shares need at least one group")]
    NoGroup,
    /// There are more groups than the words can number.
    #[error("there can be at most {MOST} groups, not {count}")]
    TooManyGroups {
        /// How many were asked for.
        count: usize,
    },
    /// No group is needed, or more than there are.
    #[error("{threshold} of {count} groups can not be needed")]
    GroupThreshold {
        /// How many would be needed.
        threshold: u8,
        /// How many there are.
        count: usize,
    },
    /// A group has no share.
    #[error("group {group} has no share")]
    NoShare {
        /// Which group.
        group: usize,
    },
    /// A group has more shares than the words can number.
    #[error("a group can have at most {MOST} shares, not {count} as group {group}")]
    TooManyShares {
        /// Which group.
        group: usize,
        /// How many shares were asked for.
        count: u8,
    },
    /// A group needs no share, or more than it has.
    #[error("{threshold} of {count} shares of group {group} can not be needed")]
    Threshold {
        /// Which group.
        group: usize,
        /// How many would be needed.
        threshold: u8,
        /// How many there are.
        count: u8,
    },
    /// One of several shares would do: all of them were the same secret, and each were enough.
    #[error("each of the {count} shares of group {group} alone would do: let at least 2 be needed")]
    OneOfMany {
        /// Which group.
        group: usize,
        /// How many shares there are.
        count: u8,
    },
}

impl Scheme {
    /// So many of these groups are needed.
    ///
    /// # Errors
    /// [`SchemeError`] where numbers do not fit, or one of several shares would do.
    pub fn new(group_threshold: u8, groups: &[Group]) -> Result<Self, SchemeError> {
        let count = groups.len();
        if count == 0 {
            return Err(SchemeError::NoGroup);
        }
        if count > MOST.into() {
            return Err(SchemeError::TooManyGroups { count });
        }
        if group_threshold == 0 || usize::from(group_threshold) > count {
            return Err(SchemeError::GroupThreshold { threshold: group_threshold, count });
        }
        for (group, shares) in (1..).zip(groups) {
            shares.check(group)?;
        }
        Ok(Self { group_threshold, groups: groups.to_vec() })
    }

    /// One group: so many of so many shares.
    ///
    /// # Errors
    /// As [`Scheme::new`].
    pub fn single(threshold: u8, count: u8) -> Result<Self, SchemeError> {
        Self::new(1, &[Group { threshold, count }])
    }

    /// How many groups are needed.
    pub const fn group_threshold(&self) -> u8 {
        self.group_threshold
    }

    /// The groups, at most [`MOST`].
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }
}

impl Group {
    fn check(self, group: usize) -> Result<(), SchemeError> {
        let Self { threshold, count } = self;
        match (threshold, count) {
            (_, 0) => Err(SchemeError::NoShare { group }),
            (_, count) if count > MOST => Err(SchemeError::TooManyShares { group, count }),
            (threshold, count) if threshold == 0 || threshold > count => {
                Err(SchemeError::Threshold { group, threshold, count })
            }
            (1, 2..) => Err(SchemeError::OneOfMany { group, count }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_is_what_can_be_rebuilt_and_needs_more_than_one_of_many() {
        for threshold in 0..=18 {
            for count in 0..=18 {
                let sound = count <= 16
                    && threshold <= count
                    && (threshold >= 2 || (threshold, count) == (1, 1));
                assert_eq!(Scheme::single(threshold, count).is_ok(), sound, "{threshold}/{count}");
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_scheme_is_named() {
        let group = |threshold, count| Group { threshold, count };
        let error = |threshold, groups: &[Group]| Scheme::new(threshold, groups).err();
        let good = group(2, 3);
        assert_eq!(error(1, &[]), Some(SchemeError::NoGroup));
        assert_eq!(error(1, &[good; 17]), Some(SchemeError::TooManyGroups { count: 17 }));
        assert_eq!(error(16, &[good; 16]), None);
        for threshold in [0, 3] {
            let expected = SchemeError::GroupThreshold { threshold, count: 2 };
            assert_eq!(error(threshold, &[good; 2]), Some(expected));
        }
        let second = |shares| error(2, &[good, shares]);
        assert_eq!(second(group(0, 0)), Some(SchemeError::NoShare { group: 2 }));
        assert_eq!(second(group(2, 17)), Some(SchemeError::TooManyShares { group: 2, count: 17 }));
        let expected = SchemeError::Threshold { group: 2, threshold: 4, count: 3 };
        assert_eq!(second(group(4, 3)), Some(expected));
        assert_eq!(second(group(1, 3)), Some(SchemeError::OneOfMany { group: 2, count: 3 }));
    }
}
