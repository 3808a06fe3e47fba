//! Shells that read back what is written for them.

use std::path::Path;

use crate::readers::{self, Values};
use crate::written::{Written, assert_same};
use zms_format::{Format, write};

/// A shell, what is written for it, and the ways in which users let it read that: as they call
/// it, and as a file that is sourced.
const SHELLS: [(&str, Format, [&str; 2]); 4] = [
    ("bash", Format::Shell, ["eval \"$(cat \"$1\")\"", ". \"$1\""]),
    ("dash", Format::Shell, ["eval \"$(cat \"$1\")\"", ". \"$1\""]),
    ("zsh", Format::Shell, ["eval \"$(cat \"$1\")\"", ". \"$1\""]),
    ("fish", Format::Fish, ["cat $argv[1] | source", "source $argv[1]"]),
];

#[test]
fn shells_read_back_every_value_that_is_not_refused() {
    for format in [Format::Shell, Format::Fish] {
        let folder = tempfile::tempdir().unwrap();
        let canary = folder.path().join("canary");
        let written = Written::new(format, &canary);
        let files = readers::files(folder.path(), &written.texts);
        for (shell, _, reads) in SHELLS.iter().filter(|(_, its, _)| *its == format) {
            for (read, locale) in reads.iter().zip(["C", "C.UTF-8"]) {
                for (file, expected) in files.iter().zip(&written.pairs) {
                    let got = values_in(shell, read, file, expected, locale);
                    assert_same(&got, expected, shell);
                }
            }
        }
        assert!(!canary.exists(), "a value was run");
    }
}

/// Lets the shell read the file and print what its variables hold. A built-in prints: an exec
/// would meet the system's limit on one variable.
fn values_in(shell: &str, read: &str, file: &Path, expected: &Values, locale: &str) -> Values {
    let mut script = format!("{read}\n");
    for name in expected.keys() {
        script.push_str(&format!("printf '%s\\0' \"${name}\"\n"));
    }
    let asker = file.with_extension("ask");
    std::fs::write(&asker, script).unwrap();
    let mut command = readers::clean_command(shell);
    let output = readers::run(command.env("LC_ALL", locale).arg(&asker).arg(file));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{shell} complains");
    let mut values: Vec<Option<Vec<u8>>> =
        output.stdout.split(|&byte| byte == 0).map(|v| Some(v.to_vec())).collect();
    assert_eq!(values.pop(), Some(Some(vec![])), "every value ends in NUL");
    expected.keys().cloned().zip(values).collect()
}

#[test]
fn a_child_of_the_shell_receives_the_values() {
    let folder = tempfile::tempdir().unwrap();
    let pairs: [(&str, &[u8]); 4] =
        [("A", b"it's\n$(id)"), ("B", b"\xff\x80"), ("C", b""), ("D_PATH", b":a::b c:")];
    for (shell, format, reads) in SHELLS {
        let files = readers::files(folder.path(), [&*write(format, &pairs).unwrap()]);
        for read in reads {
            let asker = folder.path().join("ask");
            std::fs::write(&asker, format!("{read}\nexec env -0\n")).unwrap();
            let mut command = readers::clean_command(shell);
            let output = readers::run(command.arg(&asker).arg(&files[0]));
            let lines: Vec<&[u8]> = output.stdout.split(|&byte| byte == 0).collect();
            for (name, value) in pairs {
                let expected = [name.as_bytes(), b"=", value].concat();
                assert!(lines.contains(&&*expected), "{shell}: {name}");
            }
        }
    }
}
