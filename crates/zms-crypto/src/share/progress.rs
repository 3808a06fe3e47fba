//! What is still needed to rebuild a secret.

use std::collections::BTreeMap;

use super::{Parameters, Share};

/// How far a [`Combiner`](super::Combiner) is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// How many groups are needed.
    pub group_threshold: u8,
    /// How many groups there are.
    pub group_count: u8,
    /// The groups of which there is a share, in order. How many shares another group needs is not
    /// known before its first.
    pub groups: Vec<GroupProgress>,
}

/// How far a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupProgress {
    /// Which group, from 0.
    pub index: u8,
    /// How many of its shares are needed.
    pub threshold: u8,
    /// How many there are, at most as many as are needed.
    pub given: u8,
}

impl GroupProgress {
    /// How many of its shares are still needed.
    pub const fn needed(self) -> u8 {
        self.threshold - self.given
    }
}

impl Progress {
    pub(super) fn of(parameters: &Parameters, groups: &BTreeMap<u8, Vec<Share>>) -> Self {
        let of_group = |(&index, members): (_, &Vec<Share>)| {
            let threshold = members.first()?.member_threshold;
            let given = u8::try_from(members.len()).expect("a group takes as many as it needs");
            Some(GroupProgress { index, threshold, given })
        };
        Self {
            group_threshold: parameters.group_threshold,
            group_count: parameters.group_count,
            groups: groups.iter().filter_map(of_group).collect(),
        }
    }

    /// How many groups are still to be completed.
    pub fn groups_needed(&self) -> u8 {
        let complete = self.groups.iter().filter(|group| group.needed() == 0);
        complete.fold(self.group_threshold, |needed, _| needed.saturating_sub(1))
    }

    /// Whether no more shares are needed.
    pub fn is_complete(&self) -> bool {
        self.groups_needed() == 0
    }
}
