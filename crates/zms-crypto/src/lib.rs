//! Keys, envelopes, signatures, text forms and shares of ZMS: bytes in, bytes out.
//!
//! No clock, no files, no entropy of its own: randomness is an argument. What each function
//! computes is written in `spec/`; comments cite it by heading.

pub mod derive;
pub mod digest;
pub mod envelope;
pub mod keys;
mod lock;
pub mod parts;
pub mod passphrase;
pub mod purpose;
pub mod secret;
pub mod share;
pub mod sign;
mod slot;
pub mod text;

pub use keys::Key;
pub use purpose::Purpose;
pub use rand_core::CryptoRng;
pub use secret::{Secret, SecretBytes, SecretText};
