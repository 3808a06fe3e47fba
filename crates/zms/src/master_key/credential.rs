//! The key of a key file that lies in a file of its own, as 64 hexadecimal digits: the credential
//! of a service, or the file it is made from. spec/key-file.md#systemd

use std::path::Path;

use zeroize::Zeroizing;
use zms_crypto::Key;

use crate::{
    environment,
    exit::{Exit, Failure, Outcome},
    home::{create_private, read_credential, read_private, trouble},
};

/// Its name in the credential directory.
pub const NAME: &str = "zms-key";

/// The key in the credential directory; `None` where there is no directory or no such credential.
pub(super) fn of_service() -> Outcome<Option<Key>> {
    let Some(path) = environment::credential(NAME) else { return Ok(None) };
    match read_credential(&path, Exit::Locked)? {
        Some(text) => key(&text, &path).map(Some),
        None => Ok(None),
    }
}

/// The key in a file of ours, which is made where there is none.
pub(super) fn of_file(path: &Path) -> Outcome<Key> {
    if let Some(text) = read_private(path, Exit::Usage)? {
        return key(&text, path);
    }
    let key = Key::generate(&mut *environment::entropy());
    create_private(path, &text(&key))
        .map_err(|error| trouble(&error, format!("{} can not be made", path.display())))?;
    Ok(key)
}

/// A key as text, with a line break.
pub(super) fn text(key: &Key) -> Zeroizing<String> {
    let mut text = Zeroizing::new(vec![0; 64]);
    // EXPOSE: the text is where the key is kept from now on.
    hex::encode_to_slice(key.expose(), &mut text).expect("32 bytes are 64 digits");
    text.push(b'\n');
    Zeroizing::new(String::from_utf8_lossy(&text).into_owned())
}

/// Reads a key from text; `None` where it is something else.
pub(super) fn read(text: &str) -> Option<Key> {
    let digits = text.strip_suffix('\n').unwrap_or(text);
    let lower = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    let mut good = lower && digits.len() == 64;
    let key = Key::fill(|key| good = good && hex::decode_to_slice(digits, key).is_ok());
    good.then_some(key)
}

fn key(text: &str, path: &Path) -> Outcome<Key> {
    read(text).ok_or_else(|| {
        Failure::usage(format!("{} is no key of a key file", path.display())).hint(
            "it holds 64 hexadecimal digits: name the file that `zms key protect systemd` made, \
             or one that is not there yet",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written_and_nothing_else_is_one() {
        let key = Key::from_bytes(&[0xa7; 32]);
        let written = text(&key);
        assert_eq!(written.len(), 65);
        assert!(read(&written).is_some_and(|same| same.expose() == key.expose()));
        assert!(read(written.trim_end()).is_some());
        for wrong in ["", "\n", "a7", &"A7".repeat(32), &"g7".repeat(32), &"a7".repeat(33)] {
            assert!(read(wrong).is_none(), "{wrong:?}");
        }
        assert!(read(&format!("{}\n", *written)).is_none());
    }
}
