//! What is asked of every bundle and every commit: it is read or refused, in bounded memory.

use zms_core::{
    batch::Batch,
    bundle::{Packed, armour, check::check},
};
use zms_crypto::Key;

/// Any bytes, as a bundle, as the file of one, and as a commit.
pub fn fuzz_bundles(bytes: &[u8]) {
    for whole in [bytes.to_vec(), [b"ZMB\x01", bytes].concat()] {
        if let Ok(packed) = Packed::decode(&whole) {
            assert_eq!(packed.encode(), whole);
            let _ = check(&packed);
        }
    }
    let rule = "-----BEGIN ZMS BUNDLE-----";
    let end = rule.replace("BEGIN", "END");
    let _ = armour::read(bytes);
    let _ = armour::read(&[rule.as_bytes(), b"\n", bytes, b"\n", end.as_bytes(), b"\n"].concat());
    let _ = Batch::decode(bytes, &Key::from_bytes(&[7; 32]));
}
