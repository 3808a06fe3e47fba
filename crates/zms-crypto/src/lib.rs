//! zms-crypto.
