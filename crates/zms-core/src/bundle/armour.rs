//! A bundle as a text file: base64 in lines that begin where things begin, so that a change of one
//! secret changes a few lines. spec/bundle.md#file

use base64::{Engine, engine::general_purpose::STANDARD};
use zms_crypto::{digest::sha256, parts::Malformed};

use super::Packed;

/// The first line of every file.
pub const BEGIN: &str = "-----BEGIN ZMS BUNDLE-----";
const END: &str = "-----END ZMS BUNDLE-----";
/// Bytes on a full line.
const LINE: usize = 57;
/// Byte strings from this length on begin a line.
const LONG: usize = 64;

/// Longest file, in bytes.
pub const MAX_FILE: usize = 64 * 1024 * 1024;

/// Writes the file of a bundle.
pub fn write(packed: &Packed) -> String {
    let bytes = packed.encode();
    let mut text = String::with_capacity(bytes.len() / 2 * 3 + 128);
    text.push_str(BEGIN);
    text.push('\n');
    // The sum tells damage, also of what one reader does not need; it is no signature.
    for line in lines(&bytes).chain([&sha256(&[&bytes])[..]]) {
        STANDARD.encode_string(line, &mut text);
        text.push('\n');
    }
    text.push_str(END);
    text.push('\n');
    text
}

/// Reads the file of a bundle. It proves nothing.
///
/// # Errors
/// [`Malformed`] for anything but exactly what [`write()`] writes.
pub fn read(text: &[u8]) -> Result<Packed, Malformed> {
    if text.len() > MAX_FILE {
        return Err(Malformed);
    }
    let text = std::str::from_utf8(text).map_err(|_| Malformed)?;
    let body =
        text.strip_prefix(BEGIN).and_then(|rest| rest.strip_prefix('\n')).ok_or(Malformed)?;
    let body = body.strip_suffix('\n').and_then(|rest| rest.strip_suffix(END)).ok_or(Malformed)?;
    let body = body.strip_suffix('\n').ok_or(Malformed)?;
    let (body, sum) = body.rsplit_once('\n').ok_or(Malformed)?;
    let mut bytes = Vec::with_capacity(body.len() / 4 * 3);
    for line in body.split('\n') {
        STANDARD.decode_vec(line, &mut bytes).map_err(|_| Malformed)?;
    }
    if STANDARD.encode(sha256(&[&bytes])) != sum {
        return Err(Malformed);
    }
    let packed = Packed::decode(&bytes)?;
    let mut given = body.split('\n');
    let mut same = lines(&bytes).all(|line| given.next() == Some(STANDARD.encode(line).as_str()));
    same &= given.next().is_none();
    if same { Ok(packed) } else { Err(Malformed) }
}

/// The bytes of each line.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut starts = Starts { bytes, at: 4 };
    let (mut from, mut next) = (0, starts.next());
    std::iter::from_fn(move || {
        if from == bytes.len() {
            return None;
        }
        while next.is_some_and(|start| start <= from) {
            next = starts.next();
        }
        let to = next.unwrap_or(bytes.len()).min(from + LINE).min(bytes.len());
        let line = &bytes[from..to];
        from = to;
        Some(line)
    })
}

/// Where a map or a long byte string begins, in good deterministic CBOR.
struct Starts<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Iterator for Starts<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        loop {
            let start = self.at;
            let first = *self.bytes.get(start)?;
            let width = match first & 0x1f {
                0..=23 => 0,
                short @ 24..=27 => 1 << (short - 24),
                _ => return None,
            };
            let number = self.bytes.get(start + 1..start + 1 + width)?;
            let number = match width {
                0 => u64::from(first & 0x1f),
                _ => number.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
            };
            let kind = first >> 5;
            let content = if kind == 2 { usize::try_from(number).ok()? } else { 0 };
            self.at = (start + 1 + width).checked_add(content)?;
            if kind == 5 || kind == 2 && content >= LONG {
                return Some(start);
            }
        }
    }
}
