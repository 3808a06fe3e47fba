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
//! committed. Pages of `docs` that show a terminal are run as well: see `page.rs`.
#![expect(clippy::disallowed_methods, reason = "tests own their scratch files")]
#![expect(clippy::unwrap_used, reason = "a test that can not be set up fails where it stands")]

mod page;
mod redact;

use std::{
    env, fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use self::redact::redact;

macro_rules! transcripts {
    ($($name:ident)*) => {
        $(#[test] fn $name() { folder(stringify!($name).trim_start_matches("r#")) })*
        const FOLDERS: &str = stringify!($($name)*);
    };
}

transcripts! {
    help init set get ls rm mv cp search import export run allow token admin project env service audit
    r#use vault status doctor reset place credentials database history log undo rollback diff
    exposure words key edit check render bundle roster unlock lock
    generate backup restore server start stop member join push
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
    let mut wrong = String::new();
    for file in files {
        let written = fs::read_to_string(&file).unwrap();
        let happened = replay(&written);
        if overwrite() {
            fs::write(&file, &happened).unwrap();
        } else if written != happened {
            wrong += &format!("\n{}\n{}", file.display(), difference(&written, &happened));
        }
    }
    assert!(wrong.is_empty(), "- is written, + happened{wrong}");
}

/// Whether what happens is to be written down.
fn overwrite() -> bool {
    env::var("TRANSCRIPTS").is_ok_and(|wish| wish == "overwrite")
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
            let text_of = shown(&sh(command, &home));
            text += &redact(&text_of.replace(&home.display().to_string(), "[HOME]"));
        }
    }
    text
}

fn sh(command: &str, home: &Path) -> Output {
    shell(home).args(["-c", command]).output().unwrap()
}

/// A shell in the folder `app` of a scratch home.
fn shell(home: &Path) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_zms"));
    let mut command = Command::new("sh");
    command
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", program.parent().unwrap().display()))
        .env("HOME", home)
        .current_dir(home.join("app"))
        .stdin(Stdio::null());
    command
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
