//! Runs what a page of `docs` shows. A reader who types it sees the same.
//!
//! A block of `console` holds command lines after `$ ` (`> ` where one goes on) and what they
//! print on a terminal, errors too; a line `...` stands for any lines. A block with a file's name
//! behind its language is that file. All of a page runs in one shell, in order, in a scratch home.
//! Ids, hashes, times, tokens, sizes and counts of entries need not be the same, only of the same
//! kind.

use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io::Read,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::{
    fs::OFlags,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::{overwrite, redact::redact, shell};

/// What the scratch home is called on the page.
const HOME: &str = "/home/you";

/// Ends what a command printed.
const MARK: char = '\u{1e}';

#[test]
fn the_first_hour() {
    run("first-hour.md");
}

#[test]
fn backup_and_recovery() {
    run("backup.md");
}

/// A piece of a page, as it is written.
enum Piece {
    Text(String),
    File { name: String, text: String },
    Command { typed: Vec<String>, printed: Vec<String> },
}

fn run(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    let mut pieces = pieces(&fs::read_to_string(&path).unwrap());
    let mut happened = replay(&pieces).into_iter();
    let mut wrong = String::new();
    for piece in &mut pieces {
        let Piece::Command { typed, printed } = piece else { continue };
        let is = happened.next().unwrap_or_default();
        let lines = |lines: &[String]| lines.iter().map(|line| same_kind(line)).collect::<Vec<_>>();
        if !fits(&lines(printed), &lines(&is)) {
            let (was, now) = (printed.join("\n"), is.join("\n"));
            writeln!(wrong, "$ {}\n--- written\n{was}\n--- happened\n{now}", typed[0]).unwrap();
            *printed = is;
        }
    }
    if overwrite() {
        let text: String = pieces.iter().map(Piece::written).collect();
        fs::write(&path, text).unwrap();
    } else {
        assert!(wrong.is_empty(), "{}\n{wrong}", path.display());
    }
}

fn pieces(page: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        pieces.push(Piece::Text(format!("{line}\n")));
        let Some(info) = line.strip_prefix("```").filter(|info| !info.is_empty()) else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match info.split_once(' ') {
            Some((_, name)) => {
                let text = block.join("\n") + "\n";
                pieces.push(Piece::File { name: name.to_owned(), text });
            }
            None if info == "console" => pieces.extend(commands(&block)),
            None => pieces.push(Piece::Text(block.join("\n") + "\n")),
        }
        pieces.push(Piece::Text("```\n".to_owned()));
    }
    pieces
}

fn commands(block: &[&str]) -> Vec<Piece> {
    let mut commands: Vec<Piece> = Vec::new();
    for line in block {
        if let Some(typed) = line.strip_prefix("$ ") {
            let typed = vec![typed.to_owned()];
            commands.push(Piece::Command { typed, printed: Vec::new() });
            continue;
        }
        let Some(Piece::Command { typed, printed }) = commands.last_mut() else {
            panic!("a block begins with a command, not with {line:?}");
        };
        match line.strip_prefix("> ") {
            Some(more) if printed.is_empty() => typed.push(more.to_owned()),
            _ => printed.push((*line).to_owned()),
        }
    }
    commands
}

impl Piece {
    fn written(&self) -> String {
        match self {
            Self::Text(text) | Self::File { text, .. } => text.clone(),
            Self::Command { typed, printed } => {
                let mut text = format!("$ {}\n", typed.join("\n> "));
                printed.iter().for_each(|line| text += &format!("{line}\n"));
                text
            }
        }
    }
}

/// What each command of a page printed.
fn replay(pieces: &[Piece]) -> Vec<Vec<String>> {
    let scratch = tempfile::tempdir().unwrap();
    let home = scratch.path().canonicalize().unwrap();
    fs::create_dir(home.join("app")).unwrap();
    let mut script = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(_) => {}
            Piece::File { name, text } => {
                writeln!(script, "cat > {name} <<'END_OF_FILE'\n{text}END_OF_FILE").unwrap();
            }
            Piece::Command { typed, .. } => {
                let typed = typed.join("\n");
                let mark = format!("printf '\\{:o}'", u32::from(MARK));
                writeln!(script, "{{\n{typed}\n}} </dev/null\nended=$?; {mark}; (exit $ended)")
                    .unwrap();
            }
        }
    }
    let screen = on_terminal(&script, &home);
    let screen = screen.replace('\r', "").replace(&home.display().to_string(), HOME);
    let mut all: Vec<_> = screen
        .split(MARK)
        .map(|printed| printed.lines().map(|line| line.trim_end().to_owned()).collect())
        .collect();
    let rest: Vec<String> = all.pop().unwrap_or_default();
    assert!(rest.is_empty(), "the shell ended early: {rest:?}");
    all
}

/// What a script prints, with a terminal of 100 columns for its output.
fn on_terminal(script: &str, home: &Path) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(OFlags::NOCTTY.bits().cast_signed());
    let slave = options.open(name).unwrap();
    let size = Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&slave, size).unwrap();
    let mut command = shell(home);
    command.args(["-c", script]).env("NO_COLOR", "1");
    let mut child = command.stdout(slave.try_clone().unwrap()).stderr(slave).spawn().unwrap();
    // It holds the other end, which would never be closed.
    drop(command);
    let mut bytes = Vec::new();
    // Once nobody has the other end, reading fails.
    let _end = File::from(master).read_to_end(&mut bytes);
    child.wait().unwrap();
    String::from_utf8(bytes).unwrap()
}

/// A line without what is different each time, and without how long the audit is.
fn same_kind(line: &str) -> String {
    let line = redact(line);
    let words: Vec<&str> = line.split(' ').collect();
    let counts =
        |at: usize| words.get(at + 1) == Some(&"entries") || at > 0 && words[at - 1] == "entry";
    let number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    let word = |at: usize| if counts(at) && number(words[at]) { "[COUNT]" } else { words[at] };
    (0..words.len()).map(word).collect::<Vec<_>>().join(" ")
}

/// Whether lines are as written, where `...` stands for any.
fn fits(written: &[String], is: &[String]) -> bool {
    match written.split_first() {
        None => is.is_empty(),
        Some((line, rest)) if line == "..." => {
            (0..=is.len()).any(|skipped| fits(rest, &is[skipped..]))
        }
        Some((line, rest)) => is.first() == Some(line) && fits(rest, &is[1..]),
    }
}

#[test]
fn a_page_that_says_something_else_is_noticed() {
    let page = "Text\n```console\n$ echo one\none\n$ echo two; echo 2\n...\n2\n```\n";
    let pieces = pieces(page);
    assert_eq!(pieces.iter().map(Piece::written).collect::<String>(), page);
    let happened = replay(&pieces);
    assert_eq!(happened, [vec!["one"], vec!["two", "2"]]);
    let lines = |text: &str| text.lines().map(same_kind).collect::<Vec<_>>();
    for (written, is, same) in [
        ("one", "one", true),
        ("one", "two", false),
        ("one", "one\ntwo", false),
        ("one\n...", "one\ntwo", true),
        ("...\n2", "two\n2", true),
        ("...\n3", "two\n2", false),
        ("", "two", false),
        ("chain 0  12 entries", "chain 0  9 entries", true),
        ("up to entry 12", "up to entry 9", true),
        ("revision 12", "revision 9", false),
    ] {
        assert_eq!(fits(&lines(written), &lines(is)), same, "{written:?} {is:?}");
    }
}
