//! Every message of a failure is seen in a transcript or in another test, but for those that are
//! listed here with what keeps a test from them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Constant parts of messages that no test sees, and why.
#[rustfmt::skip]
const UNSEEN: &[(&str, &str)] = &[
    // Somebody else is faster, by a moment that no test hits.
    ("another agent of this vault was started meanwhile", "two agents start in the same moment"),
    ("the agent holds another key than the key file", "the file changes while the agent is asked"),
    ("the key file was changed meanwhile", "the file changes between two reads"),
    ("the master key was replaced meanwhile", "a rotation ends between a read and a lock"),
    ("was changed meanwhile; the file stays", "a secret changes between its import and the question"),
    ("a vault was made there meanwhile; nothing was changed", "a vault is made while one is restored"),
    ("the scratch folder is gone", "the folder goes while it is held"),
    ("the copy is gone", "the copy goes before it is opened"),
    ("the database is gone", "the database goes while shares are typed in"),
    ("is still there: the rotation that was interrupted was another one", "two rotations, one killed"),
    // The system refuses what it gives to every process.
    ("the agent can not be started", "no socket, no timer or no watch is to be had"),
    ("the agent can not be started:", "no process can be made"),
    ("no thread can be made:", "no thread can be made"),
    ("no script could be made:", "a write into memory fails"),
    ("nothing could be read:", "a terminal fails"),
    ("nobody can be asked:", "a terminal fails"),
    ("nothing could be shown:", "a terminal fails"),
    (") can not be told to end:", "the process is one of another user, whose home is not ours"),
    ("there is no place in memory for the text, and it goes on no disk", "a machine without tmpfs"),
    // What was just written is read back otherwise.
    ("what was written does not read back as it was", "a disk that lies"),
    ("does not hold what was written", "a disk that lies"),
    ("the new key file does not open; nothing was changed", "a disk that lies"),
    ("the shares do not rebuild the key; none was given out", "a mistake in the arithmetic"),
    ("no shares were made", "a rotation that gives no key"),
    // Words that the program says to itself, by pipes that nobody else has.
    ("this is no command: `zms unlock` starts it", "the agent's own process"),
    ("this is no command: `zms key protect keychain` uses it", "the helper of the keychain"),
    ("no such entry", "the helper's answer, which is put in other words"),
    ("this zms was built without it", "another build"),
    // What comes before forbids it.
    ("an argument contains a NUL byte", "no program can be given one"),
    ("there is a control character in these words", "no word is wrong for that alone"),
    ("there is no help for it", "each command has help"),
    ("the server has no number", "a process has one"),
    ("there is nothing to sign", "an audit begins with its vault"),
    ("nothing is held in full", "an administrator holds the top"),
    ("the key file is for another vault", "the key of a file opened the backup of that vault"),
    ("the shares of set", "two sets with the same number of 15 bits"),
    ("a service needs its environment: `-e NAME` (", "tokens of a whole project are made by programs"),
    ("there is no environment here", "tokens of a whole project are made by programs"),
    ("lies in no environment", "tokens of a whole project are made by programs"),
    ("the bundle would be larger than 64 MiB", "takes a vault that is larger, and minutes"),
];

/// The same of the errors of the crates below: tests there compare these as what they are, not as
/// what they say.
#[rustfmt::skip]
const UNREAD: &[(&str, &str)] = &[
    ("a bundle can not be made:", "what follows says why, and is seen"),
    ("the bundle was damaged or changed:", "what follows says why, and is seen"),
    ("the vault's engine refused the change:", "an engine refuses what clients do not make"),
    ("the token may not be used from here", "an engine's answer to a network that is not allowed"),
    ("the request is not authenticated", "an engine tells it by a status"),
    ("is no member of this vault", "a token is looked up by its name before"),
    ("the store does not show all of the vault", "a store that lies"),
    ("its roster does not verify", "a bundle that was forged"),
    ("it would be larger than", "takes a vault that is larger, and minutes"),
    ("somebody else changed the vault meanwhile", "tried again, and then told in other words"),
    ("secrets live in a project and environment, not at the top of the vault", "no place is the top"),
    ("has had its last revision", "takes 2^63 revisions"),
    ("the vault can not be restored any more: its pins have the last generation", "takes 2^63 restores"),
    ("nobody can take out the key that acts here", "the command line says so in other words"),
    ("can not be read, and the leaving token may have written it", "a token that wrote junk"),
    ("the roster is older than is demanded here", "told with the time of the roster"),
    ("is older than what this token opens", "a store that keeps back older keys"),
    ("malformed message", "a part of a record that was forged"),
    ("signature does not verify", "a part of a record that was forged"),
    ("the key file asks for passphrase parameters outside 19 MiB..2 GiB, 16 passes, 16 lanes", "a file that was made by hand"),
    ("has all the shares that it needs", "the command line says so in other words"),
    ("there are enough shares already", "nobody is asked for more"),
    ("the groups do not fit together: at least one is of another set", "two sets with the same number of 15 bits"),
    ("the shares hold a secret of", "shares that another program made of something else"),
    ("a passphrase of shares has only printable ASCII characters", "asked for on a terminal alone"),
    ("shares need at least one group", "the options always give one"),
    ("there can be at most", "the options are counted before"),
    ("a secret to be split has an even number of bytes from", "a key has 32"),
    ("the first line does not name the columns Key and Value", "a table is known by that line"),
    ("has more than 1000 fields", "a line of that size, in another test by its code"),
    ("the file holds more than a million values", "a file of that size, in another test by its code"),
    ("can not be listened on", "told with the address"),
    ("can be read by everybody", "the key of a certificate, in the tests of TLS as what it is"),
    ("the key is not that of the certificate", "in the tests of TLS as what it is"),
    ("the certificate is not good for", "in the tests of TLS as what it is"),
];

/// Shorter constant parts say nothing: what the message is stands in the placeholders.
const SHORTEST: usize = 4;

/// The crates below that say something which users read.
const BELOW: [&str; 8] = [
    "zms-client",
    "zms-core",
    "zms-crypto",
    "zms-format",
    "zms-server",
    "zms-store",
    "zms-store-postgres",
    "zms-store-sqlite",
];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    // A crate need not have the folder.
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs" || it == "txt" || it == "md") {
            found.push(path);
        }
    }
}

fn texts(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    found.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// A string literal of Rust from behind its opening quote: its text, and where it ends.
fn literal(source: &str) -> (String, usize) {
    let (mut text, mut chars) = (String::new(), source.char_indices());
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return (text, at + 1),
            '\\' => match chars.next().unwrap().1 {
                '\n' => {
                    let rest = chars.as_str();
                    let behind = rest.len() - rest.trim_start().len();
                    chars.by_ref().take(behind).for_each(drop);
                }
                'n' => text.push('\n'),
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
    panic!("a literal does not end: {text}")
}

/// The literals between a bracket that was opened and the one that closes it.
fn literals(source: &str) -> Vec<String> {
    let (mut found, mut depth, mut at) = (Vec::new(), 1, 0);
    while depth > 0 {
        let rest = &source[at..];
        let char = rest.chars().next().expect("brackets close");
        at += char.len_utf8();
        match char {
            '"' => {
                let (text, length) = literal(&source[at..]);
                found.push(text);
                at += length;
            }
            // A character, which may be a quote or a bracket; a lifetime has no second mark.
            '\'' if rest[1..].starts_with('\\') => at += rest[3..].find('\'').unwrap() + 3,
            '\'' if rest.chars().nth(2) == Some('\'') => {
                at += rest.chars().skip(1).take(2).map(char::len_utf8).sum::<usize>();
            }
            '/' if rest.starts_with("//") => at += rest.find('\n').unwrap(),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
    }
    found
}

/// The longest part of a message that is no placeholder.
fn constant(message: &str) -> String {
    let marked = message.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let parts = marked.split('{').enumerate().map(|(number, part)| match number {
        0 => part,
        _ => part.split_once('}').map_or("", |(_, behind)| behind),
    });
    let longest = parts.map(str::trim).max_by_key(|part| part.len()).unwrap_or_default();
    longest.replace('\u{1}', "{").replace('\u{2}', "}")
}

/// What is given to a failure in the sources, and what tests say.
fn said_and_seen() -> (Vec<(PathBuf, String)>, String) {
    let (mut said, mut seen) = (Vec::new(), String::new());
    for (path, text) in texts("src") {
        // Tests in the sources are tests.
        let (source, tests) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
        seen += tests;
        for (at, _) in source.match_indices("Failure::") {
            let rest = &source[at + "Failure::".len()..];
            let makers = ["new(", "usage(", "other(", "not_found("];
            let Some(maker) = makers.into_iter().find(|maker| rest.starts_with(maker)) else {
                continue;
            };
            let messages = literals(&rest[maker.len()..]).into_iter();
            said.extend(messages.map(|message| (path.clone(), constant(&message))));
        }
    }
    let below = BELOW.map(|name| format!("../{name}/tests"));
    for folder in below.iter().map(String::as_str).chain(["tests"]) {
        let others = texts(folder).into_iter();
        let others = others.filter(|(path, _)| !path.ends_with("transcripts/messages.rs"));
        seen.extend(others.map(|(_, text)| text));
    }
    for (_, text) in BELOW.iter().flat_map(|name| texts(&format!("../{name}/src"))) {
        seen += text.split_once("#[cfg(test)]").unwrap_or_default().1;
    }
    // The pages that are run as transcripts, and the others: what they quote somebody has read.
    seen.extend(texts("../../docs").into_iter().map(|(_, text)| text));
    // A literal that goes on in another line is one text.
    let seen = seen.split("\\\n").map(str::trim_start).collect::<String>();
    (said.into_iter().filter(|(_, part)| part.len() >= SHORTEST).collect(), seen)
}

/// The texts of `#[error("...")]` in the crates below.
fn said_below() -> Vec<(PathBuf, String)> {
    let mut said = Vec::new();
    for crate_below in BELOW {
        for (path, text) in texts(&format!("../{crate_below}/src")) {
            let (source, _) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
            for (at, mark) in source.match_indices("#[error(") {
                let messages = literals(&source[at + mark.len()..]).into_iter().take(1);
                said.extend(messages.map(|message| (path.clone(), constant(&message))));
            }
        }
    }
    said.retain(|(_, part)| part.len() >= SHORTEST);
    said
}

#[test]
fn every_error_of_the_crates_below_is_seen_in_a_test() {
    let ((_, seen), said) = (said_and_seen(), said_below());
    assert!(said.len() > 150, "only {} errors were found", said.len());
    let unseen: BTreeSet<&str> =
        said.iter().map(|(_, part)| &**part).filter(|part| !seen.contains(part)).collect();
    let stated: BTreeSet<&str> = UNREAD.iter().map(|(part, _)| *part).collect();
    let missing: Vec<_> = unseen.difference(&stated).collect();
    assert!(missing.is_empty(), "no test sees these: {missing:#?}");
    let idle: Vec<_> = stated.difference(&unseen).collect();
    assert!(idle.is_empty(), "these are seen, or said no more: {idle:#?}");
}

#[test]
fn every_message_of_a_failure_is_seen_in_a_test() {
    let (said, seen) = said_and_seen();
    assert!(said.len() > 250, "only {} messages were found", said.len());
    let unseen: BTreeSet<&str> =
        said.iter().map(|(_, part)| &**part).filter(|part| !seen.contains(part)).collect();
    let stated: BTreeSet<&str> = UNSEEN.iter().map(|(part, _)| *part).collect();
    let missing: Vec<_> = said
        .iter()
        .filter(|(_, part)| unseen.contains(&**part) && !stated.contains(&**part))
        .collect();
    assert!(missing.is_empty(), "no test sees these: {missing:#?}");
    let idle: Vec<_> = stated.difference(&unseen).collect();
    assert!(idle.is_empty(), "these are seen, or said no more: {idle:#?}");
}

#[test]
fn messages_are_found_in_sources_as_they_are_said() {
    let source = r#"Exit::Other, format!("a \"{name}\" \
        goes on: {{it}}", name = ')'), '"', "b") "c""#;
    let found = literals(source);
    assert_eq!(found, ["a \"{name}\" goes on: {{it}}", "b"]);
    assert_eq!(constant(&found[0]), "\" goes on: {it}");
    assert_eq!(constant("{a}{b}"), "");
}
