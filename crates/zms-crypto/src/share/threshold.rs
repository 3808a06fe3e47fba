//! One secret, so many shares, of which so many give it back, with a digest that tells whether
//! they did. spec/shares.md#splitting

use hmac::{Hmac, KeyInit, Mac};
use rand_core::CryptoRng;
use sha2::Sha256;

use super::{
    polynomial::{self, DIGEST_AT, Point, SECRET_AT, interpolate},
    wiped,
};
use crate::secret::SecretBytes;

/// Bytes of the digest; random bytes, which key it, fill the rest of its point.
const DIGEST_LEN: usize = 4;

/// The shares do not give back what was split.
pub(super) struct Inconsistent;

/// Splits a secret into shares at 0, 1, .. `(threshold, count)` is sound, as a scheme says.
pub(super) fn split(
    (threshold, count): (u8, u8),
    secret: &[u8],
    rng: &mut dyn CryptoRng,
) -> Vec<SecretBytes> {
    if threshold == 1 {
        return (0..count).map(|_| copy(secret)).collect();
    }
    let mut point = wiped(secret.len());
    // EXPOSE: the digest's point is filled in place.
    let (digest, random) = point.expose_mut().split_at_mut(DIGEST_LEN);
    rng.fill_bytes(random);
    digest.copy_from_slice(&keyed(random, secret).finalize().into_bytes()[..DIGEST_LEN]);
    polynomial::split((threshold, count), secret, point.expose(), rng)
}

/// Rebuilds a secret from exactly as many shares as its threshold says.
///
/// # Errors
/// [`Inconsistent`] where the digest differs; it is compared in constant time. A threshold of one
/// has no digest.
pub(super) fn rebuild(points: &[Point<'_>]) -> Result<SecretBytes, Inconsistent> {
    if let [(_, only)] = points {
        return Ok(copy(only));
    }
    let secret = interpolate(SECRET_AT, points);
    let point = interpolate(DIGEST_AT, points);
    // EXPOSE: the digest is computed and compared.
    let (digest, random) = point.expose().split_at_checked(DIGEST_LEN).ok_or(Inconsistent)?;
    keyed(random, secret.expose()).verify_truncated_left(digest).map_err(|_| Inconsistent)?;
    Ok(secret)
}

fn keyed(random: &[u8], secret: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(random).expect("HMAC takes any key length").chain_update(secret)
}

fn copy(secret: &[u8]) -> SecretBytes {
    let mut copy = wiped(secret.len());
    copy.expose_mut().copy_from_slice(secret);
    copy
}

#[cfg(test)]
mod tests {
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
    use rand_core::Rng;

    use super::*;

    /// With a threshold of two the digest's random bytes are all that hides the secret.
    #[test]
    fn the_random_bytes_of_digest_and_shares_are_those_of_the_generator_each_used_once() {
        let secret = [0x5a; 32];
        for threshold in 2..=16 {
            let shares = split((threshold, 16), &secret, &mut ChaCha20Rng::seed_from_u64(12));
            let points: Vec<_> = (0..16).zip(&shares).rev().take(threshold.into()).collect();
            let points: Vec<_> =
                points.iter().map(|(at, share)| (*at, share.expose().as_slice())).collect();
            let mut same = ChaCha20Rng::seed_from_u64(12);
            let mut random = [0; 28];
            same.fill_bytes(&mut random);
            assert!(interpolate(DIGEST_AT, &points).expose()[DIGEST_LEN..] == random);
            for share in &shares[..usize::from(threshold) - 2] {
                let mut random = [0; 32];
                same.fill_bytes(&mut random);
                assert!(*share.expose() == random);
            }
            assert!(rebuild(&points).is_ok_and(|rebuilt| *rebuilt.expose() == secret));
        }
    }

    #[test]
    fn a_change_of_any_bit_of_any_share_is_seen() {
        let shares = split((3, 3), &[0x5a; 16], &mut ChaCha20Rng::seed_from_u64(13));
        let mut shares: Vec<_> = shares.iter().map(|share| share.expose().clone()).collect();
        for share in 0..3 {
            for bit in 0..128 {
                let outcome = |shares: &[Vec<u8>]| {
                    rebuild(&(0..).zip(shares.iter().map(Vec::as_slice)).collect::<Vec<_>>())
                        .is_ok()
                };
                assert!(outcome(&shares));
                shares[share][bit / 8] ^= 1 << (bit % 8);
                assert!(!outcome(&shares), "share {share}, bit {bit}");
                shares[share][bit / 8] ^= 1 << (bit % 8);
            }
        }
    }
}
