//! Names: path segments, scope paths, secret names. spec/names.md

use std::{borrow::Borrow, fmt};

use unicode_normalization::is_nfc;

/// Longest path, in segments.
pub const MAX_DEPTH: usize = 16;

/// Why a name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameRefused {
    /// Nothing between two slashes, or no name at all.
    #[error("is empty")]
    Empty,
    /// More bytes than the format holds.
    #[error("is longer than {0} bytes")]
    TooLong(usize),
    /// A control or bidirectional formatting character.
    #[error("contains a control or bidirectional character")]
    Control,
    /// Not in Unicode normalisation form C.
    #[error("is not in Unicode form NFC (type it anew instead of pasting it)")]
    NotNfc,
    /// A character with a meaning of its own.
    #[error("contains {0:?}")]
    Forbidden(char),
    /// `.` or `..`.
    #[error("is \".\" or \"..\"")]
    Dots,
    /// More than [`MAX_DEPTH`] segments.
    #[error("has more than {MAX_DEPTH} segments")]
    TooDeep,
}

fn check(text: &str, longest: usize, forbidden: char) -> Result<(), NameRefused> {
    const BIDI: [char; 12] = [
        '\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}',
        '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}',
    ];
    if text.is_empty() {
        return Err(NameRefused::Empty);
    }
    if text.len() > longest {
        return Err(NameRefused::TooLong(longest));
    }
    if text.chars().any(|char| char.is_control() || BIDI.contains(&char)) {
        return Err(NameRefused::Control);
    }
    if text.contains(forbidden) {
        return Err(NameRefused::Forbidden(forbidden));
    }
    if text.is_ascii() || is_nfc(text) { Ok(()) } else { Err(NameRefused::NotNfc) }
}

/// One name in a path: 1..128 bytes of UTF-8 in NFC, no `/`, not `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment(String);

impl Segment {
    /// Checks and takes a name. Case counts; nothing is mapped.
    ///
    /// # Errors
    /// [`NameRefused`] tells which rule it breaks.
    pub fn parse(text: &str) -> Result<Self, NameRefused> {
        check(text, 128, '/')?;
        if text == "." || text == ".." {
            return Err(NameRefused::Dots);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a secret: 1..255 bytes of UTF-8 in NFC, no `=`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(String);

impl SecretName {
    /// Checks and takes a name. Case counts; nothing is mapped.
    ///
    /// # Errors
    /// [`NameRefused`] tells which rule it breaks.
    pub fn parse(text: &str) -> Result<Self, NameRefused> {
        check(text, 255, '=')?;
        Ok(Self(text.to_owned()))
    }

    /// The name of what is said of a scope as a whole: no secret can have it.
    pub fn about() -> Self {
        Self("=".to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for SecretName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A place in the tree, from below the root: at most [`MAX_DEPTH`] segments; none is the root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ScopePath(Vec<Segment>);

impl ScopePath {
    /// Joins segments to a path.
    ///
    /// # Errors
    /// [`NameRefused::TooDeep`] past [`MAX_DEPTH`].
    pub fn new(segments: Vec<Segment>) -> Result<Self, NameRefused> {
        if segments.len() > MAX_DEPTH { Err(NameRefused::TooDeep) } else { Ok(Self(segments)) }
    }

    /// Reads `a/b/c`: no leading, trailing or double slash; the empty text is the root.
    ///
    /// # Errors
    /// [`NameRefused`] for the first segment that breaks a rule.
    pub fn parse(text: &str) -> Result<Self, NameRefused> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        Self::new(text.split('/').map(Segment::parse).collect::<Result<_, _>>()?)
    }

    /// The segments, from the top.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// This path with one more segment.
    ///
    /// # Errors
    /// [`NameRefused::TooDeep`] past [`MAX_DEPTH`].
    pub fn child(&self, segment: Segment) -> Result<Self, NameRefused> {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self::new(segments)
    }

    /// The path one above, unless this is the root.
    pub fn parent(&self) -> Option<Self> {
        self.0.split_last().map(|(_, above)| Self(above.to_vec()))
    }

    /// Whether `self` is `other` or above it.
    pub fn is_prefix_of(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

impl fmt::Display for ScopePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("(the whole vault)");
        }
        for (at, segment) in self.0.iter().enumerate() {
            write!(f, "{}{segment}", if at == 0 { "" } else { "/" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_name_length() {
        assert!(Segment::parse(&"a".repeat(128)).is_ok());
        assert_eq!(Segment::parse(&"a".repeat(129)), Err(NameRefused::TooLong(128)));
        assert!(SecretName::parse(&"a".repeat(255)).is_ok());
        assert_eq!(SecretName::parse(&"é".repeat(128)), Err(NameRefused::TooLong(255)));
        assert_eq!(SecretName::parse(""), Err(NameRefused::Empty));
    }

    #[test]
    fn attack_depth_over_16() {
        assert!(ScopePath::parse(&["a"; 16].join("/")).is_ok());
        assert_eq!(ScopePath::parse(&["a"; 17].join("/")), Err(NameRefused::TooDeep));
    }

    #[test]
    fn one_spelling_names_one_scope() {
        for bad in ["/a", "a/", "a//b", "a/../b", "./a", "a\0", "a\r\n", "a\u{202e}b", "e\u{301}"] {
            assert!(ScopePath::parse(bad).is_err(), "{bad:?}");
        }
        assert!(ScopePath::parse("a/é/%2e%2e").is_ok(), "percent signs are ordinary here");
        assert!(SecretName::parse("A=B").is_err());
        assert!(SecretName::parse("a/b.c-d e").is_ok());
    }
}
