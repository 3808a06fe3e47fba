//! Every refusal is needed: for each class of refused values, no quoting that its real reader
//! knows brings the value back.

use std::process::Command;

use crate::random::Random;
use crate::readers::{self, Kind};
use crate::written::Written;
use zms_format::{Format, Reason, write};

/// Values that npm dotenv can not be given.
const REFUSED_BY_NPM: &[(&[u8], Reason)] = &[
    // Only a quoted value can hold `#`, and no quote is left.
    (b"'\"`#", Reason::Quoting),
    (b"# ' \" `", Reason::Quoting),
    // The same with a line feed between, which way 2 could only spell as `\n`.
    (b"'\"`\n#", Reason::Quoting),
    // A line feed and all quotes need `"` and `\n`, which turns a literal `\n` into one too.
    (b"'\"`\n\\n", Reason::Quoting),
    (b"'\"`\n\\r", Reason::Quoting),
    // Carriage returns need `"`, which decodes literal `\n` and `\r`.
    (b"\r\\n", Reason::Quoting),
    (b"\\r\r", Reason::Quoting),
    // Carriage returns need `"`, which is taken, and the one line way has no `#`.
    (b"\r\"#", Reason::Quoting),
    // Each quote ends a quoted value at the U+2028 or U+2029 after it; bare, the value opens with
    // a quote that nothing closes, which the import of ZMS refuses,
    ("'\u{2028}\"\u{2028}`\u{2028}y".as_bytes(), Reason::Quoting),
    ("'\u{2029}\" \u{2029}`\u{2029}".as_bytes(), Reason::Quoting),
    // or with one that is closed there as well,
    ("'\u{2028}x' \u{2028}\"\u{2028}`\u{2028}".as_bytes(), Reason::Quoting),
    // or it has white space at an end, or a later line would lose its quotes; the quotes that
    // would help begin at that line, where ZMS keeps them.
    (" x'\u{2028}\"\u{2028}`\u{2028}y".as_bytes(), Reason::Quoting),
    ("x'\u{2028}\"\u{2028}`\u{2028}'y'".as_bytes(), Reason::Quoting),
    // A line feed needs quotes.
    ("x'\u{2028}\"\u{2028}`\u{2028}y\n".as_bytes(), Reason::Quoting),
    (b"a\0b", Reason::Nul),
    (b"\0", Reason::Nul),
    (b"\xff", Reason::NotUtf8),
    (b"a\xc3", Reason::NotUtf8),
    (b"\xed\xa0\x80", Reason::NotUtf8),
];

/// Values that python-dotenv can not be given.
const REFUSED_BY_PYTHON: &[(&[u8], Reason)] = &[
    (b"a\0b", Reason::Nul),
    (b"\0", Reason::Nul),
    (b"\xff", Reason::NotUtf8),
    (b"a\xc3", Reason::NotUtf8),
    (b"\xed\xa0\x80", Reason::NotUtf8),
];

/// Replacements that some reader might undo; every subset of them is tried.
const ESCAPES: &[(&str, &str)] = &[
    ("\\", "\\\\"),
    ("\n", "\\n"),
    ("\r", "\\r"),
    ("'", "\\'"),
    ("\"", "\\\""),
    ("`", "\\`"),
    ("#", "\\#"),
    ("\0", "\\0"),
    ("\0", "\\x00"),
];

const AROUND: &[&str] = &["", "'", "\"", "`", "'''", "\"\"\""];
const STARTS: &[&str] = &["K=", "export K= ", "K: "];
/// Some with a comment that holds a quote, or with a quote on the next line.
const ENDS: &[&str] = &["", " # '.", " # \".", " # `.", "\n'", "\n\"", "\n`"];

/// Every spelling of `K=value` to try: escapes, quotes, what follows.
fn spellings(value: &[u8]) -> Vec<Vec<u8>> {
    let mut contents: Vec<Vec<u8>> = vec![value.to_vec()];
    for (plain, escaped) in ESCAPES {
        let more: Vec<_> = contents
            .iter()
            .map(|content| replaced(content, plain.as_bytes(), escaped.as_bytes()))
            .collect();
        contents.extend(more);
    }
    contents.sort();
    contents.dedup();
    let mut spellings = Vec::new();
    for content in contents {
        for quote in AROUND {
            for (end, start) in ENDS.iter().flat_map(|end| STARTS.iter().map(move |s| (end, s))) {
                let parts = [start.as_bytes(), quote.as_bytes(), &content, quote.as_bytes()];
                spellings.push([parts.concat().as_slice(), end.as_bytes(), b"\n"].concat());
            }
        }
    }
    spellings
}

fn replaced(text: &[u8], plain: &[u8], escaped: &[u8]) -> Vec<u8> {
    let mut result = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with(plain) {
            result.extend_from_slice(escaped);
            at += plain.len();
        } else {
            result.push(text[at]);
            at += 1;
        }
    }
    result
}

/// Asserts that no spelling of any of `values` is read back by npm dotenv. Where U+2028 or U+2029
/// is in a value, a spelling counts that all its ways to read and the import of ZMS read alike.
fn assert_beyond_npm(values: &[&[u8]]) {
    for (value, found) in values.iter().zip(readers::npm_spellings(&asked(values))) {
        let text = String::from_utf8_lossy(value);
        for (spelling, by) in found {
            // `parse` alone can carry NUL; no environment can.
            if value.contains(&0) && !by.iter().any(|way| way == "config") {
                continue;
            }
            let shown = String::from_utf8_lossy(&spelling);
            let lines = text.contains(['\u{2028}', '\u{2029}']);
            let ours = zms_format::parse_dotenv(&spelling).ok();
            let ours =
                ours.is_some_and(|read| read.len() == 1 && *read[0].value.expose() == **value);
            assert!(lines && !(by.len() == 3 && ours), "{text:?}: {by:?} read {shown:?}");
        }
    }
}

/// The question of `npm_spellings.cjs`.
fn asked(values: &[&[u8]]) -> serde_json::Value {
    serde_json::json!({
        "values": values.iter().map(hex::encode).collect::<Vec<_>>(),
        "escapes": ESCAPES, "quotes": AROUND, "starts": STARTS, "ends": ENDS,
    })
}

fn assert_refused(format: Format, name: &str, value: &[u8], reason: Reason) {
    let refusal = write(format, &[(name, value)]).expect_err("must be refused");
    assert_eq!(refusal.reason, reason, "{:?}", String::from_utf8_lossy(value));
    for other in refusal.carried_by {
        assert_ne!(other, format);
        assert!(write(other, &[(name, value)]).is_ok(), "{other} was named");
    }
}

#[test]
fn no_spelling_gives_npm_dotenv_a_refused_value() {
    for &(value, reason) in REFUSED_BY_NPM {
        assert_refused(Format::Dotenv, "K", value, reason);
    }
    assert_beyond_npm(&REFUSED_BY_NPM.iter().map(|(value, _)| *value).collect::<Vec<_>>());
}

/// The search finds what there is to find.
#[test]
fn the_search_for_a_spelling_finds_one_for_each_value_that_is_written() {
    let values =
        ["", "a b", "it's", "'\"`", "'\"`\n", "\r", "a #\\", "x'\u{2028}\"\u{2028}`\u{2028}y"];
    let values: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
    for (value, found) in values.iter().zip(readers::npm_spellings(&asked(&values))) {
        let written = write(Format::Dotenv, &[("K", value)]).unwrap().to_vec();
        let found = found.into_iter().find(|(spelling, _)| *spelling == written);
        assert_eq!(found.map(|(_, by)| by.len()), Some(3), "{:?}", String::from_utf8_lossy(value));
    }
}

/// The table above shows the classes; this looks for a value that is refused without need.
#[test]
fn no_spelling_gives_npm_dotenv_a_random_refused_value() {
    #[rustfmt::skip]
    const PIECES: &[&str] = &[
        "'", "\"", "`", "\\", "\\'", "\\\"", "\\`", "#", "\n", "\r", "\\n", "\\r", " ", "a",
    ];
    #[rustfmt::skip]
    const LINES: &[&str] = &[
        "'", "\"", "`", "'\u{2028}", "\"\u{2028}", "`\u{2029}", "' \u{2029}", "\u{2028}'", "\u{2028}\"",
        "\\'\u{2028}", "\u{2028}", "\n", " ", "a", "b",
    ];
    let mut random = Random::seeded();
    for pieces in [PIECES, LINES] {
        let mut refused = vec![];
        while refused.len() < crate::random::case_count().clamp(100, 5000) / 10 {
            let value: String = (0..2 + random.below(9)).map(|_| random.pick(pieces)).collect();
            if write(Format::Dotenv, &[("K", value.as_bytes())]).is_err() {
                refused.push(value.into_bytes());
            }
        }
        assert_beyond_npm(&refused.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
}

/// The same of what the round trips refuse, as far as it is short; by default of the first 40.
#[test]
fn no_spelling_gives_a_dotenv_reader_what_the_round_trips_refuse() {
    let canary = std::path::Path::new("/nowhere/canary");
    let refused = Written::new(Format::Dotenv, canary).refused;
    let refused: Vec<&[u8]> =
        refused.iter().map(Vec::as_slice).filter(|value| value.len() < 200).collect();
    let full = std::env::var_os("ZMS_TEST_FULL").is_some();
    let count = if full { refused.len() } else { refused.len().min(40) };
    assert_beyond_npm(&refused[..count]);
    // For python-dotenv every text has a spelling; what is no text no reader gives.
    for value in Written::new(Format::DotenvPython, canary).refused {
        assert!(value.contains(&0) || str::from_utf8(&value).is_err(), "{value:?}");
    }
}

#[test]
fn no_spelling_gives_python_dotenv_a_refused_value() {
    let folder = tempfile::tempdir().unwrap();
    for &(value, reason) in REFUSED_BY_PYTHON {
        assert_refused(Format::DotenvPython, "K", value, reason);
        let spellings = spellings(value);
        for batch in spellings.chunks(4000) {
            let files = readers::files(folder.path(), batch);
            for (spelling, answer) in batch.iter().zip(readers::python(&files)) {
                let loaded = answer.load.and_then(|mut load| load.remove("K"));
                let shown = String::from_utf8_lossy(spelling);
                assert_ne!(loaded, Some(Some(value.to_vec())), "{shown:?}");
            }
        }
    }
}

#[test]
fn npm_dotenv_loses_the_refused_names() {
    let folder = tempfile::tempdir().unwrap();
    for (name, reason) in [
        ("__proto__", Reason::NamePrototype),
        ("", Reason::NameCharacters),
        ("my key", Reason::NameCharacters),
        ("\u{c4}", Reason::NameCharacters),
        ("a/b", Reason::NameCharacters),
        ("a#b", Reason::NameCharacters),
    ] {
        assert_refused(Format::Dotenv, name, b"x", reason);
        let texts = ["", "'", "\"", "`"].map(|quote| format!("{quote}{name}{quote}=x\n"));
        let files = readers::files(folder.path(), texts);
        for answer in readers::npm(&files) {
            assert!(!answer.parse.contains_key(name), "{name:?}");
        }
    }
}

#[test]
fn python_dotenv_loses_the_refused_names_and_reads_the_quoted_ones() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["", "'a", "it's mine"] {
        assert_refused(Format::DotenvPython, name, b"x", Reason::NameCharacters);
        let escaped = name.replace('\'', "\\'");
        let texts = [format!("{name}=x\n"), format!("'{name}'=x\n"), format!("'{escaped}'=x\n")];
        let files = readers::files(folder.path(), texts);
        for answer in readers::python(&files) {
            assert!(!answer.values.unwrap().contains_key(name), "{name:?}");
        }
    }
    let names = ["my key", "\u{c4}", "a#b", "\"", "export x", "\u{feff}A", "#", "a:b", "."];
    let pairs = names.map(|name| (name, name.as_bytes()));
    let files = readers::files(folder.path(), [&*write(Format::DotenvPython, &pairs).unwrap()]);
    let read = readers::python(&files).remove(0).load.unwrap();
    for name in names {
        assert_eq!(read.get(name), Some(&Some(name.as_bytes().to_vec())), "{name:?}");
    }
}

#[test]
fn no_spelling_gives_json_parsers_a_refused_value() {
    let folder = tempfile::tempdir().unwrap();
    assert_refused(Format::Json, "K", b"\xff", Reason::NotUtf8);
    let contents: [&[u8]; 4] = [b"\xff", br"\u00ff", br"\udcff", br"\uffff"];
    let files = readers::files(
        folder.path(),
        contents.map(|content| [b"{\"K\": \"", content, b"\"}"].concat()),
    );
    let node = "for (const f of process.argv.slice(1)) console.log(Buffer.from(JSON.parse(\
                require('fs').readFileSync(f, 'utf8')).K).toString('hex'))";
    let python = "import json, sys\nfor f in sys.argv[1:]:\n try:\n  print(json.load(open(f, \
                  encoding='utf-8'))['K'].encode().hex())\n except UnicodeError: print('error')";
    let python_path = readers::python_path();
    for (program, flag, source) in [("node", "-e", node), (&*python_path, "-c", python)] {
        let output =
            readers::run(readers::clean_command(program).args([flag, source]).args(&files));
        let answers = String::from_utf8(output.stdout).unwrap();
        assert_eq!(answers.lines().count(), contents.len());
        assert!(answers.lines().all(|answer| answer != "ff"), "{program}: {answers}");
    }
}

#[test]
fn no_spelling_gives_yaml_and_toml_readers_a_refused_value_as_text() {
    let folder = tempfile::tempdir().unwrap();
    let spellings: [(Format, Kind, &[&[u8]]); 2] = [
        // Some know `!!binary`, others refuse it; for none it is text.
        (Format::Yaml, Kind::Yaml, &[b"K: \xff", b"K: \"\\xff\"", b"K: !!binary \"/w==\""]),
        (Format::Toml, Kind::Toml, &[b"K = '\xff'", b"K = \"\\u00ff\"", b"K = \"\\udcff\""]),
    ];
    for (format, kind, spellings) in spellings {
        assert_refused(format, "K", b"\xff", Reason::NotUtf8);
        let files = readers::files(folder.path(), spellings);
        for reader in readers::tables(kind, &files) {
            for answer in reader.answers.iter().flatten() {
                assert_ne!(answer["K"], Some(vec![0xff]), "{}", reader.name);
            }
        }
    }
}

#[test]
fn no_spelling_gives_a_shell_a_refused_value_or_name() {
    assert_refused(Format::Shell, "K", b"a\0b", Reason::Nul);
    let spellings: [&[u8]; 5] =
        [b"'a\0b'", b"\"a\0b\"", br"$'a\0b'", br"$'a\x00b'", br#""$(printf 'a\0b')""#];
    for spelling in spellings {
        for shell in ["bash", "dash"] {
            let script = [b"export K=", spelling, b"\nprintf %s \"$K\"\n"].concat();
            assert_ne!(ask(shell, &script).stdout, b"a\0b");
        }
    }
    for name in ["A-B", "A.B", "1A", "\u{c4}", "A B", ""] {
        assert_refused(Format::Shell, name, b"x", Reason::NameCharacters);
        for shell in ["bash", "dash"] {
            let output = ask(shell, format!("export {name}='x'\nenv\n").as_bytes());
            let shown = String::from_utf8_lossy(&output.stdout);
            assert!(!shown.lines().any(|line| line == format!("{name}=x")), "{shell} {name:?}");
        }
    }
}

/// What the refused names would do: each of these creates the file.
#[test]
fn attack_shell_variables_that_run_their_value() {
    let folder = tempfile::tempdir().unwrap();
    let canary = folder.path().join("canary");
    let run = format!("$(touch {})", canary.display());
    for (shell, name, value, then) in [
        ("bash", "RANDOM", format!("a[{run}]"), ""),
        ("bash", "OPTIND", format!("a[{run}]"), ""),
        ("bash", "HISTCMD", format!("a[{run}]"), ""),
        ("bash", "PS4", run.clone(), "set -x; :"),
        ("bash", "BASH_ENV", run.clone(), "bash -c :"),
        ("dash", "PS4", run.clone(), "set -x; :"),
        ("dash", "ENV", run, "echo : | dash -i"),
    ] {
        assert_refused(Format::Shell, name, value.as_bytes(), Reason::NameOfTheShell);
        ask(shell, format!("export {name}='{value}'\n{then}\n").as_bytes());
        assert!(canary.exists(), "{shell}: {name} is refused without need");
        std::fs::remove_file(&canary).unwrap();
    }
}

/// fish loses these, loads code from them, or shows them.
#[test]
fn attack_variables_that_fish_does_not_keep_to_itself() {
    for name in ["status", "version", "history", "hostname", "pipestatus", "fish_pid", "_"] {
        assert_refused(Format::Fish, name, b"x", Reason::NameOfTheShell);
        let read = ask("fish", format!("set -gx {name} 'x'\nprintf %s \"${name}\"\n").as_bytes());
        assert_ne!(read.stdout, b"x", "{name} is refused without need");
    }
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().display();
    let canary = folder.path().join("canary");
    let function = format!("function planted; touch {here}/canary; end\n");
    std::fs::write(folder.path().join("planted.fish"), function).unwrap();
    let program = format!("#!/bin/sh\ntouch {here}/canary\n");
    std::fs::write(folder.path().join("planted"), program).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path().join("planted"), mode).unwrap();
    for name in ["fish_function_path", "fish_user_paths"] {
        let value = here.to_string();
        assert_refused(Format::Fish, name, value.as_bytes(), Reason::NameOfTheShell);
        ask("fish", format!("set -gx {name} '{value}'\nplanted\n").as_bytes());
        assert!(canary.exists(), "{name} is refused without need");
        std::fs::remove_file(&canary).unwrap();
    }
    assert_refused(Format::Fish, "fish_trace", b"1", Reason::NameOfTheShell);
    let shown = ask("fish", b"set -gx fish_trace '1'\nset -gx NEXT 'a secret'\n").stderr;
    assert!(String::from_utf8_lossy(&shown).contains("a secret"), "refused without need");
}

/// The other direction: no variable that these shells know and the writer accepts is changed.
#[test]
fn every_accepted_shell_variable_keeps_its_value() {
    let known: [(Format, &[&str], &[u8]); 3] = [
        (Format::Shell, &["bash", "dash", "zsh"], b"compgen -v"),
        (Format::Shell, &["zsh", "bash", "dash"], b"print -l ${(k)parameters}"),
        (Format::Fish, &["fish"], b"set --names"),
    ];
    let more = ["HISTFILE", "LANG", "LC_ALL", "PWD", "OLDPWD", "HOME", "A_PATH", "path", "PATH"];
    let value: &[u8] = b"a b$x[$(touch canary)]";
    let mut wrong = vec![];
    for (format, shells, list) in known {
        let names = String::from_utf8(ask(shells[0], list).stdout).unwrap();
        let mut asked = 0;
        for name in names.lines().chain(more) {
            let Ok(text) = write(format, &[(name, value)]) else {
                continue;
            };
            for shell in shells {
                // The shell's own `printf`, and no `PATH` to run anything by.
                let script = [&text, format!("printf %s \"${name}\"\n").as_bytes()].concat();
                let read = ask(shell, &script);
                if read.stdout != value {
                    wrong.push(format!(
                        "{shell}: {name}: {}",
                        String::from_utf8_lossy(&read.stderr)
                    ));
                }
                asked += 1;
            }
        }
        assert!(asked > 20, "only {asked} variables");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Runs a script whatever comes of it.
fn ask(shell: &str, script: &[u8]) -> std::process::Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ask.sh");
    std::fs::write(&file, script).unwrap();
    let mut command: Command = readers::clean_command(shell);
    command.current_dir(folder.path()).arg(&file).output().unwrap()
}
