//! `LP(a, b, ..)`: each part as a big-endian u32 length and its bytes. spec/encoding.md#parts

/// Builds an LP encoding part by part.
#[derive(Default)]
pub struct Parts(Vec<u8>);

impl Parts {
    /// Starts with a first part that names the message, for example `zms/v1/roster`.
    pub fn tagged(tag: &str) -> Self {
        // Most messages fit in there, and are made without growing.
        Self(Vec::with_capacity(256)).bytes(tag.as_bytes())
    }

    /// Adds bytes. Panics past 4 GiB, which no caller can hold.
    #[must_use]
    pub fn bytes(mut self, part: &[u8]) -> Self {
        let len = u32::try_from(part.len()).expect("a part is under 4 GiB");
        self.0.extend_from_slice(&len.to_be_bytes());
        self.0.extend_from_slice(part);
        self
    }

    /// Adds each of several byte parts.
    #[must_use]
    pub fn each<'a>(self, parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        parts.into_iter().fold(self, Self::bytes)
    }

    /// Adds an 8-bit number.
    #[must_use]
    pub fn u8(self, number: u8) -> Self {
        self.bytes(&[number])
    }

    /// Adds a 32-bit number, big-endian.
    #[must_use]
    pub fn u32(self, number: u32) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    /// Adds a 64-bit number, big-endian.
    #[must_use]
    pub fn u64(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    /// The encoding.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// The bytes are no LP encoding of what was expected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed message")]
pub struct Malformed;

/// Reads an LP encoding part by part, strictly.
pub struct PartsReader<'a>(&'a [u8]);

impl<'a> PartsReader<'a> {
    /// Starts at the first part.
    pub const fn new(encoded: &'a [u8]) -> Self {
        Self(encoded)
    }

    /// Starts behind a first part that must be `tag`.
    pub fn tagged(encoded: &'a [u8], tag: &str) -> Result<Self, Malformed> {
        let mut reader = Self(encoded);
        if reader.bytes()? == tag.as_bytes() { Ok(reader) } else { Err(Malformed) }
    }

    /// The next part.
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let (len, rest) = self.0.split_first_chunk::<4>().ok_or(Malformed)?;
        let len = usize::try_from(u32::from_be_bytes(*len)).map_err(|_| Malformed)?;
        let (part, rest) = rest.split_at_checked(len).ok_or(Malformed)?;
        self.0 = rest;
        Ok(part)
    }

    /// The next part, which has exactly `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.bytes()?.try_into().map_err(|_| Malformed)
    }

    /// The next part as an 8-bit number.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    /// The next part as a 32-bit number.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// The next part as a 64-bit number.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_be_bytes)
    }

    /// Whether every part was read.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Ends the reading: nothing may be left.
    pub const fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_else_is() {
        let encoded = Parts::tagged("t").u8(7).u32(8).u64(9).bytes(b"").finish();
        let mut reader = PartsReader::tagged(&encoded, "t").expect("same tag");
        assert_eq!(reader.u8(), Ok(7));
        assert_eq!(reader.u32(), Ok(8));
        assert_eq!(reader.u64(), Ok(9));
        assert_eq!(reader.bytes(), Ok(&b""[..]));
        assert_eq!(reader.end(), Ok(()));
        assert!(PartsReader::tagged(&encoded, "u").is_err());
        assert_eq!(PartsReader::new(&[0, 0, 0, 2, 1]).bytes(), Err(Malformed));
        assert_eq!(PartsReader::new(&[0, 0, 0]).bytes(), Err(Malformed));
        assert_eq!(PartsReader::new(&[0, 0, 0, 1, 1]).u32(), Err(Malformed));
        assert_eq!(PartsReader::new(&[0]).end(), Err(Malformed));
    }
}
