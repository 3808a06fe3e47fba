//! Times as people write them: `1h` ago, a day, an RFC 3339 time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::exit::{Failure, Outcome};

/// Unix seconds of a time. `now` is in unix seconds.
pub fn parse(flag: &str, text: &str, now: u64) -> Outcome<u64> {
    let refused = || {
        Failure::usage(format!("{flag} {text:?} is no time")).hint(
            "write 1h, 30m or 7d for so long ago, a day as 2026-01-31, or a time as \
             2026-01-31T12:00:00Z",
        )
    };
    if let Ok(ago) = humantime::parse_duration(text) {
        return Ok(now.saturating_sub(ago.as_secs()));
    }
    if let Ok(day) = humantime::parse_rfc3339(&format!("{text}T00:00:00Z")) {
        return seconds(day).ok_or_else(refused);
    }
    let (local, ahead) = offset(text).ok_or_else(refused)?;
    let time = humantime::parse_rfc3339(&local.to_uppercase()).ok().and_then(seconds);
    time.and_then(|time| time.checked_add_signed(-ahead)).ok_or_else(refused)
}

fn seconds(time: SystemTime) -> Option<u64> {
    time.duration_since(UNIX_EPOCH).ok().as_ref().map(Duration::as_secs)
}

/// A time without its offset, as if it were UTC, and how many seconds it is ahead of that.
fn offset(text: &str) -> Option<(String, i64)> {
    let Some((local, sign)) = text.len().checked_sub(6).and_then(|at| {
        let (local, zone) = text.split_at_checked(at)?;
        let sign = if zone.starts_with('+') { 1 } else { -1 };
        (zone.starts_with(['+', '-']) && text.contains(['T', 't'])).then_some((local, sign))
    }) else {
        return Some((text.to_owned(), 0));
    };
    let (hours, minutes) = text[local.len() + 1..].split_once(':')?;
    let number = |text: &str, most: i64| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number: &i64| digits && *number <= most)
    };
    let ahead = number(hours, 23)? * 3600 + number(minutes, 59)? * 60;
    Some((format!("{local}Z"), sign * ahead))
}

#[cfg(test)]
mod tests {
    use super::parse;

    const NOW: u64 = 1_800_000_000;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, time) in [
            ("1h", NOW - 3600),
            ("7d", NOW - 7 * 86400),
            ("1h 30m", NOW - 5400),
            ("100years", 0),
            ("1970-01-02", 86400),
            ("2026-01-01", 1_767_225_600),
            ("2026-01-01T00:00:00Z", 1_767_225_600),
            ("2026-01-01t00:00:01z", 1_767_225_601),
            ("2026-01-01T00:00:00.9Z", 1_767_225_600),
            ("2026-01-01T02:00:00+02:00", 1_767_225_600),
            ("2025-12-31T18:30:00-05:30", 1_767_225_600),
        ] {
            assert_eq!(parse("--since", text, NOW).ok(), Some(time), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "1",
            "-1h",
            "2026-13-01",
            "2026-01-01T00:00:00",
            "2026-01-01 00:00:00",
            "2026-01-01T00:00:00+2:00",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00+0a:00",
            "1970-01-01T00:00:00+01:00",
            "é-01:00",
        ] {
            assert!(parse("--since", text, NOW).is_err(), "{text}");
        }
    }
}
