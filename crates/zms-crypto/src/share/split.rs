//! From a secret to its shares. spec/shares.md#splitting

use rand_core::CryptoRng;

use super::{
    Group, IterationExponent, LONGEST, Parameters, Passphrase, SHORTEST, Scheme, Share,
    feistel::encrypt, threshold,
};
use crate::{keys::Key, secret::SecretBytes};

/// What the secret is encrypted under before it is split.
#[derive(Clone, Copy)]
pub struct Encryption<'a> {
    /// Needed beside the shares; empty by default.
    pub passphrase: Passphrase<'a>,
    /// How slow a guess at the passphrase is.
    pub iteration_exponent: IterationExponent,
}

impl Default for Encryption<'_> {
    fn default() -> Self {
        Self { passphrase: Passphrase::EMPTY, iteration_exponent: IterationExponent::DEFAULT }
    }
}

/// The secret is not of a length that can be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret to be split has an even number of bytes from {SHORTEST} to {LONGEST}")]
pub struct SecretLength;

/// Splits a key: the shares of each group, in the scheme's order.
pub fn split(
    key: &Key,
    scheme: &Scheme,
    encryption: Encryption<'_>,
    rng: &mut dyn CryptoRng,
) -> Vec<Vec<Share>> {
    // EXPOSE: the key is what is split.
    split_bytes(key.expose(), scheme, encryption, rng).expect("a key has 32 bytes")
}

/// Splits secret bytes: the shares of each group, in the scheme's order.
///
/// # Errors
/// [`SecretLength`] unless they are even in number and from 16 to 32.
pub fn split_bytes(
    secret: &[u8],
    scheme: &Scheme,
    encryption: Encryption<'_>,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<Vec<Share>>, SecretLength> {
    if !(SHORTEST..=LONGEST).contains(&secret.len()) || !secret.len().is_multiple_of(2) {
        return Err(SecretLength);
    }
    let groups = scheme.groups();
    let group_count = groups.len().try_into().expect("a scheme has few groups");
    let parameters = Parameters {
        identifier: (rng.next_u32() & 0x7fff) as u16,
        extendable: true,
        iteration_exponent: encryption.iteration_exponent,
        group_threshold: scheme.group_threshold(),
        group_count,
        secret_len: secret.len(),
    };
    let encrypted = encrypt(secret, encryption.passphrase, &parameters);
    // EXPOSE: what is split once is split again, group by group.
    let values =
        threshold::split((parameters.group_threshold, group_count), encrypted.expose(), rng);
    let of_group = |((group_index, group), value): ((u8, &Group), SecretBytes)| {
        let values = threshold::split((group.threshold, group.count), value.expose(), rng);
        let share = |(member_index, value)| Share {
            parameters,
            group_index,
            member_index,
            member_threshold: group.threshold,
            value,
        };
        (0..).zip(values).map(share).collect()
    };
    Ok((0..).zip(groups).zip(values).map(of_group).collect())
}
