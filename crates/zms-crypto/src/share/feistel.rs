//! The cipher over the secret before it is split: four rounds of PBKDF2-HMAC-SHA256, which make
//! all bytes depend on all (SLIP-0039; RFC 8018 section 5.2). spec/shares.md#cipher

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Parameters, wiped};
use crate::secret::SecretBytes;

/// Iterations of one round at exponent 0.
const ROUND_ITERATIONS: u32 = 2500;

/// The exponent has four bits.
const LARGEST_EXPONENT: u8 = 15;

/// How slow the cipher is: 10000 iterations, doubled so often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IterationExponent(u8);

impl IterationExponent {
    /// What is written: 20000 iterations, some hundredths of a second.
    pub const DEFAULT: Self = Self(1);

    /// An exponent from 0 to 15; 15 takes minutes.
    pub const fn new(exponent: u8) -> Option<Self> {
        if exponent <= LARGEST_EXPONENT { Some(Self(exponent)) } else { None }
    }

    /// The exponent.
    pub const fn exponent(self) -> u8 {
        self.0
    }
}

/// A passphrase over the secret. Another one gives another secret and no error.
#[derive(Clone, Copy)]
pub struct Passphrase<'a>(&'a str);

/// The passphrase has a character that SLIP-0039 does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a passphrase of shares has only printable ASCII characters")]
pub struct PassphraseRefused;

impl<'a> Passphrase<'a> {
    /// The one that shares have by default.
    pub const EMPTY: Self = Self("");

    /// A passphrase of printable ASCII characters, space included, taken as it is.
    ///
    /// # Errors
    /// [`PassphraseRefused`] for any other character.
    pub fn parse(text: &'a str) -> Result<Self, PassphraseRefused> {
        let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if printable { Ok(Self(text)) } else { Err(PassphraseRefused) }
    }
}

pub(super) fn encrypt(
    secret: &[u8],
    passphrase: Passphrase<'_>,
    parameters: &Parameters,
) -> SecretBytes {
    run([0, 1, 2, 3], secret, passphrase, parameters)
}

pub(super) fn decrypt(
    encrypted: &[u8],
    passphrase: Passphrase<'_>,
    parameters: &Parameters,
) -> SecretBytes {
    run([3, 2, 1, 0], encrypted, passphrase, parameters)
}

fn run(
    rounds: [u8; 4],
    input: &[u8],
    passphrase: Passphrase<'_>,
    parameters: &Parameters,
) -> SecretBytes {
    let half = input.len() / 2;
    let (mut left, mut right) = (wiped(half), wiped(half));
    left.expose_mut().copy_from_slice(&input[..half]);
    right.expose_mut().copy_from_slice(&input[half..]);
    let mut salt = Zeroizing::new(Vec::with_capacity(8 + half));
    if !parameters.extendable {
        salt.extend_from_slice(b"shamir");
        salt.extend_from_slice(&parameters.identifier.to_be_bytes());
    }
    let prefix = salt.len();
    let mut password = Zeroizing::new(Vec::with_capacity(1 + passphrase.0.len()));
    password.push(0);
    password.extend_from_slice(passphrase.0.as_bytes());
    for round in rounds {
        password[0] = round;
        salt.truncate(prefix);
        // EXPOSE: one half is the salt that changes the other.
        salt.extend_from_slice(right.expose());
        let iterations = ROUND_ITERATIONS << parameters.iteration_exponent.0;
        let block = pbkdf2_block(&password, &salt, iterations);
        for (byte, mask) in left.expose_mut().iter_mut().zip(block.iter()) {
            *byte ^= mask;
        }
        std::mem::swap(&mut left, &mut right);
    }
    let mut output = wiped(2 * half);
    // EXPOSE: the halves change places once more.
    output.expose_mut()[..half].copy_from_slice(right.expose());
    output.expose_mut()[half..].copy_from_slice(left.expose());
    output
}

/// The first block of PBKDF2-HMAC-SHA256, which has all that half a secret asks for.
fn pbkdf2_block(password: &[u8], salt: &[u8], iterations: u32) -> Zeroizing<[u8; 32]> {
    let keyed = Hmac::<Sha256>::new_from_slice(password).expect("HMAC takes any key length");
    let first = keyed.clone().chain_update(salt).chain_update(1_u32.to_be_bytes());
    let mut last = Zeroizing::new(<[u8; 32]>::from(first.finalize().into_bytes()));
    let mut block = last.clone();
    for _ in 1..iterations {
        *last = keyed.clone().chain_update(*last).finalize().into_bytes().into();
        for (byte, mask) in block.iter_mut().zip(last.iter()) {
            *byte ^= mask;
        }
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7914, section 11: the first of two blocks each.
    #[test]
    fn the_block_is_that_of_rfc_7914() {
        for (password, salt, iterations, known) in [
            (
                "passwd",
                "salt",
                1,
                "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc",
            ),
            (
                "Password",
                "NaCl",
                80000,
                "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56",
            ),
        ] {
            let block = pbkdf2_block(password.as_bytes(), salt.as_bytes(), iterations);
            assert_eq!(hex::encode(*block), known);
        }
    }

    #[test]
    fn a_passphrase_is_printable_ascii() {
        assert!(Passphrase::parse(" ~correct horse").is_ok());
        assert!(Passphrase::parse("").is_ok());
        for wrong in ["caf\u{e9}", "tab\t", "line\n", "\u{7f}", "\0"] {
            assert_eq!(Passphrase::parse(wrong).err(), Some(PassphraseRefused), "{wrong:?}");
        }
    }

    #[test]
    fn an_exponent_has_four_bits() {
        assert_eq!(IterationExponent::new(15).map(IterationExponent::exponent), Some(15));
        assert_eq!(IterationExponent::new(16), None);
    }
}
