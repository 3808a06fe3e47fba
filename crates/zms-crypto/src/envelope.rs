//! `Seal` and `Box`: XAES-256-GCM with a versioned header, and padded messages.
//! spec/envelope.md

use rand_core::CryptoRng;
use xaes_256_gcm::{
    Nonce, Xaes256Gcm,
    aead::{AeadInOut, KeyInit},
};

use crate::{keys::Key, secret::SecretBytes};

/// `"ZM"`, version 1, suite 1 (XAES-256-GCM).
pub const HEADER: [u8; 4] = *b"ZM\x01\x01";
/// Bytes of the random nonce.
pub const NONCE_LEN: usize = 24;
/// Bytes of the authentication tag.
pub const TAG_LEN: usize = 16;
/// Bytes that sealing adds.
pub const OVERHEAD: usize = HEADER.len() + NONCE_LEN + TAG_LEN;
/// Smallest padded length of a boxed message.
const BOX_MIN: usize = 128;

/// The one face of every failure to open: it does not tell which check failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("does not open")]
pub struct Unopened;

/// `Seal(key, aad, plaintext)` with a random nonce.
pub fn seal(key: &Key, aad: &[u8], plaintext: &[u8], rng: &mut dyn CryptoRng) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(OVERHEAD + plaintext.len());
    start(&mut sealed, rng);
    sealed.extend_from_slice(plaintext);
    encrypt_in_place(key, aad, &mut sealed);
    sealed
}

/// Opens what [`seal`] made.
///
/// # Errors
/// [`Unopened`] for another header, key, associated data or any changed, missing or added byte.
pub fn open(key: &Key, aad: &[u8], sealed: &[u8]) -> Result<SecretBytes, Unopened> {
    let (header, rest) = sealed.split_first_chunk::<4>().ok_or(Unopened)?;
    let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Unopened)?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or(Unopened)?;
    if *header != HEADER {
        return Err(Unopened);
    }
    let mut plaintext = SecretBytes::from(ciphertext);
    cipher(key)
        .decrypt_inout_detached(
            &Nonce::from(*nonce),
            &[&HEADER, aad].concat(),
            plaintext.expose_mut().as_mut_slice().into(),
            &(*tag).into(),
        )
        .map_err(|_| Unopened)?;
    Ok(plaintext)
}

/// `Box(key, aad, message)`: the message with its length, padded so that sizes say little.
pub fn seal_box(key: &Key, aad: &[u8], message: &[u8], rng: &mut dyn CryptoRng) -> Vec<u8> {
    let padded = padded_len(message.len());
    let len = u32::try_from(message.len()).expect("a boxed message is under 4 GiB");
    let mut sealed = Vec::with_capacity(OVERHEAD + padded);
    start(&mut sealed, rng);
    let body = sealed.len();
    sealed.extend_from_slice(&len.to_be_bytes());
    sealed.extend_from_slice(message);
    sealed.resize(body + padded, 0);
    encrypt_in_place(key, aad, &mut sealed);
    sealed
}

/// Opens what [`seal_box`] made.
///
/// # Errors
/// [`Unopened`] as for [`open`], and where length or padding are not exactly as sealing makes them.
pub fn open_box(key: &Key, aad: &[u8], sealed: &[u8]) -> Result<SecretBytes, Unopened> {
    let mut opened = open(key, aad, sealed)?;
    // EXPOSE: the padding is checked and cut off in place.
    let bytes = opened.expose_mut();
    let len = u32::from_be_bytes(*bytes.first_chunk::<4>().ok_or(Unopened)?);
    let len = usize::try_from(len).map_err(|_| Unopened)?;
    let padding = bytes[4..].get(len..).ok_or(Unopened)?;
    if bytes.len() != padded_len(len) || padding.iter().any(|&byte| byte != 0) {
        return Err(Unopened);
    }
    bytes.copy_within(4..4 + len, 0);
    bytes.truncate(len);
    Ok(opened)
}

/// `max(128, Padme(4 + len))`: at most 12 % more, and the length leaks only its magnitude.
/// Source: PURBs, Nikitin et al. 2019, section 4.
pub fn padded_len(message_len: usize) -> usize {
    let len = 4 + message_len;
    let exponent = len.ilog2();
    let kept = exponent.ilog2() + 1;
    let mask = (1_usize << (exponent - kept.min(exponent))) - 1;
    ((len + mask) & !mask).max(BOX_MIN)
}

fn cipher(key: &Key) -> Xaes256Gcm {
    // EXPOSE: the cipher's key schedule.
    Xaes256Gcm::new(key.expose().into())
}

fn start(sealed: &mut Vec<u8>, rng: &mut dyn CryptoRng) {
    sealed.extend_from_slice(&HEADER);
    let mut nonce = [0; NONCE_LEN];
    rng.fill_bytes(&mut nonce);
    sealed.extend_from_slice(&nonce);
}

/// Encrypts everything behind header and nonce where it stands, and appends the tag: the
/// plaintext exists once, in the buffer that becomes the ciphertext.
fn encrypt_in_place(key: &Key, aad: &[u8], sealed: &mut Vec<u8>) {
    let (head, body) = sealed.split_at_mut(HEADER.len() + NONCE_LEN);
    let nonce: [u8; NONCE_LEN] =
        head[HEADER.len()..].try_into().expect("the head is header and nonce");
    let tag = cipher(key)
        .encrypt_inout_detached(&Nonce::from(nonce), &[&HEADER, aad].concat(), body.into())
        .expect("sizes are far below GCM's limits");
    sealed.extend_from_slice(&tag);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    use super::*;

    fn rng() -> ChaCha20Rng {
        ChaCha20Rng::seed_from_u64(1)
    }

    #[test]
    fn a_change_of_any_byte_does_not_open() {
        let (mut rng, aad) = (rng(), b"aad");
        let key = Key::generate(&mut rng);
        let sealed = seal_box(&key, aad, b"value", &mut rng);
        assert_eq!(sealed.len(), OVERHEAD + 128);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open_box(&key, aad, &changed).is_err(), "byte {at}");
            assert!(open_box(&key, aad, &sealed[..at]).is_err(), "cut at {at}");
        }
        assert!(open_box(&key, b"other", &sealed).is_err());
        assert!(open_box(&Key::generate(&mut rng), aad, &sealed).is_err());
        assert!(open_box(&key, aad, &[&sealed[..], b"x"].concat()).is_err());
    }

    #[test]
    fn padding_that_sealing_would_not_make_does_not_open() {
        let (mut rng, aad) = (rng(), b"");
        let key = Key::generate(&mut rng);
        for plaintext in [
            vec![0, 0, 0, 1, b'a'],
            [&[0, 0, 0, 1, b'a'][..], &[0; 122], &[1]].concat(),
            [&[0, 0, 0, 200][..], &[0; 124]].concat(),
            [&[0, 0, 0, 1][..], &[0; 252]].concat(),
            vec![],
        ] {
            let sealed = seal(&key, aad, &plaintext, &mut rng);
            assert!(open(&key, aad, &sealed).is_ok());
            assert!(open_box(&key, aad, &sealed).is_err());
        }
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(message: Vec<u8>, aad: Vec<u8>) {
            let mut rng = rng();
            let key = Key::generate(&mut rng);
            let sealed = seal_box(&key, &aad, &message, &mut rng);
            let opened = open_box(&key, &aad, &sealed);
            prop_assert!(opened.is_ok_and(|bytes| *bytes.expose() == message));
        }

        #[test]
        fn padding_is_at_most_an_eighth(len in 200usize..2_000_000) {
            let padded = padded_len(len);
            prop_assert!(padded >= len + 4 && padded <= (len + 4) * 9 / 8);
        }
    }
}
