//! Line numbers of places in one text.

/// Counts line feeds up to places that are asked for in order.
pub(crate) struct Lines<'a> {
    text: &'a [u8],
    counted: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    /// Starts at the first line of `text`.
    pub(crate) fn new(text: &'a [u8]) -> Lines<'a> {
        Lines { text, counted: 0, line: 1 }
    }

    /// Line of the byte at `offset`, counted from 1. No offset may be before the last one.
    pub(crate) fn of(&mut self, offset: usize) -> usize {
        let passed = &self.text[self.counted..offset];
        self.line += passed.iter().filter(|&&byte| byte == b'\n').count();
        self.counted = offset;
        self.line
    }
}

/// Line and column of the byte at `offset`, both counted from 1, columns in bytes.
pub(crate) fn place(text: &[u8], offset: usize) -> (usize, usize) {
    let before = &text[..offset.min(text.len())];
    let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    (Lines::new(text).of(before.len()), before.len() - start + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_are_counted_from_one() {
        let text = b"ab\ncd\n";
        assert_eq!([0, 2, 3, 6].map(|at| place(text, at)), [(1, 1), (1, 3), (2, 1), (3, 1)]);
        let mut lines = Lines::new(text);
        assert_eq!([0, 2, 3, 3, 6].map(|at| lines.of(at)), [1, 1, 2, 2, 3]);
        assert_eq!(place(text, 99), (3, 1), "past the end is the end");
    }
}
