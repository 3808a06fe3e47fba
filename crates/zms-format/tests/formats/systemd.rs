//! systemd's `EnvironmentFile=`, by the functions of systemd's own library that its service
//! manager calls.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::readers::{self, Values};
use crate::written::{Written, assert_same};
use zms_format::{Format, Reason, write};

#[test]
fn systemd_reads_back_every_value_that_is_not_refused() {
    let folder = tempfile::tempdir().unwrap();
    let written = Written::new(Format::Systemd, &folder.path().join("canary"));
    let files = readers::files(folder.path(), &written.texts);
    for (answer, expected) in read(&files).iter().zip(&written.pairs) {
        assert_same(answer.as_ref().unwrap(), expected, "systemd");
    }
    assert!(!folder.path().join("canary").exists(), "a value was run");
}

/// Neither quotes nor escapes bring these through.
#[test]
fn no_spelling_gives_systemd_a_refused_value() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(131_070);
    let cases: [(&[u8], Reason); 4] = [
        (b"\xff", Reason::NotUtf8),
        (b"a\xc3", Reason::NotUtf8),
        (b"a\0b", Reason::Nul),
        (long.as_bytes(), Reason::TooLong { limit: 131_071 }),
    ];
    for (value, reason) in cases {
        let refusal = write(Format::Systemd, &[("K", value)]).expect_err("must be refused");
        assert_eq!(refusal.reason, reason);
        assert!(!refusal.carried_by.is_empty());
        if reason == (Reason::TooLong { limit: 131_071 }) {
            assert_no_program_starts_with(value);
            continue;
        }
        let escaped = value.iter().flat_map(|&byte| std::ascii::escape_default(byte)).collect();
        let mut spellings: Vec<Vec<u8>> = vec![];
        for content in [value.to_vec(), escaped] {
            for (open, end) in [("", ""), ("\"", "\""), ("'", "'"), ("$'", "'"), ("\\", "")] {
                spellings.push([b"K=", open.as_bytes(), &content, end.as_bytes(), b"\n"].concat());
            }
        }
        let files = readers::files(folder.path(), &spellings);
        for (spelling, answer) in spellings.iter().zip(read(&files)) {
            let read = answer.unwrap_or_default().remove("K");
            assert_ne!(read, Some(Some(value.to_vec())), "{spelling:?}");
        }
    }
}

/// systemd reads it, and then the system does not start a program with it.
fn assert_no_program_starts_with(value: &[u8]) {
    let start = |value: &[u8]| {
        let mut command = readers::clean_command("true");
        command.env("K", OsStr::from_bytes(value)).status().is_ok()
    };
    assert!(!start(value) && start(&value[1..]));
}

#[test]
fn systemd_loses_the_refused_names() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["", "1A", "a-b", "a.b", "a b", "\u{c4}", "#a", ";a", "export A"] {
        let refusal = write(Format::Systemd, &[(name, b"x")]).expect_err("must be refused");
        assert_eq!(refusal.reason, Reason::NameCharacters);
        let texts = [format!("{name}=x\n"), format!("\"{name}\"=x\n")];
        for answer in read(&readers::files(folder.path(), texts)) {
            assert!(!answer.unwrap_or_default().contains_key(name), "{name:?}");
        }
    }
}

fn read(files: &[PathBuf]) -> Vec<Option<Values>> {
    readers::ask_python("systemd_environment.py", files)
}
