//! When a secret ends, as the user says it and as it is shown.

use std::time::{Duration, UNIX_EPOCH};

use crate::exit::{Failure, Outcome, utc};

/// What ends within this many seconds is warned of: 14 days.
pub const SOON: u64 = 14 * 24 * 60 * 60;

/// Times past this are mistyped.
const END_OF_TIME: u64 = 1 << 40;

/// What `--expires` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Not at all.
    Never,
    /// So many seconds from now.
    After(u64),
    /// At this unix second.
    At(u64),
}

impl Expiry {
    /// Reads `never`, a time from now as `90d`, a date, or a time of RFC 3339.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self::Never);
        }
        // A date begins with its year and a dash, a duration never has one.
        if text.as_bytes().get(4) == Some(&b'-') {
            return instant(text).map(Self::At).ok_or_else(|| {
                "is no date such as 2027-01-01, and no time such as 2027-01-01T09:30:00+01:00"
                    .to_owned()
            });
        }
        match humantime::parse_duration(text) {
            Ok(time) if time.as_secs() > 0 => Ok(Self::After(time.as_secs())),
            Ok(_) => Err("is less than a second".to_owned()),
            Err(_) => Err("is none of 90d, 2027-01-01, 2027-01-01T09:30:00Z and never".to_owned()),
        }
    }

    /// The unix second, where there is one. What is over already is refused.
    pub fn at(self, now: u64) -> Outcome<Option<u64>> {
        let at = match self {
            Self::Never => return Ok(None),
            Self::After(seconds) => now.saturating_add(seconds),
            Self::At(at) => at,
        };
        if at <= now {
            return Err(Failure::usage(format!("--expires {} is over already", utc(at))));
        }
        if at >= END_OF_TIME {
            return Err(Failure::usage("--expires is too far away").hint("leave it out: `never`"));
        }
        Ok(Some(at))
    }
}

/// The unix second of a date at midnight UTC, or of a time of RFC 3339 with any offset.
fn instant(text: &str) -> Option<u64> {
    if text.len() == 10 {
        return seconds(&format!("{text}T00:00:00Z"));
    }
    let text = text.to_ascii_uppercase();
    if text.ends_with('Z') {
        return seconds(&text);
    }
    let (time, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let (sign, offset) = offset.split_at_checked(1)?;
    let (hours, minutes) = offset.split_once(':')?;
    let two = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if !two(hours) || !two(minutes) {
        return None;
    }
    let (hours, minutes): (u64, u64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let offset = (hours <= 23 && minutes <= 59).then_some(hours * 3600 + minutes * 60)?;
    let local = seconds(&format!("{time}Z"))?;
    match sign {
        "+" => local.checked_sub(offset),
        "-" => local.checked_add(offset),
        _ => None,
    }
}

fn seconds(utc: &str) -> Option<u64> {
    let time = humantime::parse_rfc3339(utc).ok()?;
    time.duration_since(UNIX_EPOCH).ok().as_ref().map(Duration::as_secs)
}

/// How near the end of a secret or token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Nearness {
    /// It is over.
    Over,
    /// It ends within [`SOON`].
    Soon,
    /// It ends later, or never.
    Far,
}

/// How near an end is, seen from now.
pub fn nearness(ends: Option<u64>, now: u64) -> Nearness {
    match ends {
        Some(at) if now > at => Nearness::Over,
        Some(at) if at - now < SOON => Nearness::Soon,
        _ => Nearness::Far,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    #[test]
    fn ends_are_read_as_people_write_them() {
        let day = 24 * 60 * 60;
        assert_eq!(Expiry::parse("never"), Ok(Expiry::Never));
        assert_eq!(Expiry::parse("90d"), Ok(Expiry::After(90 * day)));
        assert_eq!(Expiry::parse("12h 30m"), Ok(Expiry::After(45_000)));
        let midnight = Expiry::At(1_798_761_600);
        for same in [
            "2027-01-01",
            "2027-01-01T00:00:00Z",
            "2027-01-01t00:00:00z",
            "2027-01-01T00:00:00.999Z",
            "2027-01-01T01:00:00+01:00",
            "2026-12-31T18:30:00-05:30",
        ] {
            assert_eq!(Expiry::parse(same), Ok(midnight), "{same}");
        }
        for wrong in [
            "",
            "0s",
            "soon",
            "-1d",
            "90",
            "2027-13-01",
            "2027-1-1",
            "2027-01-01T25:00:00Z",
            "2027-01-01T00:00:00",
            "2027-01-01T00:00:00+1:00",
            "2027-01-01T00:00:00+24:00",
            "2027-é1-01",
            "1969-12-31T23:59:59Z",
            "2027-01-01T00:00:00+é:00",
        ] {
            assert!(Expiry::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_what_is_to_come_is_an_end() {
        assert_eq!(Expiry::Never.at(NOW).expect("always good"), None);
        assert_eq!(Expiry::After(5).at(NOW).expect("to come"), Some(NOW + 5));
        assert_eq!(Expiry::At(NOW + 1).at(NOW).expect("to come"), Some(NOW + 1));
        for over in [Expiry::At(NOW), Expiry::At(0), Expiry::After(u64::MAX)] {
            assert!(over.at(NOW).is_err(), "{over:?}");
        }
    }

    #[test]
    fn the_last_second_still_counts() {
        assert_eq!(nearness(None, NOW), Nearness::Far);
        assert_eq!(nearness(Some(NOW), NOW), Nearness::Soon);
        assert_eq!(nearness(Some(NOW - 1), NOW), Nearness::Over);
        assert_eq!(nearness(Some(NOW + SOON), NOW), Nearness::Far);
    }
}
