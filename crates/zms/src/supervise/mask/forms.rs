//! The forms in which programs print a value: as it is, line by line, and encoded.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use zeroize::Zeroizing;

use super::{json::json, percent::percent, words::SHORTEST};

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
    // Blanks around a line say nothing, and often differ: a bracket alone behind some is no secret.
    for line in value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
        if line.len() >= SHORTEST && line.len() < trimmed.len() {
            of_piece(line, &mut all);
        }
    }
    all
}

fn of_piece(piece: &[u8], all: &mut Vec<Form>) {
    add(all, Zeroizing::new(piece.to_vec()), Edge::Sharp);
    add(all, Zeroizing::new(hex::encode(piece).into_bytes()), Edge::Sharp);
    add(all, Zeroizing::new(hex::encode_upper(piece).into_bytes()), Edge::Sharp);
    percent(piece).for_each(|text| add(all, text, Edge::Sharp));
    if let Ok(text) = std::str::from_utf8(piece) {
        json(text).for_each(|text| add(all, text, Edge::Sharp));
    }
    for offset in 0..3 {
        let (text, edge) = base64(piece, offset, &STANDARD_NO_PAD);
        let edge = if edge { Edge::Base64 } else { Edge::Sharp };
        if offset == 0 {
            for width in LINES.into_iter().filter(|width| text.len() >= *width) {
                in_lines(&text, width, edge, all);
            }
        }
        add(all, text, edge);
        let (text, edge) = base64(piece, offset, &URL_SAFE_NO_PAD);
        add(all, text, if edge { Edge::Base64Url } else { Edge::Sharp });
    }
}

/// Base64 that is broken into lines. A last one that is too short to be known on its own is known
/// behind the one before it.
fn in_lines(text: &[u8], width: usize, edge: Edge, all: &mut Vec<Form>) {
    let (lines, last) = text.split_at(text.len() - text.len() % width);
    lines.chunks(width).for_each(|line| add(all, Zeroizing::new(line.to_vec()), Edge::Sharp));
    if last.len() >= SHORTEST {
        add(all, Zeroizing::new(last.to_vec()), edge);
    } else if !last.is_empty() || edge != Edge::Sharp {
        let before = &lines[lines.len() - width..];
        for end in [&b"\n"[..], b"\r\n"] {
            add(all, Zeroizing::new([before, end, last].concat()), edge);
        }
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
