//! SLIP-0039: its own vectors, the reference implementation in both directions, and what no
//! vector shows.

mod combining;
mod official;
mod reference;
mod subsets;

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use zms_crypto::share::{
    Combiner, Encryption, Group, IterationExponent, Passphrase, Scheme, Share,
};

/// From `ZMS_TEST_SEED`, else from the clock; printed, and shown where a test fails.
#[expect(clippy::print_stdout, reason = "a failure must be repeatable")]
fn seeded() -> ChaCha20Rng {
    let clock = || {
        let since = std::time::UNIX_EPOCH.elapsed().expect("it is later than 1970");
        u64::from(since.subsec_nanos()) ^ since.as_secs()
    };
    let seed = number("ZMS_TEST_SEED").unwrap_or_else(clock);
    println!("ZMS_TEST_SEED={seed}");
    ChaCha20Rng::seed_from_u64(seed)
}

/// So many in the normal run, ten times as many where more is asked for.
fn cases(normal: usize) -> usize {
    let full = std::env::var_os("ZMS_TEST_FULL").is_some_and(|value| value == "1");
    let most = normal * 10;
    number("ZMS_TEST_CASES").map_or(if full { most } else { normal }, |asked| {
        usize::try_from(asked).map_or(most, |asked| asked.min(most))
    })
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is not a number")))
}

/// A number from `least` to `most`.
fn between(rng: &mut ChaCha20Rng, least: u8, most: u8) -> u8 {
    let choices = u64::from(most - least) + 1;
    least + u8::try_from(rng.next_u64() % choices).expect("a small number")
}

/// Up to `most` groups of up to `most` shares, with any thresholds that are allowed.
fn any_scheme(rng: &mut ChaCha20Rng, most: u8) -> Scheme {
    let groups: Vec<_> = (0..between(rng, 1, most))
        .map(|_| match between(rng, 1, most) {
            1 => Group { threshold: 1, count: 1 },
            count => Group { threshold: between(rng, 2, count), count },
        })
        .collect();
    let count = u8::try_from(groups.len()).expect("few groups");
    Scheme::new(between(rng, 1, count), &groups).expect("the numbers fit")
}

/// An even number of random bytes, from 16 to 32.
fn any_secret(rng: &mut ChaCha20Rng) -> Vec<u8> {
    let mut secret = vec![0; usize::from(between(rng, 8, 16)) * 2];
    rng.fill_bytes(&mut secret);
    secret
}

/// The fastest that the cipher can be.
fn fast(passphrase: &str) -> Encryption<'_> {
    Encryption {
        passphrase: Passphrase::parse(passphrase).expect("printable ASCII"),
        iteration_exponent: IterationExponent::new(0).expect("four bits"),
    }
}

/// The share that the words are.
fn read(words: &str) -> Share {
    Share::parse(words).unwrap_or_else(|error| panic!("{error}"))
}

/// A second share with the same words.
fn again(share: &Share) -> Share {
    read(share.to_words().expose())
}

/// What becomes of the shares, given in this order.
fn combine<'a>(
    shares: impl IntoIterator<Item = &'a Share>,
    passphrase: &str,
) -> Result<Vec<u8>, String> {
    let mut combiner = Combiner::default();
    for share in shares {
        combiner.add(again(share)).map_err(|refused| refused.to_string())?;
    }
    let passphrase = Passphrase::parse(passphrase).map_err(|refused| refused.to_string())?;
    let secret = combiner.finish(passphrase).map_err(|unfinished| unfinished.to_string())?;
    Ok(secret.expose().clone())
}
