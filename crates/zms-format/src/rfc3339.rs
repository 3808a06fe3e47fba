//! Times as text.

use std::time::{Duration, UNIX_EPOCH};

/// The last second of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

/// A time as RFC 3339 has it, in UTC, from unix seconds. What is damaged or hostile may name a time that
/// has no such form; it is shown as the last one that has.
pub fn rfc3339(seconds: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_secs(seconds.min(LAST_SECOND));
    humantime::format_rfc3339_seconds(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_seconds_is_a_time() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        for late in [LAST_SECOND, LAST_SECOND + 1, i64::MAX.cast_unsigned() + 1, u64::MAX] {
            assert_eq!(rfc3339(late), "9999-12-31T23:59:59Z");
        }
    }
}
