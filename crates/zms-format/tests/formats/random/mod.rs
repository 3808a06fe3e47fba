//! A seeded source of hostile values, and its seed.

use std::time::SystemTime;

/// SplitMix64 (Steele, Lea, Flood 2014).
pub struct Random(u64);

impl Random {
    /// Seeded by `ZMS_TEST_SEED`, otherwise by the clock. The seed is printed either way, and
    /// cargo shows it when the test fails.
    #[expect(clippy::print_stderr, reason = "a failure must be repeatable")]
    pub fn seeded() -> Random {
        let clock = || {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            now.map_or(1, |now| now.as_nanos() as u64)
        };
        let given = std::env::var("ZMS_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(clock);
        eprintln!("repeat with ZMS_TEST_SEED={seed}");
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// How many cases to run: `ZMS_TEST_CASES`, or 500.
pub fn case_count() -> usize {
    std::env::var("ZMS_TEST_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(500)
}

/// Everything that means something to one of the readers.
#[rustfmt::skip]
pub const PIECES: &[&str] = &[
    "'", "\"", "`", "'\"`", "\\", "\\\\", "\\'", "\\\"", "\\`", "\\n", "\\r", "\\t", "\\u0041",
    "\n", "\r", "\r\n", "\t", " ", "  ", "#", " #", "# x", "\n#", "$", "${HOME}", "${HOME", "$HOME",
    "${HOME:-x}", "${", "}", "${=:-$}", "$(touch CANARY)", "`touch CANARY`", "$((1+1))", "=", ":",
    "export ", "\nK0=x\n", "'\nK0='x", "\"\nK0=\"x", ";", "&", "|", "<", ">", "(", ")", "!", "!!",
    "*", "?", "~", "%s", "%00", "a", "b", "n", "r", "x1", "-", "\u{e9}", "\u{1f600}", "\u{feff}",
    ": ", "- ", "? ", "\n---\n", "\n...\n", "&a ", "*a", "[", "]", ",", "@", "\"\"\"", "'''", "\\U0001f600",
    "\u{a0}", "\u{85}", "\u{1c}", "\u{b}", "\u{2028}", "\u{2029}", "\u{7f}", "\u{1b}[0m", "\u{202e}",
];

/// Words that some reader takes for something else than text.
#[rustfmt::skip]
pub const WORDS: &[&str] = &[
    "yes", "no", "on", "off", "y", "N", "true", "False", "null", "Null", "~", "", "0", "010", "0o7",
    "0x1F", "0b1", "1e3", "1.10", "1_000", "+1", ".5", "5.", "12:30:45", ".inf", ".NaN", "inf", "nan",
    "2020-01-01", "2020-01-01T00:00:00Z", "<<", "=", "-", "---", "...", "#", "|", ">", "%YAML 1.2",
    " x", "x ", "\tx", "x\t", "\nx", "x\n", "\r", "\n\n", "a: b", "a #b", "!x", "&x", "*x", "{}", "[]",
];

/// A value of up to a dozen pieces; one in twenty is not UTF-8, a few are long.
pub fn value(random: &mut Random, canary: &str) -> Vec<u8> {
    let mut value = Vec::new();
    for _ in 0..random.below(13) {
        value.extend_from_slice(random.pick(PIECES).replace("CANARY", canary).as_bytes());
    }
    match random.below(60) {
        0 => value.push(0xff),
        1 => value.insert(0, 0x80),
        2 => value.extend((1..=255u8).collect::<Vec<_>>()),
        3 => value = value.repeat(200),
        4 => value.insert(value.len() / 2, 0),
        5..12 => value = random.pick(WORDS).into(),
        _ => {}
    }
    value
}
