//! Runs the transcripts of `tests/cmd`. Each is one user on a machine that has never seen zms.
//!
//! ```text
//! # what this shows
//! % zms init                   set-up: must succeed, and what it says is not shown
//! $ zms get DATABASE_URL       a command line for sh, in a folder of its own
//! ? 3                          its exit code, unless it is 0
//! > postgres://db              a line of its stdout; \ where the last one has no line break
//! ! error: no secret ...       a line of its stderr
//! ```
//!
//! Ids, hashes, times, tokens, sizes of files and the scratch folder stand as what they are, in
//! brackets. With `TRANSCRIPTS=overwrite` what happened is written into the files, to be read and
//! committed.
#![expect(clippy::disallowed_methods, reason = "tests own their scratch files")]
#![expect(clippy::unwrap_used, reason = "a test that can not be set up fails where it stands")]

use std::{
    env, fs,
    path::Path,
    process::{Command, Output, Stdio},
};

macro_rules! transcripts {
    ($($name:ident)*) => {
        $(#[test] fn $name() { folder(stringify!($name).trim_start_matches("r#")) })*
        const FOLDERS: &str = stringify!($($name)*);
    };
}

transcripts! {
    help init set get ls rm mv cp search import export run allow token project env service audit
    r#use vault status doctor reset place credentials database history log undo rollback diff
    exposure words key
}

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cmd");

#[test]
fn every_folder_of_transcripts_is_run() {
    for entry in fs::read_dir(CASES).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(FOLDERS.replace("r#", "").split_whitespace().any(|it| it == name), "{name}");
    }
}

fn folder(name: &str) {
    let entries = fs::read_dir(Path::new(CASES).join(name)).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let overwrite = env::var("TRANSCRIPTS").is_ok_and(|wish| wish == "overwrite");
    let mut wrong = String::new();
    for file in files {
        let written = fs::read_to_string(&file).unwrap();
        let happened = replay(&written);
        if overwrite {
            fs::write(&file, &happened).unwrap();
        } else if written != happened {
            wrong += &format!("\n{}\n{}", file.display(), difference(&written, &happened));
        }
    }
    assert!(wrong.is_empty(), "- is written, + happened{wrong}");
}

/// The transcript as it should read after what happens now.
fn replay(transcript: &str) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let home = scratch.path().canonicalize().unwrap();
    fs::create_dir(home.join("app")).unwrap();
    let mut text = String::new();
    for line in transcript.lines() {
        if line.is_empty() || line.starts_with(['#', '%', '$']) {
            text += &format!("{line}\n");
        }
        if let Some(command) = line.strip_prefix("% ") {
            let output = sh(command, &home);
            assert!(output.status.success(), "set-up failed: {command}\n{output:?}");
        }
        if let Some(command) = line.strip_prefix("$ ") {
            text += &redact(&shown(&sh(command, &home)), &home);
        }
    }
    text
}

fn sh(command: &str, home: &Path) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_zms"));
    Command::new("sh")
        .args(["-c", command])
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", program.parent().unwrap().display()))
        .env("HOME", home)
        .current_dir(home.join("app"))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn shown(output: &Output) -> String {
    let code = output.status.code().map_or("a signal".to_owned(), |code| code.to_string());
    let mut text = if code == "0" { String::new() } else { format!("? {code}\n") };
    for (mark, stream) in [('>', &output.stdout), ('!', &output.stderr)] {
        let stream = String::from_utf8_lossy(stream);
        for line in stream.lines() {
            text += format!("{mark} {line}").trim_end_matches(' ');
            text += "\n";
        }
        text += if stream.is_empty() || stream.ends_with('\n') { "" } else { "\\\n" };
    }
    text
}

/// Replaces what is different each time.
fn redact(text: &str, home: &Path) -> String {
    const TIME: &[u8] = b"0000-00-00T00:00:00Z";
    let text = text.replace(&home.display().to_string(), "[HOME]");
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let (mut safe, mut rest) = (String::new(), text.as_str());
    while let Some(first) = rest.chars().next() {
        let shape = rest.bytes().take(TIME.len());
        let shape = shape.map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
        let time = shape.eq(TIME.iter().copied());
        let run = rest.bytes().take_while(word).count();
        let hex = rest[..run].bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let (length, name) = match run {
            _ if time => (TIME.len(), "[TIME]"),
            66 if rest.starts_with("zms_st_1") || rest.starts_with("zms_at_1") => (run, "[TOKEN]"),
            64 if hex => (run, "[HASH]"),
            32 if hex => (run, "[ID]"),
            // The start of an id, as far as it is shown.
            8 if hex => (run, "[ID]"),
            1.. if size(&rest[..run], &rest[run..], &safe) => (run, "[SIZE]"),
            0 => (first.len_utf8(), &rest[..first.len_utf8()]),
            _ => (run, &rest[..run]),
        };
        safe += name;
        rest = &rest[length..];
    }
    safe
}

/// Whether a number is the size of a file.
fn size(number: &str, behind: &str, before: &str) -> bool {
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    digits && (behind.starts_with(" KiB") || before.ends_with("_bytes\": "))
}

/// The commands that did something else, as written and as happened.
fn difference(written: &str, happened: &str) -> String {
    let each = written.split("\n$ ").zip(happened.split("\n$ "));
    let marked = |mark: &str, text: &str, other: &str| -> String {
        let new = text.lines().filter(|line| !other.lines().any(|same| same == *line));
        new.map(|line| format!("{mark} {line}\n")).collect()
    };
    let tell = |(written, happened): (&str, &str)| {
        let (gone, new) = (marked("-", written, happened), marked("+", happened, written));
        format!("  {}\n{gone}{new}", written.lines().next().unwrap_or_default())
    };
    each.filter(|(written, happened)| written != happened).map(tell).collect()
}
