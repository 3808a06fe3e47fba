//! Random values in a format's own files, and what was refused.

use std::path::Path;

use crate::random::Random;
use crate::readers;
use zms_format::{Format, write};

/// Pairs that `format` accepts, in files of up to 500, with neighbours as they come.
pub struct Written {
    pub texts: Vec<Vec<u8>>,
    pub pairs: Vec<readers::Values>,
    pub refused: Vec<Vec<u8>>,
}

impl Written {
    /// For formats that refuse little: 1 value in 30 is not UTF-8, fewer mix all quotes with `#`.
    pub fn new(format: Format, canary: &Path) -> Written {
        let (written, values) = Written::any(format, canary);
        // A writer that refuses much more has lost something.
        let refused = written.refused.len();
        assert!(refused * 4 < values, "{refused} of {values} refused");
        written
    }

    /// For formats of single lines: half of the values have a line break or another character
    /// that their reader can not be given.
    pub fn of_lines(format: Format, canary: &Path) -> Written {
        let (written, values) = Written::any(format, canary);
        let refused = written.refused.len();
        assert!(refused * 4 < values * 3, "{refused} of {values} refused");
        written
    }

    fn any(format: Format, canary: &Path) -> (Written, usize) {
        let mut random = Random::seeded();
        let canary = canary.display().to_string();
        let mut values: Vec<Vec<u8>> = (0..crate::random::case_count())
            .map(|_| crate::random::value(&mut random, &canary))
            .collect();
        values.push(vec![]);
        // 1 MiB: plain, in need of quotes, all escapes, and lines.
        for unit in ["x", "it's ", "\"\\' ", "one\ntwo #\n", "\u{1f600}", "${X}"] {
            values.push(unit.repeat((1 << 20) / unit.len()).into_bytes());
        }
        let mut written = Written { texts: vec![], pairs: vec![], refused: vec![] };
        for batch in values.chunks(500) {
            let named: Vec<(String, &Vec<u8>)> =
                batch.iter().enumerate().map(|(n, value)| (format!("K{n}"), value)).collect();
            let mut accepted: Vec<(&str, &[u8])> = vec![];
            let mut bytes = 0;
            for (name, value) in &named {
                if let Err(refusal) = write(format, &[(name, value)]) {
                    assert_eq!(refusal.name, *name);
                    written.refused.push((*value).clone());
                    continue;
                }
                if format == Format::K8s && bytes + value.len() > 1 << 20 {
                    written.add(format, &std::mem::take(&mut accepted));
                    bytes = 0;
                }
                bytes += value.len();
                accepted.push((name, value));
            }
            written.add(format, &accepted);
        }
        (written, values.len())
    }

    fn add(&mut self, format: Format, accepted: &[(&str, &[u8])]) {
        self.texts.push(write(format, accepted).unwrap().to_vec());
        let expected = accepted.iter().map(|(n, v)| (n.to_string(), Some(v.to_vec())));
        self.pairs.push(expected.collect());
    }
}

/// Compares without printing megabytes.
pub fn assert_same(read: &readers::Values, expected: &readers::Values, reader: &str) {
    for (name, value) in expected {
        let got = read.get(name);
        let cut =
            |value: &[u8]| String::from_utf8_lossy(&value[..value.len().min(300)]).into_owned();
        assert!(
            got == Some(value),
            "{reader}: wrote {:?}, read {:?}",
            value.as_deref().map(cut),
            got.map(|got| got.as_deref().map(cut)),
        );
    }
    let names = |values: &readers::Values| values.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(read), names(expected), "{reader}");
}
