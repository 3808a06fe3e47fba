//! Runs the transcripts of `tests/cmd`. Each is one user on a machine that has never seen zms.
//!
//! ```text
//! # what this shows
//! % zms init                   set-up: must succeed, and what it says is not shown
//! $ zms get DATABASE_URL       a command line for sh, in a folder of its own
//! ? 3                          its exit code, unless it is 0
//! > postgres://db              a line of its stdout; \ where the last one has no line break
//! ! error: no secret ...       a line of its stderr
//! ~> unix:/run/zms.sock        all lines of the last command, where a server keeps the vault and
//!                              they are not the same
//! @ why                        this is about the file itself: run on a file on every store
//! & why                        this is about one audit chain: run with one server where several
//!                              would take turns, as each has a chain of its own
//! ```
//!
//! `ZMS_TEST_STORE=server` runs the same with vaults that an engine keeps (`store.rs`), and
//! `ZMS_TEST_STORE=postgres` with an engine that keeps them in PostgreSQL; with `ZMS_TEST_REPLICAS=2`
//! as many servers over one database take turns, command by command. `scripts/cases` adds up how many
//! were run on each.
//!
//! Ids, hashes, times, tokens, sizes of files and the scratch folder stand as what they are, in
//! brackets. With `TRANSCRIPTS=overwrite` what happened is written into the files, to be read and
//! committed. Pages of `docs` that show a terminal are run as well: see `page.rs`.
#![expect(clippy::disallowed_methods, reason = "tests own their scratch files")]
#![expect(clippy::unwrap_used, reason = "a test that can not be set up fails where it stands")]

mod messages;
mod page;
mod redact;
mod store;

use std::{
    env, fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use self::{
    redact::redact,
    store::{Place, SECRET, Server},
};

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
    generate backup restore server start stop member join push pull
    completions man
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
    let mut ran = String::new();
    for file in files {
        let written = fs::read_to_string(&file).unwrap();
        let marked = |mark: &str| written.lines().any(|line| line.starts_with(mark));
        let (about_file, about_chain) = (marked("@ "), marked("& "));
        let alone = |place: Place| if about_chain { place.alone() } else { place };
        let place = served().filter(|_| !about_file).map(alone);
        let on = if place.is_none() {
            "file"
        } else if about_chain {
            "one"
        } else {
            "store"
        };
        let happened = replay(&written, place);
        ran += &format!("{on} {name}/{}\n", file.file_name().unwrap().to_string_lossy());
        if overwrite() {
            fs::write(&file, &happened).unwrap();
        } else if written != happened {
            wrong += &format!("\n{}\n{}", file.display(), difference(&written, &happened));
        }
    }
    note(name, &ran);
    assert!(wrong.is_empty(), "- is written, + happened{wrong}");
}

/// Where a server keeps the vaults, if one does.
fn served() -> Option<Place> {
    match env::var("ZMS_TEST_STORE").as_deref() {
        Ok("server") => Some(Place::Folder),
        Ok("postgres") => Some(replicas().map_or(Place::Postgres, Place::Replicas)),
        Ok("file") | Err(_) => None,
        Ok(other) => panic!("ZMS_TEST_STORE={other}: file, server or postgres"),
    }
}

/// How many servers take turns, where several do.
fn replicas() -> Option<usize> {
    let count = env::var("ZMS_TEST_REPLICAS").ok()?;
    Some(count.parse().expect("ZMS_TEST_REPLICAS is a number"))
}

/// Notes which cases of a folder were run, and on what, for `scripts/cases` to compare.
fn note(name: &str, ran: &str) {
    let mut store = env::var("ZMS_TEST_STORE").unwrap_or_else(|_| "file".to_owned());
    store += &replicas().map_or(String::new(), |count| format!("-{count}"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cases").join(store);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), ran).unwrap();
}

/// Whether what happens is to be written down.
fn overwrite() -> bool {
    env::var("TRANSCRIPTS").is_ok_and(|wish| wish == "overwrite")
}

/// The transcript as it should read after what happens now, on a file or on a server. What the other
/// one says is left as it is written.
fn replay(transcript: &str, place: Option<Place>) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let home = scratch.path().canonicalize().unwrap();
    fs::create_dir(home.join("app")).unwrap();
    let server = place.map(|place| Server::start(place, &[]));
    let on_server = server.is_some();
    let address = server.as_ref().map(|server| format!("unix:{}", server.socket().display()));
    let mut text = String::new();
    let mut lines = transcript.lines().peekable();
    while let Some(line) = lines.next() {
        if line.is_empty() || line.starts_with(['#', '%', '$', '@', '&']) {
            text += &format!("{line}\n");
        }
        if let Some(command) = line.strip_prefix("% ") {
            let output = sh(command, &home, address.as_deref());
            assert!(output.status.success(), "set-up failed: {command}\n{output:?}");
        }
        if let Some(command) = line.strip_prefix("$ ") {
            let answer = |line: &&str| line.starts_with(['?', '>', '!', '\\', '~']);
            let mut written = (String::new(), String::new());
            while let Some(line) = lines.next_if(answer) {
                match line.strip_prefix('~') {
                    Some(line) => written.1 += &format!("{line}\n"),
                    None => written.0 += &format!("{line}\n"),
                }
            }
            let text_of = shown(&sh(command, &home, address.as_deref()));
            let text_of = text_of.replace(&home.display().to_string(), "[HOME]");
            let text_of = match &address {
                Some(address) => text_of.replace(address, "[SERVER]"),
                None => text_of,
            };
            let happened = redact(&text_of);
            let (on_file, elsewhere) = match on_server {
                false => (happened, written.1),
                true if happened == written.0 => (written.0, String::new()),
                true => (written.0, if happened.is_empty() { "\n".to_owned() } else { happened }),
            };
            text += &on_file;
            elsewhere.lines().for_each(|line| text += &format!("~{line}\n"));
        }
    }
    text
}

#[test]
fn what_one_replica_keeps_the_next_one_shows_at_once() {
    let scratch = tempfile::tempdir().unwrap();
    fs::create_dir(scratch.path().join("app")).unwrap();
    let server = Server::start(Place::Replicas(2), &[]);
    let address = format!("unix:{}", server.socket().display());
    let shown = |command: &str| {
        let before = server.connections();
        let output = sh(command, scratch.path(), Some(&address));
        assert!(output.status.success(), "{command}: {output:?}");
        // In turns, so its first connection led to another one than the last of the one before.
        assert!(server.connections() > before, "{command}: nobody here was asked");
        String::from_utf8(output.stdout).unwrap()
    };
    shown("zms init");
    for round in 0..12 {
        shown(&format!("printf {round} | zms set A"));
        assert_eq!(shown("zms get A"), round.to_string());
    }
    // Each has noted what it answered, and one checkpoint proves it all.
    shown("zms audit checkpoint --out note");
    let proven = shown("zms audit verify --checkpoint note");
    for line in ["chain 0 ", "chain 1 ", "first bad   none"] {
        assert!(proven.contains(line), "{proven}");
    }
    assert_eq!(proven.matches("proven      up to entry ").count(), 2, "{proven}");
}

fn sh(command: &str, home: &Path, server: Option<&str>) -> Output {
    let mut shell = shell(home);
    if let Some(address) = server {
        shell.env("ZMS_SERVER", address).env("ZMS_REGISTRATION", SECRET);
    }
    shell.args(["-c", command]).output().unwrap()
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
