//! A secret in shares on paper: SLIP-0039. spec/shares.md
//!
//! A [`Scheme`] says how many shares there are and how many are needed. [`split`] makes them,
//! [`Share::to_words`] writes one and [`Share::parse`] reads one, and a [`Combiner`] takes them one
//! by one until it has enough.
//!
//! The checksum tells a share that is wrong, the identifier (15 bits) one of another set, and the
//! digest (32 bits) a set that does not fit together. None of them tells a wrong passphrase, so
//! whoever rebuilds a key must compare what it yields with something known, as a key file is
//! compared with its principal id.

mod checksum;
mod combine;
mod feistel;
mod field;
mod mnemonic;
mod polynomial;
mod progress;
mod scheme;
mod split;
mod threshold;
mod words;

pub use combine::{Combiner, Field, Refused, Unfinished};
pub use feistel::{IterationExponent, Passphrase, PassphraseRefused};
pub use mnemonic::ShareError;
pub use progress::{GroupProgress, Progress};
pub use scheme::{Group, Scheme, SchemeError};
pub use split::{Encryption, SecretLength, split, split_bytes};
pub use words::complete;

use crate::{lock::lock, secret::SecretBytes};

/// Most groups of a set, and most shares of a group.
pub const MOST: u8 = 16;
/// Bytes of the shortest secret. All lengths are even.
const SHORTEST: usize = 16;
/// Bytes of the longest secret: SLIP-0039 knows longer ones, we hold nothing longer than a key.
const LONGEST: usize = 32;

/// What all shares of a set have in common; not secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Random, 15 bits: tells one set from another.
    pub identifier: u16,
    /// Whether the identifier is kept out of the cipher. Ours always are.
    pub extendable: bool,
    /// How slow the cipher is.
    pub iteration_exponent: IterationExponent,
    /// How many groups are needed, from 1 to `group_count`.
    pub group_threshold: u8,
    /// How many groups there are, at most [`MOST`].
    pub group_count: u8,
    /// Bytes of the secret, even, from 16 to 32.
    pub secret_len: usize,
}

/// One share. Its words are as secret as the key, once there are enough of them.
pub struct Share {
    parameters: Parameters,
    group_index: u8,
    member_index: u8,
    member_threshold: u8,
    value: SecretBytes,
}

impl Share {
    /// What it has in common with the others of its set.
    pub const fn parameters(&self) -> Parameters {
        self.parameters
    }

    /// Which group it is of, from 0.
    pub const fn group_index(&self) -> u8 {
        self.group_index
    }

    /// Which of its group it is, from 0.
    pub const fn member_index(&self) -> u8 {
        self.member_index
    }

    /// How many of its group are needed, from 1.
    pub const fn member_threshold(&self) -> u8 {
        self.member_threshold
    }

    /// Whether both have the same value, found in the same time wherever they differ.
    fn has_value_of(&self, other: &Self) -> bool {
        // EXPOSE: the values are compared.
        let bytes = self.value.expose().iter().zip(other.value.expose());
        let differ = bytes.fold(0, |differ, (one, other)| differ | (one ^ other));
        self.value.expose().len() == other.value.expose().len() && differ == 0
    }
}

/// Zeros, to be filled in place with what is wiped again; kept out of swap.
fn wiped(len: usize) -> SecretBytes {
    let bytes = SecretBytes::new(vec![0; len]);
    lock(bytes.expose());
    bytes
}
