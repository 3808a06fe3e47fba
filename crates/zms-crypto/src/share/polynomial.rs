//! Polynomials over GF(256), one for each byte of a value, given by some of their points.
//! spec/shares.md#splitting

use rand_core::CryptoRng;

use super::{
    field::{invert, multiply},
    wiped,
};
use crate::secret::SecretBytes;

/// Where the shared secret lies.
pub(super) const SECRET_AT: u8 = 255;
/// Where its digest lies.
pub(super) const DIGEST_AT: u8 = 254;

/// A place, which is public, and a value for each polynomial there.
pub(super) type Point<'a> = (u8, &'a [u8]);

/// The values at `at` of the polynomials of lowest degree through `points`. The places must
/// differ, and the values must be equally many at each.
pub(super) fn interpolate(at: u8, points: &[Point<'_>]) -> SecretBytes {
    let mut values = wiped(points.first().map_or(0, |(_, known)| known.len()));
    for (index, (_, known)) in points.iter().enumerate() {
        let weight = weight(at, index, points);
        for (value, &known) in values.expose_mut().iter_mut().zip(*known) {
            *value ^= multiply(weight, known);
        }
    }
    values
}

/// How much the point `index` counts at `at` (Lagrange): 1 at its own place, 0 at the others'.
fn weight(at: u8, index: usize, points: &[Point<'_>]) -> u8 {
    let own = points[index].0;
    let others = points.iter().enumerate().filter(|(other, _)| *other != index);
    others.fold(1, |weight, (_, &(place, _))| {
        multiply(weight, multiply(at ^ place, invert(own ^ place)))
    })
}

/// Splits a secret and its digest into the values at 0, 1, .., of which any `threshold` give both
/// back. The first `threshold - 2` are random; the others lie on the polynomials through them.
///
/// `threshold` is at least 2, and at most `count`.
pub(super) fn split(
    (threshold, count): (u8, u8),
    secret: &[u8],
    digest: &[u8],
    rng: &mut dyn CryptoRng,
) -> Vec<SecretBytes> {
    let mut shares: Vec<_> = (0..threshold - 2)
        .map(|_| {
            let mut share = wiped(secret.len());
            rng.fill_bytes(share.expose_mut());
            share
        })
        .collect();
    let computed: Vec<_> = {
        // EXPOSE: the random shares are points of the polynomials.
        let random = (0..).zip(&shares).map(|(at, share)| (at, share.expose().as_slice()));
        let points: Vec<_> = random.chain([(DIGEST_AT, digest), (SECRET_AT, secret)]).collect();
        (threshold - 2..count).map(|at| interpolate(at, &points)).collect()
    };
    shares.extend(computed);
    shares
}

#[cfg(test)]
mod tests {
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
    use rand_core::{Infallible, TryCryptoRng, TryRng};

    use super::*;

    /// Gives out one prepared block.
    struct Prepared(Vec<u8>);

    impl TryRng for Prepared {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            unreachable!("splitting asks for bytes")
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            unreachable!("splitting asks for bytes")
        }

        fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
            let block = std::mem::take(&mut self.0);
            assert_eq!(block.len(), to.len(), "one random share, of the secret's length");
            to.copy_from_slice(&block);
            Ok(())
        }
    }

    impl TryCryptoRng for Prepared {}

    fn points<'a>(shares: &'a [SecretBytes], places: &[usize]) -> Vec<Point<'a>> {
        let place = |at: &usize| u8::try_from(*at).expect("few shares");
        places.iter().map(|at| (place(at), shares[*at].expose().as_slice())).collect()
    }

    /// For one secret byte, all 2^16 values of the random byte and of the digest: whatever two of
    /// the sixteen shares somebody has, each pair of bytes comes once. So they say nothing of the
    /// secret. The 2^16 cases are as many bytes of one long secret.
    #[test]
    fn two_of_three_needed_shares_are_each_pair_of_bytes_equally_often() {
        let cases = 0..=u16::MAX;
        let random: Vec<_> = cases.clone().map(|case| case.to_be_bytes()[0]).collect();
        let digest: Vec<_> = cases.map(|case| case.to_be_bytes()[1]).collect();
        for secret in [0, 1, 0xa7] {
            let mut rng = Prepared(random.clone());
            let shares = split((3, 16), &vec![secret; digest.len()], &digest, &mut rng);
            assert_eq!(shares.len(), 16);
            for (at, one) in shares.iter().enumerate() {
                for other in &shares[at + 1..] {
                    let mut seen = vec![false; 1 << 16];
                    for (&one, &other) in one.expose().iter().zip(other.expose()) {
                        let pair = usize::from(u16::from_be_bytes([one, other]));
                        assert!(!std::mem::replace(&mut seen[pair], true), "a pair comes twice");
                    }
                }
            }
            let all = interpolate(SECRET_AT, &points(&shares, &[15, 3, 0]));
            assert!(all.expose().iter().all(|&byte| byte == secret));
        }
    }

    /// The same for each of the 256 secrets with a threshold of two.
    #[test]
    fn one_of_two_needed_shares_is_each_byte_equally_often() {
        let digest: Vec<_> = (0..=255).collect();
        for secret in 0..=255 {
            let mut none = Prepared(Vec::new());
            let shares = split((2, 16), &[secret; 256], &digest, &mut none);
            for share in &shares {
                let mut sorted = share.expose().clone();
                sorted.sort_unstable();
                assert!(sorted == digest, "each byte comes once");
            }
        }
    }

    #[test]
    fn a_set_of_points_gives_secret_and_digest_back_only_where_it_is_large_enough() {
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        let (secret, digest) = ([0x5a; 32], [0xc3; 32]);
        let shares = split((4, 7), &secret, &digest, &mut rng);
        assert_eq!(shares.len(), 7);
        for set in 0_u32..1 << 7 {
            let places: Vec<_> = (0..7).filter(|at| set & (1 << at) != 0).collect();
            let points = points(&shares, &places);
            let enough = places.len() >= 4;
            assert_eq!(*interpolate(SECRET_AT, &points).expose() == secret, enough, "{places:?}");
            assert_eq!(*interpolate(DIGEST_AT, &points).expose() == digest, enough, "{places:?}");
        }
    }
}
