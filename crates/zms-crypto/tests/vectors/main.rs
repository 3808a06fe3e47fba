//! What others published about the primitives, run against them and against this crate's own
//! functions; and what must not happen to a secret.
#![expect(clippy::disallowed_methods, reason = "a variable chooses the long runs")]

mod custody;
mod derivation;
mod envelope;
mod gcm;
mod mac;
mod passphrase;
mod shares;
mod signatures;
mod text;

use serde::Deserialize;

/// Reads one file of `spec/vectors/external`.
macro_rules! external {
    ($name:literal) => {
        serde_json::from_str(include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../spec/vectors/external/",
            $name
        )))
        .expect("the file has the form that its test declares")
    };
}
pub(crate) use external;

/// Bytes that a vector file writes in hex.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Hex(pub(crate) Vec<u8>);

impl Hex {
    pub(crate) fn array<const N: usize>(&self) -> [u8; N] {
        array(&self.0)
    }
}

impl TryFrom<String> for Hex {
    type Error = hex::FromHexError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        hex::decode(text).map(Self)
    }
}

/// Bytes of which the length is known.
pub(crate) fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the vector has this many bytes")
}

/// Bytes written in hex in the test itself.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text).expect("the test has valid hex")
}

/// The key 00 01 02 .. 1f, on which the known answers of the tests are computed.
pub(crate) fn counting_key() -> zms_crypto::Key {
    zms_crypto::Key::fill(|key| {
        for (byte, count) in key.iter_mut().zip(0..) {
            *byte = count;
        }
    })
}
