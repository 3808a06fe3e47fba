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
