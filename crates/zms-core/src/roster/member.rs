//! A member's part of the tree head. spec/roster.md#members-root

use zms_crypto::digest::sha256;

use crate::{id::PrincipalId, tree_head::Tree};

/// `principal_id || SHA-256(line) || SHA-256(escrow) || SHA-256(keyring)`, ordered by its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberPart {
    /// The member.
    pub principal: PrincipalId,
    /// Hash of its line.
    pub line: [u8; 32],
    /// Hash of its sealed escrow.
    pub escrow: [u8; 32],
    /// Hash of its sealed keyring.
    pub keyring: [u8; 32],
}

impl MemberPart {
    /// Hashes what a member consists of.
    pub fn new(principal: PrincipalId, line: &[u8], escrow: &[u8], keyring: &[u8]) -> Self {
        Self {
            principal,
            line: sha256(&[line]),
            escrow: sha256(&[escrow]),
            keyring: sha256(&[keyring]),
        }
    }

    /// The leaf's bytes.
    pub fn encode(&self) -> [u8; 112] {
        let mut part = [0; 112];
        part[..16].copy_from_slice(self.principal.as_bytes());
        part[16..48].copy_from_slice(&self.line);
        part[48..80].copy_from_slice(&self.escrow);
        part[80..].copy_from_slice(&self.keyring);
        part
    }

    /// Reads a leaf's bytes.
    pub fn decode(part: &[u8; 112]) -> Self {
        let (principal, hashes) = part.split_first_chunk().expect("a part starts with an id");
        let (hashes, _) = hashes.as_chunks::<32>();
        let [line, escrow, keyring] = *hashes else { unreachable!("three hashes follow") };
        Self { principal: PrincipalId(*principal), line, escrow, keyring }
    }
}

/// Tree head over all members' parts, which must be sorted, no principal twice.
pub fn members_root<'a>(parts: impl IntoIterator<Item = &'a MemberPart>) -> [u8; 32] {
    let parts: Vec<[u8; 112]> = parts.into_iter().map(MemberPart::encode).collect();
    debug_assert!(parts.windows(2).all(|pair| pair[0][..16] < pair[1][..16]));
    Tree::new(parts.iter().map(|part| &part[..])).root()
}
