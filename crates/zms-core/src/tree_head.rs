//! Merkle tree heads and inclusion proofs over the members (RFC 6962 section 2.1).
//! spec/roster.md#members-root

use zms_crypto::digest::sha256;

/// Longest proof: enough for 2^40 members.
pub const MAX_PROOF: usize = 40;

/// One step up from a leaf: on which side the other node stands, and its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Whether the other node stands left of ours.
    pub left: bool,
    /// The other node's hash.
    pub hash: [u8; 32],
}

fn leaf(part: &[u8]) -> [u8; 32] {
    sha256(&[&[0], part])
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    sha256(&[&[1], left, right])
}

/// All nodes of a tree, the leaves' level first. A last odd node moves up as it is, which is the
/// same tree as RFC 6962's split at the largest power of two.
pub struct Tree {
    levels: Vec<Vec<[u8; 32]>>,
}

impl Tree {
    /// Builds the tree over parts in the order given.
    pub fn new<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut levels = vec![parts.into_iter().map(leaf).collect::<Vec<_>>()];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let up = below.chunks(2).map(|pair| match pair {
                [left, right] => node(left, right),
                [odd] => *odd,
                _ => unreachable!("chunks of two hold one or two"),
            });
            let up = up.collect();
            levels.push(up);
        }
        Self { levels }
    }

    /// The tree head; of no leaves, the hash of nothing.
    pub fn root(&self) -> [u8; 32] {
        self.levels.last().and_then(|top| top.first()).copied().unwrap_or_else(|| sha256(&[]))
    }

    /// All node hashes, the leaves' level first, one level after another.
    pub fn nodes(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.levels.iter().flatten()
    }
}

/// Where in [`Tree::nodes`] the steps of a leaf's proof stand: (left, index) from the leaf up.
pub fn proof_positions(leaves: usize, mut at: usize) -> Vec<(bool, usize)> {
    let (mut offset, mut width, mut steps) = (0, leaves, Vec::new());
    while width > 1 {
        let other = at ^ 1;
        if other < width {
            steps.push((other < at, offset + other));
        }
        offset += width;
        width = width.div_ceil(2);
        at /= 2;
    }
    steps
}

/// The root that a part and its proof lead to; `None` for a proof longer than [`MAX_PROOF`].
pub fn root_from_proof(part: &[u8], proof: &[Step]) -> Option<[u8; 32]> {
    if proof.len() > MAX_PROOF {
        return None;
    }
    Some(proof.iter().fold(leaf(part), |hash, step| match step.left {
        true => node(&step.hash, &hash),
        false => node(&hash, &step.hash),
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 6962 section 2.1, written as the RFC writes it.
    fn mth(parts: &[Vec<u8>]) -> [u8; 32] {
        match parts {
            [] => sha256(&[]),
            [one] => leaf(one),
            many => {
                let split = many.len().next_power_of_two() / 2;
                node(&mth(&many[..split]), &mth(&many[split..]))
            }
        }
    }

    proptest! {
        #[test]
        fn heads_and_proofs_are_those_of_the_rfc(parts: Vec<Vec<u8>>) {
            let tree = Tree::new(parts.iter().map(Vec::as_slice));
            prop_assert_eq!(tree.root(), mth(&parts));
            let nodes: Vec<_> = tree.nodes().copied().collect();
            for (at, part) in parts.iter().enumerate() {
                let proof: Vec<_> = proof_positions(parts.len(), at)
                    .into_iter()
                    .map(|(left, index)| Step { left, hash: nodes[index] })
                    .collect();
                prop_assert_eq!(root_from_proof(part, &proof), Some(tree.root()));
                prop_assert_ne!(root_from_proof(b"other than any part", &proof), Some(tree.root()));
            }
        }
    }
}
