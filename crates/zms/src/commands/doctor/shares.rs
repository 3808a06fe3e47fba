//! The shares of the key: whether they are of the key in use, and whether anybody has tried them.

use zms_core::key_file::KeyFile;

use super::report::Report;
use crate::{
    environment,
    exit::{Exit, utc},
    home::{Home, read_private},
    shares::Notes,
};

/// Shares that were not tried for so many seconds are worth a word: half a year.
const LONG: u64 = 182 * 24 * 60 * 60;

/// Checks what is noted of them. Needs no key.
pub(super) fn check(report: &mut Report, home: &Home) {
    let notes = match Notes::load(home) {
        Ok(notes) => notes,
        Err(failure) => return report.failure("shares", failure),
    };
    let Some(newest) = notes.splits.last() else {
        return report.skip("shares", "the key was not split here");
    };
    let text = read_private(&home.key(), Exit::Integrity).ok().flatten();
    let key = text.and_then(|text| KeyFile::parse(&text).ok()).map(|file| file.principal());
    let named = key.map_or_else(|| newest.key.clone(), |key| key.to_string());
    let Some(split) = notes.splits.iter().rfind(|split| split.key == named) else {
        return report.warn(
            "shares",
            format!("those of {} rebuild a key that was replaced since", utc(newest.at)),
            "`zms key split`, and burn the old ones",
        );
    };
    report.ok("shares", format!("{}, made on {}", split.scheme(), utc(split.at)));
    let drill = notes.drills.iter().rfind(|drill| drill.key == named && drill.at >= split.at);
    tried(report, drill.map(|drill| drill.at), environment::now());
}

/// Whether anybody has tried them, and lately.
fn tried(report: &mut Report, drill: Option<u64>, now: u64) {
    let hint = "`zms key drill`, with the shares that people hold";
    match drill {
        None => report.warn("drill", "nobody has proven that they rebuild the key", hint),
        Some(at) if at.saturating_add(LONG) < now => {
            report.warn("drill", format!("the last one was on {}", utc(at)), hint);
        }
        Some(at) => report.ok("drill", format!("on {}", utc(at))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(drill: Option<u64>, now: u64) -> String {
        let mut report = Report::default();
        tried(&mut report, drill, now);
        report.checks().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn shares_are_to_be_tried_every_half_year() {
        let at = 1_700_000_000;
        assert!(said(Some(at), at).starts_with("ok    drill"));
        assert!(said(Some(at), at + LONG).starts_with("ok    drill"));
        let old = said(Some(at), at + LONG + 1);
        assert!(old.starts_with("warn  drill") && old.contains("2023-11-14"), "{old}");
        assert!(said(None, at).contains("nobody has proven"), "{}", said(None, at));
        // A clock that went back calls nothing old.
        assert!(said(Some(at), at - LONG).starts_with("ok    drill"));
    }
}
