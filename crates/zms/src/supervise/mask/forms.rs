//! The forms in which programs print a value: as it is, line by line, and encoded.

use std::fmt::Write as _;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use zeroize::Zeroizing;

use super::words::SHORTEST;

/// Lines of fewer bytes are not looked for on their own.
const SHORTEST_LINE: usize = 8;

/// After how many characters tools break Base64: those of MIME and those of PEM.
const LINES: [usize; 2] = [76, 64];

/// Which characters behind a form still carry bits of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// None.
    Sharp,
    /// The next one, where it is of Base64.
    Base64,
    /// The next one, where it is of Base64 for URLs.
    Base64Url,
    /// The next one, where it is of either.
    Either,
}

impl Edge {
    /// Whether a byte behind the form is such a character.
    pub(super) fn carries(self, byte: u8) -> bool {
        let extra: &[u8] = match self {
            Self::Sharp => return false,
            Self::Base64 => b"+/",
            Self::Base64Url => b"-_",
            Self::Either => b"+/-_",
        };
        byte.is_ascii_alphanumeric() || extra.contains(&byte)
    }

    /// What carries behind one or the other.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Sharp, edge) | (edge, Self::Sharp) => edge,
            (one, other) if one == other => one,
            _ => Self::Either,
        }
    }
}

/// One form.
pub(super) struct Form {
    pub(super) text: Zeroizing<Vec<u8>>,
    pub(super) edge: Edge,
}

/// Every form of a value, some perhaps twice.
pub(super) fn forms(value: &[u8]) -> Vec<Form> {
    let mut all = Vec::new();
    of_piece(value, &mut all);
    if value.contains(&b'\n') {
        // As a terminal breaks lines.
        let carriage = value.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..]);
        add(&mut all, Zeroizing::new(carriage), Edge::Sharp);
    }
    let trimmed = value.trim_ascii();
    if trimmed.len() < value.len() && trimmed.len() >= SHORTEST {
        of_piece(trimmed, &mut all);
    }
    for line in value.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() >= SHORTEST_LINE && line.len() < value.len() {
            of_piece(line, &mut all);
        }
    }
    all
}

fn of_piece(piece: &[u8], all: &mut Vec<Form>) {
    add(all, Zeroizing::new(piece.to_vec()), Edge::Sharp);
    add(all, Zeroizing::new(hex::encode(piece).into_bytes()), Edge::Sharp);
    add(all, Zeroizing::new(hex::encode_upper(piece).into_bytes()), Edge::Sharp);
    for unreserved in ["-._~", "-._~/", "-._~!*'()", "*-._+"] {
        for digits in [b"0123456789ABCDEF", b"0123456789abcdef"] {
            add(all, percent(piece, unreserved.as_bytes(), digits), Edge::Sharp);
        }
    }
    if let Ok(text) = std::str::from_utf8(piece) {
        let whole = Zeroizing::new(serde_json::to_string(text).expect("a string is JSON"));
        let inner = &whole[1..whole.len() - 1];
        let slashes = Zeroizing::new(inner.replace('/', "\\/"));
        for text in [inner, &slashes] {
            add(all, Zeroizing::new(text.as_bytes().to_vec()), Edge::Sharp);
            for upper in [false, true] {
                add(all, ascii(text, upper), Edge::Sharp);
            }
        }
    }
    for offset in 0..3 {
        let (text, edge) = base64(piece, offset, &STANDARD_NO_PAD);
        let edge = if edge { Edge::Base64 } else { Edge::Sharp };
        if offset == 0 {
            for width in LINES.into_iter().filter(|width| text.len() > *width) {
                for line in text.chunks(width).filter(|line| line.len() >= SHORTEST_LINE) {
                    let whole = line.len() == width;
                    let edge = if whole { Edge::Sharp } else { edge };
                    add(all, Zeroizing::new(line.to_vec()), edge);
                }
            }
        }
        add(all, text, edge);
        let (text, edge) = base64(piece, offset, &URL_SAFE_NO_PAD);
        add(all, text, if edge { Edge::Base64Url } else { Edge::Sharp });
    }
}

fn add(all: &mut Vec<Form>, text: Zeroizing<Vec<u8>>, edge: Edge) {
    if text.len() >= SHORTEST {
        all.push(Form { text, edge });
    }
}

/// The characters that a piece alone decides where it stands at an offset in what is encoded, and
/// whether one more carries its last bits. Those that share bits with what stands before it are
/// not among them.
fn base64(piece: &[u8], offset: usize, engine: &impl Engine) -> (Zeroizing<Vec<u8>>, bool) {
    let shifted = Zeroizing::new([&[0; 2][..offset], piece].concat());
    let mut text = Zeroizing::new(engine.encode(&*shifted).into_bytes());
    let edge = shifted.len() % 3 != 0;
    if edge {
        text.pop();
    }
    let shared = [0, 2, 3][offset].min(text.len());
    (Zeroizing::new(text[shared..].to_vec()), edge)
}

/// Percent-encoded, but for letters, digits and some more. A plus among these is a form's space.
fn percent(piece: &[u8], unreserved: &[u8], digits: &[u8; 16]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(piece.len() * 3));
    let form = unreserved.contains(&b'+');
    for byte in piece {
        match byte {
            b' ' if form => text.push(b'+'),
            b'+' => text.extend_from_slice(&[b'%', b'2', digits[11]]),
            _ if byte.is_ascii_alphanumeric() || unreserved.contains(byte) => text.push(*byte),
            _ => {
                let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
                text.extend_from_slice(&[b'%', digits[high], digits[low]]);
            }
        }
    }
    text
}

/// JSON with everything beyond ASCII escaped.
fn ascii(json: &str, upper: bool) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(String::with_capacity(json.len() * 6));
    for char in json.chars() {
        if char.is_ascii() {
            text.push(char);
            continue;
        }
        for unit in char.encode_utf16(&mut [0; 2]) {
            let written =
                if upper { write!(text, "\\u{unit:04X}") } else { write!(text, "\\u{unit:04x}") };
            written.expect("a string can be written to");
        }
    }
    Zeroizing::new(text.as_bytes().to_vec())
}
